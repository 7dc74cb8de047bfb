"""The two languages say the same."""

from dataclasses import fields
from string import Formatter
from typing import Any

import pytest

from services.sender.report import FileFault, Repair, RowFault
from ui.shell.texts import Texts
from ui.shell.texts_en import ENGLISH
from ui.shell.texts_ru import RUSSIAN


def filled_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def pairs() -> list[tuple[str, Any, Any]]:
    return [(field.name, getattr(RUSSIAN, field.name), getattr(ENGLISH, field.name)) for field in fields(Texts)]


def test_sentences_are_filled_in_with_the_same() -> None:
    """A sentence of one language wants no figure that its twin does not."""
    for name, russian, english in pairs():
        if isinstance(russian, str):
            assert filled_in(russian) == filled_in(english), name


@pytest.mark.parametrize("texts", [RUSSIAN, ENGLISH], ids=["ru", "en"])
def test_whatever_the_sender_finds_has_a_sentence(texts: Texts) -> None:
    """Every kind of repair and of refusal is told in words."""
    assert set(texts.repairs) == set(Repair)
    assert set(texts.row_refusals) == set(RowFault)
    assert set(texts.file_refusals) == set(FileFault)
    assert all(filled_in(sentence) <= {"names"} for sentence in texts.file_refusals.values())


def test_the_buttons_are_named_as_agreed() -> None:
    """Users and tests look for these words."""
    assert RUSSIAN.view_button == "Посмотреть результаты"
    assert RUSSIAN.send_button == "Отправить в Kafka"
    assert (RUSSIAN.template_link, RUSSIAN.sample_link) == ("Скачать шаблон", "Скачать пример")
