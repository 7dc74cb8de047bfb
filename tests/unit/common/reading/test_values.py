"""services.common.reading.values and numbers: one reading for whatever is read."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.contract.model import Kind
from services.common.reading.numbers import Mark, proves, read_number
from services.common.reading.values import MISSING, MISSING_NAMES, BadValue, Spellings, read_id, read_time
from tests.support.contracts import cards

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31)).map(lambda time: time.replace(microsecond=0))
FORMS = st.sampled_from(
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.250+03:00", "%Y/%m/%d %H:%M:%S UTC",
     "%Y.%m.%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y, %H:%M:%S", "%Y%m%dT%H%M%S", "%Y-%m-%d %H:%M:%S,5-0500"]
)  # fmt: skip
NUMBERS = st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 2))


@given(MOMENTS, FORMS)
def test_every_form_of_a_time_shows_the_same_clock(time: datetime, form: str) -> None:
    """Whatever the marks, the order and the zone; what comes out is the contract's spelling, and reads as itself.

    Seconds of 0 are left out: so a transaction has one content, with them or without.
    """
    moment = read_time(time.strftime(form))
    assert moment.time == time
    assert moment.text == time.isoformat(" ", "seconds" if time.second else "minutes")
    assert read_time(moment.text).time == time


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_is_not(text: str) -> None:
    """No other error comes out."""
    try:
        moment = read_time(text)
    except BadValue as bad:
        assert str(bad)
    else:
        assert moment.time - datetime(1970, 1, 1) >= timedelta()


@pytest.mark.parametrize("text", ["3/4/2020", "3/4/2020 8:00", "13/04/2020 8:00", "04-03-2020 8:00", "1.2.20 8:00"])
def test_dates_that_may_be_of_two_days_are_named_so(text: str) -> None:
    """With the remedy."""
    with pytest.raises(BadValue, match="2020-03-04") as bad:
        read_time(text)
    assert bad.value.ambiguous


@given(NUMBERS, st.sampled_from(" ',"), st.sampled_from([None, *Mark]))
def test_a_number_with_both_marks_needs_nothing_to_decide(number: float, group: str, mark: Mark | None) -> None:
    """Grouped by a blank, an apostrophe or a comma, with two decimals; the file's mark does not matter."""
    text = f"{number:,.2f}".replace(",", group)
    assert read_number("number", text, mark).value == number
    assert proves("number", text) is Mark.POINT


@given(NUMBERS, st.booleans())
def test_marks_may_change_places(number: float, grouped: bool) -> None:
    """A decimal comma with points or blanks between thousands."""
    text = f"{number:,.2f}".translate(str.maketrans(",.", ".," if grouped else " ,"))
    assert read_number("number", text).value == number
    assert proves("number", text) is Mark.COMMA


@given(st.integers(1, 999), st.integers(0, 999), st.sampled_from(list(Mark)), st.sampled_from(list(Mark)))
def test_three_digits_behind_a_mark_are_what_the_file_says(whole: int, rest: int, found: Mark, mark: Mark) -> None:
    """Decimals or thousands; alone, a point is a decimal one and a comma is refused."""
    text = f"{whole}{found}{rest:03}"
    decimal, thousands = float(f"{whole}.{rest:03}"), float(f"{whole}{rest:03}")
    assert read_number("number", text, mark).value == (decimal if found is mark else thousands)
    assert proves("number", text) is None
    assert read_number("coordinate", text, mark).value == decimal
    if found is Mark.POINT:
        assert read_number("number", text).value == decimal
    else:
        with pytest.raises(BadValue, match=f"{whole}{rest:03} or") as bad:
            read_number("number", text)
        assert bad.value.ambiguous


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["number", "coordinate"]))
def test_what_a_program_writes_is_read_as_it_is(number: float, kind: Kind) -> None:
    """Digit by digit, without a mend, unless its three decimals stand in a file of decimal commas."""
    assert read_number(kind, repr(number)) == (number, ())


@given(st.text(alphabet="0123456789.,' +-eE_", max_size=12), st.sampled_from([None, *Mark]))
def test_any_text_is_a_number_or_is_not(text: str, mark: Mark | None) -> None:
    """And proves one mark at most, with which it is a number."""
    proved = proves("number", text)
    try:
        read_number("number", text, mark)
    except BadValue as bad:
        assert proved is None or not bad.ambiguous


@given(st.sampled_from(["grocery_pos", "kids_pets", "home"]), st.randoms(use_true_random=False))
def test_spellings_that_differ_by_case_and_blanks_alone_are_known(name: str, random: object) -> None:
    """In any mixture."""
    known = Spellings(["grocery_pos", "kids_pets", "home"])
    for spelled in (
        name.upper(),
        name.title(),
        f" {name} ",
        name.replace("_", "-"),
        name.replace("_", " "),
        name.replace("_", ""),
    ):
        assert known.find(spelled) == name
    assert known.find(f"fraud_{name}") is None


def test_spellings_that_two_names_share_are_not_guessed() -> None:
    """Each of the two is known as it is written."""
    known = Spellings(["a_b", "ab"])
    assert [known.find(text) for text in ("a_b", "ab", "A-B")] == ["a_b", "ab", None]


def test_genders_are_mended() -> None:
    """As people write them in two languages."""
    known = cards().fields["gender"].vocabulary
    assert [known.find(text) for text in ("F", "f", "Female", "male", "М", "жен", "x")] == [
        "F",
        "F",
        "F",
        "M",
        "M",
        "F",
        None,
    ]


def test_words_for_missing() -> None:
    """Of the common programs; names of people are not among them in fields of names."""
    assert {"", "NA", "N/A", "n/a", "nan", "NaN", "NULL", "null", "None", "\\N", "-", "<NA>", "#N/A", "NaT"} <= MISSING
    assert {"Null", "Na", "Nan"} <= MISSING - MISSING_NAMES
    assert not {"0", "No", "Nancy", "F"} & MISSING


def test_ids() -> None:
    """Whole numbers are their digits; no boolean, no fraction."""
    assert [read_id(value) for value in (7, "7", "NULL", None, True, 7.5)] == ["7", "7", None, None, True, 7.5]
