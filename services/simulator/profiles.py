"""Who spends how: 12 customer profiles, as tables.

The tables are aggregates of the training data. A profile is gender, age and town size; the age is not in the data and
was recovered by clustering the customers of each gender and town size by their category mix. Amounts are the moments
of the Gamma fitted to what was observed, the redrawn amounts (see transactions.py) taken into account.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CATEGORIES = (
    "gas_transport", "grocery_net", "grocery_pos", "misc_net", "misc_pos", "shopping_net", "shopping_pos",
    "entertainment", "food_dining", "personal_care", "health_fitness", "travel", "kids_pets", "home",
)  # fmt: skip
"""In the order of the day: one draw decides category and half of the day, so the first ones are paid a.m."""


@dataclass(frozen=True)
class Habit:
    """How a group of profiles spends: share of transactions a.m., weights (any scale), mean and standard deviation."""

    am_share: float
    weights: tuple[float, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]


# fmt: off
HABITS = {
    "young rural": Habit(
        0.20,
        (11.3, 6.1, 4.0, 7.6, 7.7, 7.7, 7.4, 9.8, 10.8, 7.6, 8.2, 2.7, 5.7, 3.6),
        (60, 30, 60, 117, 140, 92, 149, 90, 20, 36, 40, 24, 49, 41),
        (15, 20, 20, 57, 87, 120, 35, 30, 50, 51, 51, 400, 49, 47)),
    "young urban": Habit(
        0.20,
        (13.5, 3.8, 5.1, 5.4, 6.6, 8.2, 9.9, 8.0, 8.1, 6.8, 6.7, 3.8, 8.4, 5.6),
        (60, 40, 70, 50, 50, 49, 45, 49, 31, 35, 50, 45, 49, 49),
        (15, 20, 20, 152, 147, 289, 267, 50, 50, 49, 50, 515, 49, 49)),
    "woman rural": Habit(
        0.30,
        (14.1, 3.2, 9.5, 4.7, 6.3, 7.0, 9.3, 5.6, 6.4, 7.9, 5.7, 2.2, 8.5, 9.5),
        (60, 49, 99, 57, 50, 47, 48, 50, 28, 47, 49, 41, 51, 50),
        (15, 20, 20, 143, 144, 288, 234, 50, 47, 52, 50, 555, 49, 50)),
    "woman urban": Habit(
        0.30,
        (3.2, 6.5, 9.7, 4.9, 6.4, 9.8, 11.3, 6.2, 7.0, 7.9, 6.4, 2.3, 8.7, 9.7),
        (70, 60, 200, 96, 83, 100, 92, 101, 60, 53, 57, 66, 60, 59),
        (15, 20, 20, 146, 104, 199, 214, 76, 40, 49, 48, 660, 48, 48)),
    "man rural": Habit(
        0.45,
        (4.0, 4.0, 12.0, 2.5, 8.2, 8.1, 8.1, 8.6, 8.3, 4.1, 7.3, 3.7, 8.9, 12.2),
        (70, 50, 100, 100, 35, 95, 136, 75, 60, 75, 75, 500, 50, 80),
        (5, 5, 10, 20, 5, 10, 12, 7, 6, 5, 2, 51, 5, 8)),
    "man urban": Habit(
        0.30,
        (10.2, 5.4, 10.0, 5.1, 6.9, 6.8, 8.5, 7.4, 7.3, 5.0, 6.8, 3.0, 7.5, 10.2),
        (70, 50, 60, 48, 64, 59, 55, 60, 40, 34, 60, 37, 60, 60),
        (15, 20, 20, 141, 170, 300, 269, 76, 49, 48, 50, 359, 50, 50)),
    "old rural": Habit(
        0.50,
        (14.0, 1.0, 9.4, 6.3, 4.0, 7.8, 6.9, 7.4, 5.6, 7.5, 7.7, 3.8, 9.3, 9.3),
        (60, 50, 130, 64, 47, 51, 49, 50, 49, 51, 50, 56, 50, 49),
        (15, 20, 20, 159, 139, 157, 151, 50, 49, 50, 48, 555, 50, 49)),
    "old urban": Habit(
        0.60,
        (10.0, 1.7, 10.0, 3.4, 6.7, 5.0, 10.0, 7.6, 8.1, 8.1, 5.4, 4.0, 9.9, 10.1),
        (70, 90, 90, 55, 61, 74, 43, 50, 80, 44, 39, 76, 79, 60),
        (15, 20, 20, 148, 150, 185, 184, 75, 50, 49, 50, 790, 50, 50)),
}
"""Legitimate transactions."""

_FRAUD_MEANS = (10, 10, 300, 800, 8, 995, 812, 490, 120, 20, 20, 10, 20, 255)
_FRAUD_DEVIATIONS = (2, 2, 20, 79, 1, 97, 80, 52, 11, 2, 2, 1, 2, 27)

FRAUD_HABITS = {
    "young rural": Habit(
        0.44, (15, 4, 47, 25, 2, 35, 19, 4, 2, 1, 1, 3, 1, 1),
        (*_FRAUD_MEANS[:6], 1243, *_FRAUD_MEANS[7:]), _FRAUD_DEVIATIONS),
    "young urban": Habit(
        0.50, (12, 3, 58, 35, 8, 55, 13, 4, 2, 2, 1, 1, 2, 1), _FRAUD_MEANS, _FRAUD_DEVIATIONS),
    "woman rural": Habit(
        0.47, (30, 0, 46, 18, 29, 49, 50, 27, 24, 47, 19, 4, 51, 38),
        (10, 10, 350, 810, 800, 990, 906, 490, 120, 20, 20, 10, 20, 255),
        (2, 2, 21, 90, 88, 92, 98, 50, 10, 2, 2, 1, 2, 26)),
    "woman urban": Habit(
        0.59, (8, 0, 38, 19, 34, 46, 53, 37, 25, 41, 35, 10, 33, 44),
        (10, 10, 350, 820, 8, 970, 796, 490, 120, 20, 20, 10, 20, 255), _FRAUD_DEVIATIONS),
    "man": Habit(
        0.40, (100, 34, 288, 141, 18, 318, 109, 22, 8, 15, 2, 15, 6, 4), _FRAUD_MEANS, _FRAUD_DEVIATIONS),
    "old rural": Habit(
        0.29, (74, 29, 228, 112, 22, 246, 78, 19, 7, 23, 3, 12, 16, 7),
        (20, 15, 324, 805, 50, 1004, 820, 616, 129, 50, 22, 4.3, 5.8, 405),
        (2.3, 2.2, 20, 75, 1.2, 101, 84, 45, 11, 2, 3, 3, 2.1, 25)),
    "old urban": Habit(
        0.30, (74, 12, 228, 134, 31, 222, 109, 17, 7, 7, 5, 6, 6, 3),
        (*_FRAUD_MEANS[:6], 949, 394, *_FRAUD_MEANS[8:]), _FRAUD_DEVIATIONS),
}
"""Fraudulent transactions: how thieves spend depends on whose card it is, and their amounts scatter little."""

_WEEKDAYS = {  # Monday first, percent
    "even": (20.2, 10.5, 10.0, 11.3, 11.4, 16.5, 19.9),
    "rest": (18.9, 11.1, 10.9, 12.5, 12.6, 15.2, 18.7),
    "young rural": (17.9, 9.7, 8.4, 8.8, 8.6, 20.3, 26.5),
    "young urban": (20.5, 8.4, 7.5, 8.9, 9.5, 18.4, 26.8),
}


@dataclass(frozen=True)
class Profile:
    """A kind of customer: `customers`: its weight; `busiest`: the highest of its rates; `frauds`: fewest and most."""

    gender: str
    rural: bool
    customers: int
    busiest: int
    frauds: tuple[int, int]
    habit: str
    fraud_habit: str
    weekdays: str


PROFILES = (
    Profile("F", True, 17, 6, (7, 16), "young rural", "young rural", "young rural"),
    Profile("F", False, 26, 6, (8, 14), "young urban", "young urban", "young urban"),
    Profile("M", True, 19, 6, (3, 16), "young rural", "young rural", "young rural"),
    Profile("M", False, 25, 6, (5, 14), "young urban", "young urban", "young urban"),
    Profile("F", True, 82, 6, (7, 15), "woman rural", "woman rural", "rest"),
    Profile("F", False, 102, 6, (2, 16), "woman urban", "woman urban", "even"),
    Profile("M", True, 98, 4, (8, 14), "man rural", "man", "rest"),
    Profile("M", False, 128, 5, (7, 13), "man urban", "man", "rest"),
    Profile("F", True, 115, 4, (5, 15), "old rural", "old rural", "even"),
    Profile("F", False, 105, 3, (6, 13), "old urban", "old urban", "even"),
    Profile("M", True, 108, 4, (3, 14), "old rural", "old rural", "even"),
    Profile("M", False, 99, 3, (6, 13), "old urban", "old urban", "even"),
)
# fmt: on


def weekday_factors() -> Floats:
    """Return each profile's weekday factors, shape (12, 7), Monday first, mean 1."""
    shares = np.array([_WEEKDAYS[profile.weekdays] for profile in PROFILES])
    factors: Floats = shares * (7 / shares.sum(axis=1, keepdims=True))
    return factors


@dataclass(frozen=True)
class Spending:
    """The habits of all profiles as arrays: `am_share` of shape (12,), the others of shape (12 * 14,), by cell.

    A cell is profile * 14 + category. `edges` are cumulative weights plus the profile's number, so that one sorted
    array serves all profiles.
    """

    am_share: Floats
    edges: Floats
    shape: Floats
    scale: Floats

    @classmethod
    def of(cls, habits: list[Habit]) -> "Spending":
        """Return the arrays for one habit a profile."""
        weights = np.array([habit.weights for habit in habits])
        means = np.array([habit.means for habit in habits]).ravel()
        deviations = np.array([habit.deviations for habit in habits]).ravel()
        edges = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True) + np.arange(len(habits))[:, None]
        am_share = np.array([habit.am_share for habit in habits])
        return cls(am_share, edges.ravel(), (means / deviations) ** 2, deviations**2 / means)

    def cells(self, profile: Ints, draw: Floats) -> Ints:
        """Return each transaction's cell, from its customer's profile and a draw in [0, 1): below am_share is a.m."""
        found = np.searchsorted(self.edges, profile + draw, side="right")
        return np.minimum(found, (profile + 1) * len(CATEGORIES) - 1)


def legitimate_spending() -> Spending:
    """Return how customers spend."""
    return Spending.of([HABITS[profile.habit] for profile in PROFILES])


def fraudulent_spending() -> Spending:
    """Return how thieves spend with the customers' cards."""
    return Spending.of([FRAUD_HABITS[profile.fraud_habit] for profile in PROFILES])
