"""Where customers live: states, town sizes and invented town and street names."""

from typing import NamedTuple

import numpy as np

from services.simulator.profiles import Floats


class State(NamedTuple):
    """A state: weight by customers, a box of coordinates that lies mostly inside it, and its range of post codes."""

    code: str
    customers: int
    latitudes: tuple[float, float]
    longitudes: tuple[float, float]
    post_codes: tuple[int, int]


STATES = (
    State("AK", 6, (60.8, 65.5), (-152.0, -145.0), (99501, 99950)),
    State("AL", 11, (31.1, 34.8), (-87.9, -85.5), (35004, 36925)),
    State("AR", 19, (33.2, 36.3), (-94.0, -91.2), (71601, 72959)),
    State("AZ", 8, (31.7, 36.5), (-113.8, -109.4), (85001, 86556)),
    State("CA", 54, (34.0, 40.5), (-121.0, -117.5), (90001, 96162)),
    State("CO", 14, (37.3, 40.8), (-108.5, -102.5), (80001, 81658)),
    State("CT", 8, (41.2, 42.0), (-73.3, -72.0), (6001, 6928)),
    State("DC", 1, (38.85, 38.95), (-77.08, -76.95), (20001, 20020)),
    State("DE", 2, (38.6, 39.7), (-75.7, -75.3), (19701, 19980)),
    State("FL", 26, (26.2, 30.4), (-82.2, -80.6), (32003, 34997)),
    State("GA", 20, (31.0, 34.7), (-84.9, -82.2), (30002, 31999)),
    State("HI", 1, (19.4, 20.0), (-155.9, -155.1), (96701, 96898)),
    State("IA", 32, (40.9, 43.3), (-95.8, -91.3), (50001, 52809)),
    State("ID", 6, (42.3, 44.6), (-116.7, -112.0), (83201, 83877)),
    State("IL", 45, (37.6, 42.3), (-90.4, -88.0), (60001, 62999)),
    State("IN", 22, (38.3, 41.6), (-87.3, -85.0), (46001, 47997)),
    State("KS", 20, (37.2, 39.8), (-101.5, -95.0), (66002, 67954)),
    State("KY", 19, (36.8, 38.4), (-87.9, -83.0), (40003, 42788)),
    State("LA", 21, (30.0, 32.9), (-93.5, -91.2), (70001, 71497)),
    State("MA", 23, (42.0, 42.6), (-73.2, -71.0), (1001, 2791)),
    State("MD", 8, (38.6, 39.6), (-77.3, -75.8), (20601, 21930)),
    State("ME", 12, (43.9, 46.7), (-70.6, -68.0), (3901, 4992)),
    State("MI", 23, (42.0, 45.2), (-85.9, -83.4), (48001, 49971)),
    State("MN", 25, (43.7, 47.9), (-96.2, -93.0), (55001, 56763)),
    State("MO", 21, (36.7, 40.3), (-94.4, -90.6), (63001, 65899)),
    State("MS", 8, (30.7, 34.8), (-90.8, -88.6), (38601, 39776)),
    State("MT", 15, (45.4, 48.7), (-113.5, -104.5), (59001, 59937)),
    State("NC", 25, (34.9, 36.4), (-82.2, -77.2), (27006, 28909)),
    State("ND", 13, (46.1, 48.8), (-103.5, -97.3), (58001, 58856)),
    State("NE", 21, (40.2, 42.8), (-102.5, -96.3), (68001, 69367)),
    State("NH", 4, (42.9, 44.6), (-72.0, -71.1), (3031, 3897)),
    State("NJ", 20, (39.5, 41.0), (-74.9, -74.2), (7001, 8989)),
    State("NM", 15, (32.2, 36.6), (-108.6, -103.5), (87001, 88441)),
    State("NV", 6, (37.0, 41.5), (-119.0, -114.6), (88901, 89883)),
    State("NY", 63, (41.0, 43.9), (-77.9, -73.8), (10001, 14975)),
    State("OH", 37, (39.0, 41.4), (-84.6, -81.0), (43001, 45999)),
    State("OK", 21, (34.3, 36.8), (-98.9, -94.8), (73001, 74966)),
    State("OR", 13, (42.4, 45.4), (-123.5, -117.6), (97001, 97920)),
    State("PA", 45, (40.0, 41.8), (-80.2, -75.4), (15001, 19640)),
    State("RI", 5, (41.5, 41.95), (-71.7, -71.4), (2801, 2940)),
    State("SC", 10, (33.0, 35.0), (-82.4, -79.5), (29001, 29945)),
    State("SD", 12, (43.1, 45.7), (-103.5, -97.0), (57001, 57799)),
    State("TN", 22, (35.1, 36.5), (-89.4, -83.0), (37010, 38589)),
    State("TX", 56, (28.5, 33.4), (-101.5, -95.0), (75001, 79999)),
    State("UT", 13, (37.3, 41.6), (-113.5, -109.8), (84001, 84784)),
    State("VA", 25, (36.7, 38.9), (-80.5, -76.6), (22001, 24658)),
    State("VT", 8, (42.9, 44.9), (-73.1, -72.2), (5001, 5907)),
    State("WA", 19, (46.0, 48.7), (-123.5, -117.5), (98001, 99403)),
    State("WI", 24, (42.7, 46.2), (-91.5, -88.0), (53001, 54990)),
    State("WV", 16, (37.7, 39.6), (-81.9, -79.8), (24701, 26886)),
    State("WY", 3, (41.3, 44.8), (-110.5, -104.6), (82001, 83128)),
)

_QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
_RURAL_SIZES = (20, 137, 313, 680, 1_458, 1_887, 2_128, 2_373, 2_499)
_URBAN_SIZES = (2_500, 3_380, 5_303, 14_866, 98_719, 493_806, 927_396, 2_504_700, 2_906_700)

TOWN_HEADS = (
    "Alder", "Ash", "Barn", "Beaver", "Birch", "Black", "Bright", "Brook", "Cedar", "Clear", "Cold", "Copper", "Cotton",
    "Crystal", "Deer", "Eagle", "East", "Elm", "Fair", "Fern", "Fox", "Glen", "Gold", "Grand", "Green", "Hazel", "High",
    "Iron", "Lake", "Lime", "Long", "Maple", "Mill", "North", "Oak", "Pine", "Plain", "Red", "River", "Rock", "Rose",
    "Salt", "Sand", "Silver", "South", "Spring", "Stone", "Summer", "Sweet", "West", "White", "Wild", "Willow", "Wood",
)  # fmt: skip
TOWN_TAILS = (
    "brook", "burg", "dale", "field", "ford", "grove", "ham", "haven", "hurst", "land", "ley", "mont", "more", "port",
    "side", "ton", "vale", "view", "ville", "water", "wick", "worth", " City", " Creek", " Falls", " Hill", " Springs",
)  # fmt: skip
STREET_KINDS = (
    "Alley", "Avenue", "Bend", "Bridge", "Center", "Circle", "Corner", "Court", "Crossing", "Drive", "Estate", "Ferry",
    "Forge", "Garden", "Green", "Harbor", "Hollow", "Inlet", "Junction", "Lane", "Mill", "Oval", "Park", "Pass", "Path",
    "Place", "Plaza", "Ridge", "Road", "Shore", "Square", "Station", "Street", "Terrace", "Trail", "Walk", "Way",
)  # fmt: skip


def town_sizes(rural: np.ndarray[tuple[int], np.dtype[np.bool_]], draws: Floats) -> list[int]:
    """Return inhabitants, one for each draw in [0, 1): under 2,500 where rural, up to millions elsewhere."""
    small = np.interp(draws, _QUANTILES, _RURAL_SIZES)
    large = np.exp(np.interp(draws, _QUANTILES, np.log(_URBAN_SIZES)))
    sizes: list[int] = np.where(rural, small, large).astype(np.int64).tolist()
    return sizes
