"""The history's changelog: what a batch changed as records of `scorer.history`, and records back to a history.

Pure: knows no Kafka client. The topic is compacted: a record a remembered payment, its key (customer, sequence), a
record with the sums of what was forgotten, its key (customer), and a tombstone for each forgotten payment.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from services.scorer.events import Events, Forgotten
from services.scorer.history import History

KEY = np.dtype([("customer", "<u8"), ("sequence", "<u4")])
VALUE = np.dtype([("seconds", "<u4"), ("amount", "<f4"), ("id", "<u8"), ("risk", "<f4")])
SUMS_KEY = np.dtype([("customer", "<u8")])
SUMS = np.dtype([("count", "<u8"), ("total", "<f8"), ("nights", "<f8"), ("risk_total", "<f8")])


Record = dict[str, bytes | None]
"""{"key": …, "value": …}, the form produce_batch takes; without a value it is a tombstone."""


def to_records(events: Events, sequences: Sequence[int] | np.ndarray, forgotten: Iterable[Forgotten]) -> list[Record]:
    """Return the records of newly remembered payments (n of them) and of what was forgotten for them."""
    keys, values = np.empty(len(events), KEY), np.empty(len(events), VALUE)
    keys["customer"], keys["sequence"] = events.customers, sequences
    values["seconds"], values["amount"] = events.seconds, events.amounts
    values["id"], values["risk"] = events.ids, events.risks
    records: list[Record] = [{"key": key, "value": value} for key, value in zip(_cut(keys), _cut(values), strict=True)]
    for lost in forgotten:
        records += _forgotten_records(lost)
    return records


def from_records(records: Sequence[tuple[bytes, bytes | None]]) -> History:
    """Return the history told by (key, value) of a partition in the order of offsets; the last of a key counts."""
    events = [(key, value) for key, value in records if len(key) == KEY.itemsize]
    sums = {key: value for key, value in records if len(key) == SUMS_KEY.itemsize and value is not None}
    keys = np.frombuffer(b"".join([key for key, _ in events]), KEY)
    values = np.frombuffer(b"".join([value or bytes(VALUE.itemsize) for _, value in events]), VALUE)
    alive = np.array([value is not None for _, value in events], np.bool_)

    order = np.lexsort((keys["sequence"], keys["customer"]))  # stable: of equal keys the last one written stays last
    keys, values, alive = keys[order], values[order], alive[order]
    last = np.append(keys[1:] != keys[:-1], np.ones(min(1, len(keys)), np.bool_))
    keys, values = keys[last & alive], values[last & alive]

    order = np.lexsort((keys["sequence"], values["seconds"], keys["customer"]))
    keys, values = keys[order], values[order]
    seconds = values["seconds"].astype(np.int64)
    restored = Events(keys["customer"], seconds, values["amount"], values["id"], values["risk"])
    return History.restored(restored, keys["sequence"].astype(np.int64), _read_sums(sums))


def _forgotten_records(lost: Forgotten) -> list[Record]:
    key, value = np.empty(1, SUMS_KEY), np.empty(1, SUMS)
    key["customer"], value["count"] = lost.customer, lost.count
    for name, total in lost.sums.items():
        value[name] = total
    gone = np.empty(len(lost.sequences), KEY)
    gone["customer"], gone["sequence"] = lost.customer, lost.sequences
    return [{"key": key.tobytes(), "value": value.tobytes()}, *({"key": k, "value": None} for k in _cut(gone))]


def _read_sums(sums: dict[bytes, bytes]) -> dict[int, tuple[int, dict[str, float]]]:
    customers = np.frombuffer(b"".join(sums), SUMS_KEY)["customer"].tolist()
    values = np.frombuffer(b"".join(sums.values()), SUMS)
    names = [name for name in SUMS.names or () if name != "count"]
    return {
        customer: (int(value["count"]), {name: float(value[name]) for name in names})
        for customer, value in zip(customers, values, strict=True)
    }


def _cut(column: np.ndarray) -> list[bytes]:
    """Return each element's bytes."""
    size, content = column.dtype.itemsize, column.tobytes()
    return [content[at : at + size] for at in range(0, len(content), size)]
