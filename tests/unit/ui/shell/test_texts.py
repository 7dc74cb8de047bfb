"""The two languages say the same, in every class of texts of the page."""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from string import Formatter
from typing import Any

import pytest

import ui
from services.sender.report import FileFault, Repair, RowFault
from ui.check.texts import CHECK_TEXTS
from ui.shell.texts import ENGLISH, RUSSIAN, Texts

SAME_IN_BOTH = {"Texts.other_language"}
"""It names Russian in Russian on the English page."""


def in_both_languages() -> dict[str, tuple[Any, Any]]:
    """Every {"ru": ..., "en": ...} of the page's modules, by its name, and the two texts of the whole page."""
    found: dict[str, tuple[Any, Any]] = {"Texts": (RUSSIAN, ENGLISH)}
    for module in pkgutil.walk_packages(ui.__path__, "ui."):
        if not module.name.endswith("__main__"):
            for attribute, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, Mapping) and value.keys() == {"ru", "en"}:
                    is_texts = is_dataclass(value["ru"])
                    name = type(value["ru"]).__name__ if is_texts else f"{module.name}.{attribute}"
                    found[name] = value["ru"], value["en"]
    return found


def texts_in(name: str, russian: Any, english: Any) -> Iterator[tuple[str, str, str]]:
    """Yield each text with its twin, and where they stand."""
    assert type(russian) is type(english), name
    if isinstance(russian, str):
        yield name, russian, english
    elif is_dataclass(russian):
        for one in fields(russian):
            yield from texts_in(f"{name}.{one.name}", getattr(russian, one.name), getattr(english, one.name))
    elif isinstance(russian, Mapping):
        assert russian.keys() == english.keys(), name
        for key in russian:
            yield from texts_in(f"{name}[{key}]", russian[key], english[key])
    elif isinstance(russian, tuple):
        assert len(russian) == len(english), name
        for place, pair in enumerate(zip(russian, english, strict=True)):
            yield from texts_in(f"{name}[{place}]", *pair)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize(("name", "pair"), in_both_languages().items(), ids=list(in_both_languages()))
def test_english_says_all_that_russian_says(name: str, pair: tuple[Any, Any]) -> None:
    """No English text is left in Russian or empty, and none wants a figure that its twin does not."""
    for where, russian, english in texts_in(name, *pair):
        assert where in SAME_IN_BOTH or not re.search("[а-яё]", english, re.IGNORECASE), where
        assert english or not russian.strip(), where
        assert placeholders(russian) == placeholders(english), where


@pytest.mark.parametrize("texts", [RUSSIAN, ENGLISH], ids=["ru", "en"])
def test_whatever_the_sender_finds_has_a_sentence(texts: Texts) -> None:
    """Every kind of repair and of refusal has its words."""
    assert set(CHECK_TEXTS[texts.language].repairs) == set(Repair)
    assert set(texts.row_refusals) == set(RowFault)
    assert set(texts.file_refusals) == set(FileFault)
    assert all(placeholders(sentence) <= {"names"} for sentence in texts.file_refusals.values())


def test_the_buttons_are_named_as_agreed() -> None:
    """Users and tests look for these words."""
    words = CHECK_TEXTS["ru"]
    assert words.view_button == "Посмотреть результаты"
    assert words.send_button == "Отправить в Kafka"
    assert (words.template_link, words.sample_link) == ("Скачать шаблон", "Скачать пример")
