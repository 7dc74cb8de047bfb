"""The people and the shops of a simulated world, generated from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from services.simulator.places import STATES, STREET_KINDS, TOWN_HEADS, TOWN_TAILS, town_sizes
from services.simulator.profiles import CATEGORIES, PROFILES, Floats, Ints
from services.simulator.words import JOBS, MEN, SURNAMES, WOMEN

SHOPS_A_CATEGORY = 50
SHARED_NAMES = 7
"""Shops that sell in a second category too: 14 * 50 - 7 = 693 names."""

FRAUD_PERIOD_DAYS = 730
"""A customer's card is stolen once in this many days."""

NEVER_PAYS = 0.043
"""Share of customers who pay nothing themselves: only thieves use their cards."""

TRANSACTIONS_A_RATE_STEP = 0.9
"""Legitimate transactions on a day of an average season for each step of a customer's rate (1 to `busiest`)."""

_SHOP_FORMS = (
    "{} Inc", "{} LLC", "{} Ltd", "{} PLC", "{} Group", "{} and Sons", "{}-{}", "{}-{}", "{}, {} and {}",
)  # fmt: skip
_HOUSES = 9_000
_STREET_STEP = 7_368_787  # a prime that does not divide the number of addresses: all addresses differ


class Person(NamedTuple):
    """A customer as in the messages; fields as in the contract."""

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
        rate: legitimate transactions on an average day, shape (n,).
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
    """Return the world of a seed (0 or more) with a number of customers (1 or more)."""
    rng = np.random.Generator(np.random.PCG64([seed, customers]))
    return World(seed, make_customers(rng, customers), make_shops(rng))


def make_customers(rng: np.random.Generator, size: int) -> Customers:
    """Return `size` customers, no two of them with the same names and street."""
    profile = _spread(rng, [profile.customers for profile in PROFILES], size)
    busiest = np.array([profile.busiest for profile in PROFILES])[profile]
    rate = TRANSACTIONS_A_RATE_STEP * (1 + np.floor(rng.random(size) * busiest))
    rate[rng.random(size) < NEVER_PAYS] = 0.0
    turn = (rng.permutation(size) + rng.random()) / size  # evenly spaced: small worlds have their share of frauds too
    fraud_phase = (turn * FRAUD_PERIOD_DAYS).astype(np.int64)
    state = _spread(rng, [state.customers for state in STATES], size)
    lat = np.round(_between(rng, np.array([state.latitudes for state in STATES])[state]), 4)
    lon = np.round(_between(rng, np.array([state.longitudes for state in STATES])[state]), 4)
    people = _introduce(rng, profile, state, lat, lon)
    return Customers(people, profile, rate, fraud_phase, lat, lon)


def make_shops(rng: np.random.Generator) -> list[Shop]:
    """Return 50 shops a category, 693 names in all; every name begins with `fraud_`, which says nothing of fraud."""
    count = SHOPS_A_CATEGORY * len(CATEGORIES)
    names: list[str] = []
    while len(names) < count - SHARED_NAMES:
        first, second, third = _pick(rng, SURNAMES, 3)
        form = _pick(rng, _SHOP_FORMS, 1)[0]
        name = "fraud_" + form.format(first, second, third)
        if name not in names:
            names.append(name)
    names += names[:SHARED_NAMES]
    return [Shop(name, CATEGORIES[number // SHOPS_A_CATEGORY]) for number, name in enumerate(names)]


def _introduce(rng: np.random.Generator, profile: Ints, state: Ints, lat: Floats, lon: Floats) -> list[Person]:
    """Return customers as in the messages, from arrays of shape (n,)."""
    size = len(profile)
    genders = [PROFILES[number].gender for number in profile]
    women, men = _pick(rng, WOMEN, size), _pick(rng, MEN, size)
    states = [STATES[number].code for number in state]
    post_codes = _between(rng, np.array([state.post_codes for state in STATES])[state]).astype(np.int64)
    rural = np.array([profile.rural for profile in PROFILES])[profile]
    columns = zip(
        [women[n] if gender == "F" else men[n] for n, gender in enumerate(genders)],
        _pick(rng, SURNAMES, size),
        genders,
        _streets(rng, size),
        map("".join, zip(_pick(rng, TOWN_HEADS, size), _pick(rng, TOWN_TAILS, size), strict=True)),
        states,
        post_codes.tolist(),
        lat.tolist(),
        lon.tolist(),
        town_sizes(rural, rng.random(size)),
        _pick(rng, JOBS, size),
        strict=True,
    )
    return [Person(*column) for column in columns]


def _streets(rng: np.random.Generator, size: int) -> list[str]:
    """Return addresses like `172 Paula Inlet Apt. 650`, all different."""
    streets = [f"{name} {kind}" for name in (*WOMEN, *MEN) for kind in STREET_KINDS]
    numbers = (int(rng.random() * 1e9) + _STREET_STEP * np.arange(size)) % (len(streets) * _HOUSES)
    flats = (rng.random(size) * 1_000).astype(np.int64).tolist()
    flat_kinds = _pick(rng, ("", "", " Apt. {:03}", " Suite {:03}"), size)
    return [
        f"{100 + number % _HOUSES} {streets[number // _HOUSES]}" + kind.format(flat)
        for number, kind, flat in zip(numbers.tolist(), flat_kinds, flats, strict=True)
    ]


def _pick(rng: np.random.Generator, words: Sequence[str], size: int) -> list[str]:
    """Return `size` words, each as likely as any other."""
    return [words[number] for number in (rng.random(size) * len(words)).astype(np.int64).tolist()]


def _spread(rng: np.random.Generator, weights: Sequence[int], size: int) -> Ints:
    """Return indices 0 to len(weights) - 1, drawn by weight, shape (size,)."""
    edges = np.cumsum(weights)
    numbers: Ints = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    return numbers


def _between(rng: np.random.Generator, bounds: Floats) -> Floats:
    """Return a draw for each low and high, from shape (n, 2) to shape (n,)."""
    return bounds[:, 0] + rng.random(len(bounds)) * (bounds[:, 1] - bounds[:, 0])
