"""Simulated payments at terminals, by the rules of the "Reproducible Machine Learning for Credit Card Fraud Detection"
handbook, chapter 3 (Le Borgne, Siblini, Lebichot, Bontempi; Université Libre de Bruxelles, 2022).

Customers and terminals lie in a square of 100 by 100; a customer pays at terminals within a radius of 5. There are
three kinds of frauds: amounts above 220; two terminals a day that are compromised for 28 days; three customers a day
of whose payments in the next 14 days a third is multiplied by 5.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from services.common.contract.load import to_contract
from services.common.contract.model import Contract
from services.scorer.compile import compile_features
from services.scorer.decode import Decoder
from services.scorer.recall import PartitionHistories

CONTRACT = Path(__file__).with_name("handbook.toml")
FIELDS = ("TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT")

FIRST_SECOND = 1_522_540_800
"""2018-04-01, as in the handbook."""

BATCH = 5_000

SIDE, RADIUS = 100.0, 5.0


@dataclass(frozen=True)
class Payments:
    """n payments in order of time: seconds since 1970 [n], customer [n], terminal [n], amount [n], fraud [n]."""

    seconds: NDArray[np.int64]
    customers: NDArray[np.int64]
    terminals: NDArray[np.int64]
    amounts: NDArray[np.float64]
    frauds: NDArray[np.bool_]

    def rows(self) -> list[dict[str, object]]:
        """Return them as records."""
        times = self.seconds.astype("datetime64[s]").astype(str)
        return [
            {"TX_DATETIME": time.replace("T", " "), "CUSTOMER_ID": f"C{c}", "TERMINAL_ID": f"T{t}", "TX_AMOUNT": amount}
            for time, c, t, amount in zip(
                times.tolist(), self.customers.tolist(), self.terminals.tolist(), self.amounts.tolist(), strict=True
            )
        ]


def simulate(customers: int, terminals: int, days: int, seed: int) -> Payments:
    """Return the payments of so many days."""
    random = np.random.default_rng(seed)
    homes, shops = random.uniform(0, SIDE, (customers, 2)), random.uniform(0, SIDE, (terminals, 2))
    means, a_day = random.uniform(5, 100, customers), random.uniform(0, 4, customers)
    parts = []
    for customer in range(customers):
        near = np.flatnonzero(((shops - homes[customer]) ** 2).sum(axis=1) < RADIUS**2)
        if len(near):
            count = random.poisson(a_day[customer], days)
            day = np.repeat(np.arange(days), count)
            of_day = random.normal(43_200, 20_000, len(day))
            amount = random.normal(means[customer], means[customer] / 2, len(day))
            amount = np.where(amount < 0, random.uniform(0, 2 * means[customer], len(day)), amount)
            inside = (of_day > 0) & (of_day < 86_400)
            part = (day * 86_400 + of_day.astype(int), np.full(len(day), customer), random.choice(near, len(day)))
            parts.append([column[inside] for column in (*part, np.round(amount, 2))])
    seconds, who, where, amounts = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(seconds, kind="stable")
    found = Payments(
        FIRST_SECOND + seconds[order], who[order], where[order], amounts[order], np.zeros(len(order), np.bool_)
    )
    return _with_frauds(found, customers, terminals, days, random)


def _with_frauds(
    payments: Payments, customers: int, terminals: int, days: int, random: np.random.Generator
) -> Payments:
    day = (payments.seconds - FIRST_SECOND) // 86_400
    amounts, frauds = payments.amounts.copy(), payments.amounts > 220
    for start in range(days):
        lost = random.choice(terminals, 2, replace=False)
        frauds |= np.isin(payments.terminals, lost) & (day >= start) & (day < start + 28)
        robbed = np.isin(payments.customers, random.choice(customers, 3, replace=False))
        theirs = np.flatnonzero(robbed & (day >= start) & (day < start + 14))
        chosen = random.choice(theirs, len(theirs) // 3, replace=False)
        amounts[chosen] = np.round(5 * amounts[chosen], 2)
        frauds[chosen] = True
    return Payments(payments.seconds, payments.customers, payments.terminals, amounts, frauds)


def contract() -> Contract:
    """Return the contract of the payments."""
    return to_contract(tomllib.loads(CONTRACT.read_text(encoding="utf-8")))


def features_of(records: Sequence[Mapping[Any, Any]], ids: Sequence[str]) -> NDArray[np.float32]:
    """Return the features that the scorer's code makes of records in this order, float32 [n, features]."""
    plan = compile_features(contract())
    decoder, histories = Decoder(plan.contract, plan.fields), PartitionHistories(plan)
    histories.follow({0: 1})
    parts = []
    for start in range(0, len(records), BATCH):
        chosen = slice(start, start + BATCH)
        messages = [_message(name, record) for name, record in zip(ids[chosen], records[chosen], strict=True)]
        columns, rejects = decoder.decode([message.value() for message in messages], str)
        assert not rejects
        columns, _ = histories.recall(messages, columns, plan.readings)
        parts.append(plan.to_features(columns))
    return np.concatenate(parts)


def _message(name: str, record: Mapping[Any, Any]) -> Any:
    value = {"TRANSACTION_ID": name, "data": record}
    key = str(record["CUSTOMER_ID"])
    return SimpleNamespace(value=lambda: orjson.dumps(value), key=key.encode, partition=lambda: 0)
