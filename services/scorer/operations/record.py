"""The operations over the fields of one record: a feature or a derived number is one of these, named in the contract.

Each is a pure function of columns [n] and returns a column of numbers, [n], NaN where it has no value.
"""

from functools import partial
from itertools import repeat
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from services.common.contract.model import Axis, LookupTable
from services.scorer.event_time import SECONDS_A_DAY
from services.scorer.operations.registry import Any_, Known, KnownTexts, Number, Operation, Text, Time, register

OPERATIONS: dict[str, Operation] = {}
"""Every operation over the fields of one record, by its name in a contract."""

operation = partial(register, OPERATIONS)

Hour = Annotated[int, Field(ge=0, le=24)]

EARTH_RADIUS_KM = 6371.0088
"""The mean radius R1 of the earth (International Union of Geodesy and Geophysics)."""


@operation(unit="place", example='channel = { code = "channel", unknown = -1 }', missing="sometimes")
def code(text: Known, *, unknown: float = np.nan) -> NDArray[Any]:
    """The place of the text among the field's `values`, from 0; `unknown` (missing by default) for any other text.

    Spellings that differ only by case, blanks, dashes or underscores are known.
    """
    return codes_of(text, unknown)


@operation(unit="hours, 0 to 23", example='hour = { hour = "paid_at" }')
def hour(time: Time) -> NDArray[Any]:
    """The hour of the day."""
    return time % SECONDS_A_DAY // 3600


@operation(unit="minutes, 0 to 1,439", example='minute = { minute_of_day = "paid_at" }')
def minute_of_day(time: Time) -> NDArray[Any]:
    """The minute of the day."""
    return time % SECONDS_A_DAY // 60


@operation(unit="days, Monday is 0", example='weekday = { weekday = "paid_at" }')
def weekday(time: Time) -> NDArray[Any]:
    """The day of the week."""
    return (time // SECONDS_A_DAY + 3) % 7  # 1970-01-01 was a Thursday


@operation(unit="months, 1 to 12", example='month = { month = "paid_at" }')
def month(time: Time) -> NDArray[Any]:
    """The month of the year, in the Gregorian calendar."""
    known = np.isfinite(time)
    months = np.where(known, time, 0).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    return months if known.all() else np.where(known, months, np.nan)


@operation(unit="0 or 1", example='night = { hour_between = "paid_at", first = 22, end = 4 }', flag=True)
def hour_between(time: Time, *, first: Hour, end: Hour) -> NDArray[Any]:
    """1 from the hour `first` to before the hour `end`, which may lie behind midnight; else 0."""
    of_day = time % SECONDS_A_DAY
    late, early = of_day >= first * 3_600, of_day < end * 3_600
    return _flag(late | early if first > end else late & early, np.isnan(of_day))


@operation(unit="seconds", example='age = { seconds_between = ["opened_at", "paid_at"] }')
def seconds_between(earlier: Time, later: Time) -> NDArray[Any]:
    """The time from the first to the second; negative if it is the other way round."""
    return later - earlier


@operation(unit="natural logarithm", example='income_log = { log1p = "income" }', missing="sometimes")
def log1p(number: Number) -> NDArray[Any]:
    """ln(1 + x); missing for x <= -1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(number > -1, np.log1p(number), np.nan)


@operation(unit="of the two", example='share = { ratio = ["loan", "income"] }', missing="sometimes")
def ratio(number: Number, by: Number) -> NDArray[Any]:
    """The first divided by the second; missing where the second is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(by != 0, number / by, np.nan)


@operation(unit="of the two", example='left = { difference = ["income", "loan"] }')
def difference(number: Number, less: Number) -> NDArray[Any]:
    """The first minus the second."""
    return number - less


@operation(unit="0 or 1", example='urban = { above = "town_size", limit = 2500 }', flag=True)
def above(number: Number, *, limit: float) -> NDArray[Any]:
    """1 for a number greater than `limit`, else 0."""
    return _flag(number > limit, np.isnan(number))


@operation(unit="0 or 1", example='no_city = { is_missing = "city" }', flag=True, missing="never")
def is_missing(field: Any_) -> NDArray[Any]:
    """1 where the field is missing, else 0."""
    if isinstance(field, KnownTexts):
        field = field.texts
    if isinstance(field, np.ndarray):
        return np.isnan(field)
    return np.array([text is None for text in field], np.bool_)


@operation(unit="characters", example='length = { length = "comment" }')
def length(text: Text) -> NDArray[Any]:
    """The number of characters of a text."""
    return np.array([np.nan if one is None else len(one) for one in text], np.float64)


@operation(
    unit="km",
    example='distance_km = { haversine = ["lat", "lon", "shop_lat", "shop_lon"] }',
    missing="sometimes",
)
def haversine(lat: Number, lon: Number, to_lat: Number, to_lon: Number) -> NDArray[Any]:
    """The distance on the sphere between two places given in degrees.

    R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68(2), 1984.
    """
    from_lat, from_lon, lat, lon = (np.radians(degrees) for degrees in (lat, lon, to_lat, to_lon))
    half_chord = np.sin((lat - from_lat) / 2) ** 2 + np.cos(lat) * np.cos(from_lat) * np.sin((lon - from_lon) / 2) ** 2
    distance: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half_chord, 0, 1)))
    return distance


@operation(
    unit="of the table",
    example='risk = { table = ["channel", "night", "amount"], file = "risk.json" }',
    missing="never",
)
def table(*by: Any_, file: LookupTable) -> NDArray[Any]:
    """The entry of a look-up table in a file beside the contract: an axis for each operand, a text or a number.

    A text that the axis does not have, and a number above its last edge or missing, take the axis's last place.
    """
    cell = np.zeros(1, np.int64)
    for axis, operand in zip(file.axes, by, strict=True):
        cell = cell * axis.places + _places_on(axis, operand)
    return np.frombuffer(file.numbers, np.float32)[cell]


def codes_of(text: KnownTexts, unknown: float) -> NDArray[np.float64]:
    """Return the code of each text, float64 [n]; `unknown` for texts that are not known, NaN for missing ones."""
    codes, texts = text.codes, text.texts
    found = np.fromiter(map(codes.get, texts, repeat(np.nan)), np.float64, len(texts))
    for place in np.flatnonzero(np.isnan(found)).tolist():
        if (one := texts[place]) is not None:
            found[place] = codes.get(text.vocabulary.find(one), unknown)
    return found


def _places_on(axis: Axis, operand: Any) -> NDArray[np.int64]:
    if axis.edges:
        bins: NDArray[np.int64] = np.searchsorted(np.frombuffer(axis.bounds), operand)
        return bins
    texts = operand.texts if isinstance(operand, KnownTexts) else operand
    found = codes_of(KnownTexts(texts, axis.codes, axis.vocabulary), np.nan)
    if isinstance(operand, KnownTexts):  # another word for a known text has the place of that text
        for place in np.flatnonzero(np.isnan(found)).tolist():
            if (one := texts[place]) is not None:
                found[place] = axis.codes.get(operand.vocabulary.find(one), np.nan)
    return np.where(np.isnan(found), len(axis.values), found).astype(np.int64)


def _flag(found: NDArray[np.bool_], missing: NDArray[np.bool_]) -> NDArray[Any]:
    return np.where(missing, np.nan, found) if missing.any() else found
