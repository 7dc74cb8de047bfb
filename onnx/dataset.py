"""Labelled transactions of a file, as the scorer sees them. Knows the file's format, nothing of models.

The columns have the form that `services.scorer.decode` gives them and `services.scorer.history` adds the past, so that
the scorer's own code makes the features for training and for serving.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from services.common.contract import CUSTOMER_FIELDS, FIELDS, TEXT_FIELDS
from services.common.errors import Stop
from services.common.manifest import Recipe, RiskTable
from services.common.values import missing_words
from services.scorer.decode import AMOUNT_LIMIT, REQUIRED_FIELDS, Columns, Decoder
from services.scorer.event_time import parse_times
from services.scorer.features import cells, required_fields, transaction_risks
from services.scorer.history.events import Events
from services.scorer.history.history import PAST, History

TARGET = "target"

RISK_AMOUNTS = np.round(np.geomspace(1, 3_000, 48), 2)
"""Edges of the amounts' bins in the risk table: each bin is 19 % wide."""

RISK_STEP = 2.0**-12
"""Risks are multiples of it, so that sums of them are exact, and those that differ do so in float32 too."""

RISK_PRIOR_TRANSACTIONS = 20
"""Transactions with the mean share of frauds that are added to each cell of the risk table."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """n transactions whose outcome is known, in order of event time.

    Attributes:
        columns: the transactions, with what they see of their customers' past, if anything.
        frauds: which transactions are frauds, bool [n].
        customers: a number a customer, the same in every file, uint32 [n]; 0 where it is not known who paid.
        risks: how likely each is a fraud by itself, float32 [n]; zeros until with_risks() is called.
    """

    columns: Columns
    frauds: NDArray[np.bool_]
    customers: NDArray[np.uint32]
    risks: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frauds)

    def take(self, rows: NDArray[np.bool_]) -> "Labelled":
        """Return the chosen transactions, bool [n]; what they see stays as it is."""
        columns, chosen = self.columns, rows.tolist()
        taken = Columns(
            ids=list(compress(columns.ids, chosen)),
            rows=columns.rows[rows],
            seconds=columns.seconds[rows],
            numbers={field: numbers[rows] for field, numbers in columns.numbers.items()},
            texts={field: list(compress(texts, chosen)) for field, texts in columns.texts.items()},
            past=None if columns.past is None else columns.past[rows],
        )
        return Labelled(taken, self.frauds[rows], self.customers[rows], self.risks[rows])

    def with_risks(self, recipe: Recipe) -> "Labelled":
        """Return the transactions with the risks that a recipe's table gives them."""
        return replace(self, risks=transaction_risks(self.columns, recipe))

    def in_stream(self) -> "Labelled":
        """Return the transactions as the scorer sees them when these, and no others, come to it one after another."""
        return self._seeing(self.customers.astype(np.uint64))

    def as_first_ones(self) -> "Labelled":
        """Return the transactions as the scorer sees them when each is the first of its customer."""
        return self._seeing(np.arange(1, len(self) + 1, dtype=np.uint64))

    def _seeing(self, customers: NDArray[np.uint64]) -> "Labelled":
        columns, known = self.columns, customers > 0
        amounts, ids = columns.numbers["amount"].astype(np.float32), columns.rows.astype(np.uint64)
        past = np.full((len(self), len(PAST)), np.nan)
        events = Events(customers, columns.seconds, amounts, ids, self.risks)
        past[known] = History().observe(events.take(known)).values
        return replace(self, columns=replace(columns, past=past))


def read_transactions(path: Path) -> pd.DataFrame:
    """Return the transactions of a Parquet or CSV file in the competition's format, with the column `target`.

    Raises:
        Stop: a column is missing, a target is neither 0 nor 1, or one of the two kinds does not occur.
        OSError: the file cannot be read.
    """
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path)
    else:
        texts = dict.fromkeys(TEXT_FIELDS, "str")
        frame = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""], encoding="utf-8-sig")
    if missing := [column for column in (*FIELDS, TARGET) if column not in frame.columns]:
        raise Stop(f"{path} lacks the columns {', '.join(missing)}")
    if set(frame[TARGET].unique()) != {0, 1}:
        raise Stop(f"{path}: the column {TARGET} must hold both 0 and 1, and nothing else")
    return frame


def label(frame: pd.DataFrame, recipe: Recipe) -> Labelled:
    """Return a frame's transactions in order of event time, with all that the recipe needs, and their outcomes."""
    seconds, _ = parse_times(frame["transaction_time"].fillna("").tolist())
    frame = frame.iloc[np.argsort(seconds, kind="stable")]
    columns = to_columns(frame, required_fields(recipe))
    frauds = frame[TARGET].to_numpy() == 1
    return Labelled(columns, frauds, customer_numbers(frame), np.zeros(len(frame), np.float32))


def learn_risks(data: Labelled, recipe: Recipe) -> RiskTable:
    """Return the share of frauds by category, day or night, and amount, drawn to the mean where few paid."""
    cell = cells(data.columns, recipe, RISK_AMOUNTS)
    size = (len(recipe.categories) + 1) * 2 * (len(RISK_AMOUNTS) + 1)
    transactions, frauds = np.bincount(cell, minlength=size), np.bincount(cell, data.frauds, minlength=size)
    shares = (frauds + RISK_PRIOR_TRANSACTIONS * data.frauds.mean()) / (transactions + RISK_PRIOR_TRANSACTIONS)
    return RiskTable(
        amounts=tuple(RISK_AMOUNTS.tolist()), risks=tuple((np.round(shares / RISK_STEP) * RISK_STEP).tolist())
    )


def training_data(path: Path, recipe: Recipe) -> Labelled:
    """Return the labelled transactions of the file that a model with this recipe was trained on.

    Raises:
        Stop: the data is unfit, or teaches other risks than the recipe holds.
        OSError: the file cannot be read.
    """
    data = label(read_transactions(path), recipe)
    if recipe.risk and learn_risks(data, recipe) != recipe.risk:
        raise Stop(f"{path} is not what the model was trained on: it teaches other risks")
    return data


def to_columns(frame: pd.DataFrame, fields: Iterable[str]) -> Columns:
    """Return what `Decoder(fields)` would make of the frame's rows, sent as JSON without ids.

    Raises:
        Stop: a row that the decoder would reject.
    """
    seconds, valid = parse_times(frame["transaction_time"].fillna("").tolist())
    valid &= (
        frame["cat_id"].notna().to_numpy()
        & ~frame["cat_id"].isin(missing_words("cat_id")).to_numpy()
        & (frame["amount"].abs() <= AMOUNT_LIMIT).to_numpy()
    )
    if not valid.all():
        raise Stop(f"row {int(np.argmin(valid)) + 1} has no usable {', '.join(REQUIRED_FIELDS)}")
    numbers, texts = {}, {}
    for field in Decoder(fields).fields:
        if field not in TEXT_FIELDS:
            column = frame[field].to_numpy(np.float64, na_value=np.nan)
            numbers[field] = np.where(np.isfinite(column), column, np.nan)
        elif field != "transaction_time":
            words = missing_words(field)
            texts[field] = [None if pd.isna(text) or str(text) in words else str(text) for text in frame[field]]
    return Columns(list(map(str, range(len(frame)))), np.arange(len(frame)), seconds, numbers, texts)


def customer_numbers(frame: pd.DataFrame) -> NDArray[np.uint32]:
    """Return the CRC-32 of each transaction's customer, uint32 [n]: equal for equal customers, whatever the file.

    It is 0 where a part of the customer's name is missing.
    """
    parts = frame[list(CUSTOMER_FIELDS)].fillna("")
    parts = parts.mask(parts.apply(lambda column: column.isin(missing_words(str(column.name)))), "")
    codes, customers = pd.factorize(parts.iloc[:, 0].str.cat(parts.iloc[:, 1:], sep="|"))
    numbers = np.array([zlib.crc32(customer.encode()) for customer in customers], np.uint32)[codes]
    return np.where((parts != "").all(axis=1), numbers, 0).astype(np.uint32)


def categories_by_fraud_amount(frame: pd.DataFrame) -> tuple[str, ...]:
    """Return the categories, those with small frauds first: neighbours are alike, so that a tree's split fits both.

    A category without fraud takes its place by its mean amount; equal ones are in alphabetical order.
    """
    amounts = frame.groupby("cat_id")["amount"].mean()
    frauds = frame[frame[TARGET] == 1].groupby("cat_id")["amount"].mean()
    means = frauds.reindex(amounts.index).fillna(amounts)
    return tuple(str(category) for category in means.sort_index().sort_values(kind="stable").index)
