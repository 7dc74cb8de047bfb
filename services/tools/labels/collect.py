"""Makes rows of a training file of the messages of judged transactions. Pure."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from services.common.contract.model import Contract
from services.common.errors import Reject, Stop
from services.common.reading.message import decimal_mark, open_envelope, pick_field
from services.common.reading.stored import decode_transaction
from services.scorer.compile import compile_features
from services.scorer.decode import Decoder
from services.sender.dialect import TARGET_COLUMN
from services.tools.labels.judged import JudgedTransaction, Position

OTHER = "another message is in its place, or its contract has changed since"
EXACT_INTEGERS = 2.0**53


class Collection:
    """The labelled rows so far, and the reasons why others are missing.

    Attributes:
        header: the contract's fields, and the target.
        rows: position of the message -> its cells in the order of the header; the target is 1 for a fraud, else 0.
        unreadable: field that the model does not need -> number of rows in which it cannot be read and is blank.
    """

    def __init__(
        self, judged: Iterable[JudgedTransaction], topic: str, contract: Contract, *, with_personal: bool
    ) -> None:
        """Take what to look for.

        Raises:
            Stop: the personal fields are to be blank, and one of them is required.
        """
        self._topic, self._contract = topic, contract
        self._blank = frozenset() if with_personal else frozenset(personal_fields(contract))
        if needed := self._blank.intersection(contract.required):
            raise Stop(f"no row can be read without {', '.join(sorted(needed))}, a personal field: add --personal")
        self._decoder = Decoder(contract, compile_features(contract).fields.union(contract.record.key))
        self._wanted: dict[Position, list[JudgedTransaction]] = {}
        for one in judged:
            self._wanted.setdefault(one.position, []).append(one)  # a recreated topic has the same positions again
        self._left_out: Counter[str] = Counter()
        self.header = (*contract.fields, TARGET_COLUMN)
        self.rows: dict[Position, list[str]] = {}
        self.unreadable: Counter[str] = Counter()

    @property
    def left_out(self) -> Counter[str]:
        """Reason -> number of judged transactions without a row; of those not seen yet, that they are gone."""
        gone = sum(map(len, self._wanted.values()))
        return self._left_out + Counter({f"no longer in the topic {self._topic}": gone})

    def see(self, position: Position, value: bytes | None) -> None:
        """Take a message of the topic: add a row if it is a judged transaction."""
        for one in self._wanted.pop(position, ()):
            if why := self._obstacle(position, value, one):
                self._left_out[why] += 1
            else:
                self.rows[position] = [*self._cells(value), str(int(one.fraud))]

    def _obstacle(self, position: Position, value: bytes | None, judged: JudgedTransaction) -> str | None:
        """Return why a message gives no row: it is not the judged transaction, or could not be trained on."""
        try:
            # Not the id alone: one that is made of the position comes again when the topic is recreated.
            if decode_transaction(value, self._topic, *position, self._contract) != judged.row:
                return OTHER
        except Reject as reject:
            return _unreadable(reject)
        _, rejects = self._decoder.decode([value], str)
        return _unreadable(rejects[0]) if rejects else None

    def _cells(self, value: bytes | None) -> list[str]:
        """Return the contract's fields as the scorer reads them; a missing or unreadable one is blank."""
        _, data = open_envelope(value, None, self._contract.record)
        mark, cells = decimal_mark(data, self._contract), []
        for field, spec in self._contract.fields.items():
            cell = ""
            if field not in self._blank:
                try:
                    cell = _text(pick_field(field, spec, data, mark, []))
                except Reject:
                    self.unreadable[field] += 1
            cells.append(cell)
        return cells


def personal_fields(contract: Contract) -> list[str]:
    """Return the personal fields of a contract, in its order."""
    return [field for field, spec in contract.fields.items() if spec.personal]


def _text(value: Any) -> str:
    """Return the cell of a text or a number; the shortest decimals that are this float64 again."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < EXACT_INTEGERS else repr(value)
    return value or ""


def _unreadable(reject: Reject) -> str:
    return f"cannot be read: {reject.reason}" + (f" of {reject.field}" if reject.field else "")
