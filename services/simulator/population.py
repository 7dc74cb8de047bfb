"""The people and the shops of a simulated world, made from a seed. Knows nothing of payments, files or Kafka."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from services.simulator.places import STATES, STREET_KINDS, TOWN_HEADS, TOWN_TAILS, town_sizes
from services.simulator.profiles import CATEGORIES, PROFILES, Floats, Ints
from services.simulator.words import JOBS, MEN, SURNAMES, WOMEN

Word = TypeVar("Word")

SHOPS_A_CATEGORY = 50
SHARED_NAMES = 7
"""Shops that sell in a second category too: 14 * 50 - 7 = 693 names."""

FRAUD_PERIOD_DAYS = 730
"""A customer's card is stolen once in so many days."""

NEVER_PAYS = 0.043
"""Share of customers who pay nothing themselves: only thieves use their cards."""

PAYMENTS_A_RATE_STEP = 0.9
"""Legitimate payments on an average day of an average season for each step of a customer's rate (1 to `busiest`)."""

_HOUSES = 9_000
_STREET_STEP = 7_368_787  # a prime that does not divide the number of addresses: all addresses differ


class Person(NamedTuple):
    """What the messages say of a customer; fields as in the contract."""

    name_1: str
    name_2: str
    gender: str
    street: str
    one_city: str
    us_state: str
    post_code: int
    lat: float
    lon: float
    population_city: int
    jobs: str


@dataclass(frozen=True)
class Customers:
    """Everyone who pays, n of them.

    Attributes:
        people: what the messages say of them.
        profile: index into PROFILES, shape (n,).
        rate: legitimate payments on an average day, shape (n,).
        fraud_phase: day of the fraud period on which the customer's fraud window opens, shape (n,).
        lat, lon: home, degrees, shape (n,).
    """

    people: list[Person]
    profile: Ints
    rate: Floats
    fraud_phase: Ints
    lat: Floats
    lon: Floats


class Shop(NamedTuple):
    """A merchant in one of its categories."""

    merch: str
    cat_id: str


@dataclass(frozen=True)
class World:
    """A seed and who lives in it; `shops` are 50 a category, in the order of CATEGORIES."""

    seed: int
    customers: Customers
    shops: list[Shop]


def make_world(seed: int, customers: int) -> World:
    """Return the world of a seed (0 or more) with so many customers (1 or more). The same seed gives the same world."""
    rng = np.random.Generator(np.random.PCG64([seed, customers]))
    return World(seed, make_customers(rng, customers), make_shops(rng))


def make_customers(rng: np.random.Generator, size: int) -> Customers:
    """Return `size` customers, no two of them with the same names and street."""
    profile = _spread(rng, [profile.customers for profile in PROFILES], size)
    busiest = np.array([profile.busiest for profile in PROFILES])[profile]
    rate = PAYMENTS_A_RATE_STEP * np.ceil((1 - rng.random(size)) * busiest)
    rate[rng.random(size) < NEVER_PAYS] = 0.0
    turns = (rng.permutation(size) + rng.random(size)) / size  # evenly over the period: small worlds have frauds too
    state = _spread(rng, [state.customers for state in STATES], size)
    lat = _within(rng, np.array([state.latitudes for state in STATES])[state])
    lon = _within(rng, np.array([state.longitudes for state in STATES])[state])
    people = _people(rng, profile, state, np.round(lat, 4), np.round(lon, 4))
    return Customers(people, profile, rate, (turns * FRAUD_PERIOD_DAYS).astype(np.int64), lat, lon)


def make_shops(rng: np.random.Generator) -> list[Shop]:
    """Return 50 shops a category, 693 names in all; every name begins with `fraud_`, which says nothing of fraud."""
    count = SHOPS_A_CATEGORY * len(CATEGORIES)
    surnames = iter([SURNAMES[number] for number in rng.permutation(len(SURNAMES))])
    names = [_shop_name(int(kind), surnames) for kind in rng.integers(0, 4, count - SHARED_NAMES)]
    names += names[:SHARED_NAMES]
    return [Shop(name, CATEGORIES[number // SHOPS_A_CATEGORY]) for number, name in enumerate(names)]


def _shop_name(kind: int, surnames: "Sequence[str]") -> str:
    raise NotImplementedError
