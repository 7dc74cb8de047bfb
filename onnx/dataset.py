"""Labelled transactions of a file, as the scorer sees them. Knows the file's format, nothing of models.

The scorer's own code decodes the rows, makes the features and adds the past, for training as for serving.
"""

import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from services.common.contract.model import TEXTS, Axis, Contract, LookupTable
from services.common.errors import Stop
from services.scorer.compile import compile_features
from services.scorer.decode import Columns, Decoder
from services.scorer.features import FeaturePlan
from services.scorer.history.history import History
from services.scorer.recall import customer_keys, to_events, with_past

TARGET = "target"

RISK, RISK_FILE = "risk", "risk.json"
"""The derived number that is learned before the model, and its table."""

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
    """

    columns: Columns
    frauds: NDArray[np.bool_]
    customers: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.frauds)

    def take(self, rows: NDArray[np.bool_]) -> "Labelled":
        """Return the chosen transactions, bool [n]; what they see stays as it is."""
        return Labelled(self.columns.take(np.flatnonzero(rows)), self.frauds[rows], self.customers[rows])

    def in_stream(self, plan: FeaturePlan) -> "Labelled":
        """Return the transactions as the scorer sees them when these, and no others, come to it one after another."""
        return self._seeing(self.customers, plan)

    def as_first_ones(self, plan: FeaturePlan) -> "Labelled":
        """Return the transactions as the scorer sees them when each is the first of its customer."""
        return self._seeing(np.arange(1, len(self) + 1, dtype=np.uint32), plan)

    def _seeing(self, customers: NDArray[np.uint32], plan: FeaturePlan) -> "Labelled":
        known, readings = customers > 0, plan.readings
        events = to_events([b"%d" % number for number in customers.tolist()], self.columns, plan).take(known)
        values = np.full((len(self), len(readings)), np.nan)
        values[known] = History(plan.numbers).observe(events, readings).values
        return replace(self, columns=with_past(self.columns, readings, values))


def read_transactions(path: Path, contract: Contract) -> pd.DataFrame:
    """Return the transactions of a Parquet or CSV file with the contract's fields and the column `target`.

    Raises:
        Stop: a column is missing, a target is neither 0 nor 1, or one of the two kinds does not occur.
        OSError: the file cannot be read.
    """
    frame = _read(path, contract)
    if set(frame[TARGET].unique()) != {0, 1}:
        raise Stop(f"{path}: the column {TARGET} must hold both 0 and 1, and nothing else")
    return frame


def with_labels(frame: pd.DataFrame, path: Path, contract: Contract) -> pd.DataFrame:
    """Return the transactions and, behind them, those of a file of labels, in the same form; it may lack frauds.

    Raises:
        Stop: as read_transactions(), or a row of the labels that the scorer would reject.
        OSError: the file cannot be read.
    """
    labels = _read(path, contract)
    wrong = ~labels[TARGET].isin([0, 1])
    if wrong.any():
        raise Stop(f"{path}, row {wrong.argmax() + 1}: the column {TARGET} must hold 0 or 1")
    try:
        to_columns(labels, _decoder(contract))  # here a row's number is still that of the file
    except Stop as error:
        raise Stop(f"{path}, {error}") from error
    return pd.concat([frame, labels], join="inner", ignore_index=True)


def _read(path: Path, contract: Contract) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            texts = {name: "str" for name, spec in contract.fields.items() if not spec.is_number}
            frame = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""], encoding="utf-8-sig")
    except ValueError as error:  # of what is no text, no table, or no Parquet file too
        raise Stop(f"{path} cannot be read: {error}") from error
    if missing := [column for column in (*contract.fields, TARGET) if column not in frame.columns]:
        raise Stop(f"{path} lacks the columns {', '.join(missing)}")
    return frame


def label(frame: pd.DataFrame, contract: Contract) -> Labelled:
    """Return a frame's transactions in order of event time, with what the contract's features need, and their outcomes.

    Raises:
        Stop: a row that the scorer would reject.
    """
    columns = to_columns(frame, _decoder(contract))
    order = np.argsort(columns.seconds, kind="stable")
    data = Labelled(columns, frame[TARGET].to_numpy() == 1, customer_numbers(columns, contract))
    return Labelled(columns.take(order), data.frauds[order], data.customers[order])


def _decoder(contract: Contract) -> Decoder:
    return Decoder(contract, compile_features(contract).fields.union(contract.record.key))


def to_columns(frame: pd.DataFrame, decoder: Decoder) -> Columns:
    """Return what a decoder makes of the frame's rows, sent as JSON without ids.

    Raises:
        Stop: a row that it rejects.
    """
    rows = frame[list(decoder.fields)].to_dict("records")
    columns, rejects = decoder.decode([orjson.dumps(row) for row in rows], str)
    if rejects:
        row, reject = min(rejects.items())
        column = f", column {reject.field}" if reject.field else ""
        raise Stop(f"row {row + 1}{column}: cannot be scored: {reject}")
    return columns


def customer_numbers(columns: Columns, contract: Contract) -> NDArray[np.uint32]:
    """Return the CRC-32 of each transaction's key, uint32 [n]: equal for equal customers, whatever the file.

    It is 0 where a part of the key is missing.
    """
    keys = customer_keys(columns, contract.record.key)
    return np.array([0 if key is None else zlib.crc32(key) for key in keys], np.uint32)


def with_risks(contract: Contract, data: Labelled) -> Contract:
    """Return the contract with a table of the shares of frauds in the data, drawn to the mean where few paid.

    Its axes stay, but for the texts, which are those that the contract knows.
    """
    if RISK not in contract.derived:
        return contract
    operands = [contract.fields.get(name) for name in contract.derived[RISK]["table"]]
    axes = tuple(
        Axis(values=spec.values) if spec and spec.type in TEXTS else axis
        for spec, axis in zip(operands, contract.tables[RISK_FILE].axes, strict=True)
    )
    size = int(np.prod([axis.places for axis in axes]))
    cells = _risks(with_table(contract, LookupTable(axes=axes, values=tuple(range(size)))), data).astype(np.int64)
    counts, frauds = np.bincount(cells, minlength=size), np.bincount(cells, data.frauds, minlength=size)
    shares = (frauds + RISK_PRIOR_TRANSACTIONS * data.frauds.mean()) / (counts + RISK_PRIOR_TRANSACTIONS)
    risks = (np.round(shares / RISK_STEP) * RISK_STEP).tolist()
    return with_table(contract, LookupTable(axes=axes, values=tuple(risks)))


def with_table(contract: Contract, table: LookupTable) -> Contract:
    """Return the contract with another table of risks."""
    return contract.model_copy(update={"tables": {RISK_FILE: table}})


def training_data(path: Path, contract: Contract) -> Labelled:
    """Return the labelled transactions of the file that a model with this contract was trained on.

    Raises:
        Stop: the data is unfit, or teaches other risks than the contract holds.
        OSError: the file cannot be read.
    """
    data = label(read_transactions(path, contract), contract)
    if with_risks(contract, data).tables != contract.tables:
        raise Stop(f"{path} is not what the model was trained on: it teaches other risks")
    return data


def _risks(contract: Contract, data: Labelled) -> NDArray[np.float32]:
    plan = compile_features(contract.model_copy(update={"features": {RISK: RISK}}))
    risks: NDArray[np.float32] = plan.to_features(data.columns)[:, 0]
    return risks
