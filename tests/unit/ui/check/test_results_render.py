"""Results as HTML."""

from dataclasses import replace
from datetime import UTC, datetime

from tests.support.other_contracts import LOANS, SHIPPED
from ui.check import render
from ui.check.texts import CHECK_TEXTS
from ui.database import Flagged, Results, Snapshot, Totals
from ui.shell.roles import with_roles
from ui.shell.texts import ENGLISH, RUSSIAN
from ui.threshold.models import ScoringModel

WORDS = CHECK_TEXTS["ru"]
READ_AT = datetime(2026, 11, 23, 9, 4, 5, tzinfo=UTC)
TRANSACTION = Flagged(
    "id-1", 0.9734, datetime(2020, 6, 21, 22, 14), 1250.5, "shopping_net", "fraud_Kilback LLC", "TX", READ_AT
)
TOTALS = Totals(12_345, 67, exact=True)
MODEL = ScoringModel("2026-11-20", 0.37)


def snapshot(flagged: list[Flagged], totals: Totals = TOTALS) -> Snapshot:
    return Snapshot(flagged, [0.1], totals, READ_AT)


def test_a_flagged_transaction_reads_in_russian() -> None:
    """Day before month, spaces in thousands, decimal comma, and no word "fraud" before each merchant."""
    html = render.flagged_table([TRANSACTION], RUSSIAN, WORDS, 180)
    for cell in (
        "21.06.2020 22:14",
        "1\u00a0250,50",
        "shopping_net",
        ">Kilback LLC<",
        ">TX<",
        ">0,973<",
        ">id-1<",
        ">23.11.2026 12:04<",
    ):
        assert cell in html
    assert "fraud_" not in html


def test_a_flagged_transaction_reads_in_english() -> None:
    """ISO date, commas in thousands, decimal point."""
    html = render.flagged_table([TRANSACTION], ENGLISH, CHECK_TEXTS["en"], 180)
    for cell in ("2020-06-21 22:14", "1,250.50", ">0.973<"):
        assert cell in html


def test_the_history_is_shown_in_words() -> None:
    """How many earlier transactions the customer has, that this is the first, or that it is not known who pays."""
    counts = (None, 0, 1, 22, 1_205)
    texts = with_roles(RUSSIAN, SHIPPED)
    html = {count: render.flagged_table([replace(TRANSACTION, earlier=count)], texts, WORDS, 180) for count in counts}
    assert ">неизвестно<" in html[None]
    assert ">первая транзакция<" in html[0]
    assert ">1\u00a0транзакция<" in html[1]
    assert "22" in html[22]
    assert "транзакции<" in html[22]
    assert "транзакций<" in html[1_205]


def test_without_a_key_there_is_no_history_to_show() -> None:
    """Neither its column nor what it means."""
    html = render.flagged_table([TRANSACTION], with_roles(RUSSIAN, LOANS), WORDS, 180)
    assert WORDS.column_earlier not in html
    assert WORDS.earlier_hint not in html
    assert ">id-1<" in html


def test_a_score_without_its_transaction_is_shown() -> None:
    """The score may arrive before the transaction: dashes stand for what is not known yet."""
    html = render.flagged_table([Flagged("id-1", 0.9, None, None, None, None, None, READ_AT)], RUSSIAN, WORDS, 180)
    assert html.count(">—<") == 5


def test_no_flagged_transaction_is_shown_in_words() -> None:
    """An empty table would be no answer."""
    assert WORDS.no_flagged in render.flagged_table([], RUSSIAN, WORDS, 180)
    assert "<table" not in render.flagged_table([], RUSSIAN, WORDS, 180)


def test_totals_tell_share_time_and_model() -> None:
    """How many, which share, when, by which model."""
    html = render.results_head(Results(snapshot([]), fresh=True), MODEL, RUSSIAN, WORDS, 180)
    assert "Оценено 12\u00a0345\u00a0транзакций, с fraud_flag = 1 — 67 (0,54\u00a0%)." in html
    assert "Обновлено в 12:04:05 · модель 2026-11-20, порог 0,37" in html


def test_a_mart_without_scores_has_no_totals() -> None:
    """No share of nothing."""
    html = render.results_head(Results(snapshot([], Totals(0, 0, exact=True)), fresh=True), MODEL, RUSSIAN, WORDS, 180)
    assert "Оценено" not in html
    assert "Обновлено в 12:04:05" in html


def test_an_estimated_total_says_so() -> None:
    """Above some millions the total is PostgreSQL's estimate."""
    answer = Results(snapshot([], Totals(12_000_000, 67, exact=False)), fresh=True)
    assert "около 12\u00a0000\u00a0000" in render.results_head(answer, None, RUSSIAN, WORDS, 0)


def test_in_an_outage_the_age_of_the_data_is_reported() -> None:
    """The last answer is shown, with the time it is of."""
    html = render.results_head(Results(snapshot([]), fresh=False), MODEL, RUSSIAN, WORDS, 180)
    assert "База недоступна. Показаны данные на 12:04." in html


def test_an_outage_from_the_start_is_reported() -> None:
    """Nothing was ever read: say so, and what to do."""
    assert WORDS.database_unavailable in render.results_head(Results(None, fresh=False), MODEL, RUSSIAN, WORDS, 0)
