"""`python -m stack.contract_table`: write docs/contract.md from the contract's types and the registry of operations."""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from services.common.contract.model import FieldSpec, ModelSpec, RecordSpec
from services.common.settings import project_root
from services.scorer.operations.past import PAST_OPERATIONS
from services.scorer.operations.record import OPERATIONS

HEAD = """# The contract file

Written by `python -m stack.contract_table` from `services/common/contract/model.py` and `services/scorer/operations`.

A model folder holds three files: the ONNX model, `contract.toml`, and `manifest.json`. A person writes the contract:
how a record of the topic is read, which features the model takes, and whose past counts. A command writes the
manifest: version, hashes of model and contract, threshold, golden rows. Nothing of it is Python.
[`onnx/contract.toml`](../onnx/contract.toml) is the contract of the shipped model.

Every error is one line that names the place: `contract.toml: features.sum_1h: there is no field amuont`.

```toml
format = 1                     # of this grammar
name = "card transactions"

[record]
event_time = "paid_at"         # without it nothing has a past
key = ["card"]                 # whose past counts; also the Kafka key

[fields]                       # a type, or a table
paid_at = "time"
card = { type = "text", required = true, personal = true }
amount = { type = "number", required = true, min = 0, label = { en = "Amount", ru = "Сумма" } }
channel = { type = "text", values = ["shop", "web"], spellings = { web = ["online", "internet"] } }

[roles]                        # what mart and page show
amount = "amount"
category = "channel"

[derived]                      # numbers made of fields, for features and for what is summed up over the past
night = { hour_between = "paid_at", first = 22, end = 4 }

[features]                     # the model's columns, in their order
amount = "amount"
channel = { code = "channel", unknown = -1 }
count_24h = { count = true, within = "24h" }
nights_7d = { sum = "night", within = "7d", group = "nights" }
amount_over_mean = { ratio_to_mean = "amount", decimals = 4 }
```
"""

FIELDS = """\
A field is a type or a table. The types: `number`; `integer`, a number without decimals; `coordinate`, a number in
degrees, written without thousands separators; `text`; `name`, a text in which Null is a person; `time`, a local time
as in ISO 8601, whose zone is dropped, or with a `unit` a number of seconds or milliseconds since 1970-01-01 UTC.
Other spellings of numbers, times and known texts are repaired and counted; what cannot be read is rejected with the
field and the reason."""

DERIVED = """\
A feature is the name of a field or a derived number, or one operation with its options; a derived number is one
operation over fields and derived numbers. Features of one `group` make one reason for a flag; without it a feature
belongs to the group of its first operand, or, of the past, to the group `past`. Arrays have a place for each of n
records; numbers are float64, a missing one is NaN, and the model gets float32 [n, features]."""

PAST = """\
These look at the records of the same key that arrived before and lie strictly earlier in event time. `within` is a
window such as `30m`, `1h` or `30d`, up to 30 days, from t - window, included, to t, not included; without it the
whole past counts. The history stores the newest 1,024 records of a key, its numbers as float32; of older ones it
keeps number, sums, minimum and maximum."""


def markdown() -> str:
    """Return docs/contract.md."""
    sections = [
        HEAD,
        "## `[record]`\n",
        _table(RecordSpec),
        f"\n## `[fields]`\n\n{FIELDS}\n",
        _table(FieldSpec),
        "\n## `[roles]`\n\n`amount`, `category`, `merchant`, `state`, `city`: the field that mart and page show under"
        " this name. Each may be missing.\n",
        "## `[model]`\n",
        _table(ModelSpec),
        f"\n## `[derived]` and `[features]`: operations over a record\n\n{DERIVED}\n",
        _operations((one.example, one.unit, one.description) for one in OPERATIONS.values()),
        f"\n## Operations over the past\n\n{PAST}\n",
        _operations((one.example, one.unit, one.description) for one in PAST_OPERATIONS.values()),
    ]
    return "\n".join(sections) + "\n"


def _table(part: type[BaseModel]) -> str:
    """Return the keys of a section."""
    rows = [f"| `{name}` | {_default(field)} | {field.description or ''} |" for name, field in _described(part)]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows])


def _described(part: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    yield from part.model_fields.items()


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    return f"`{field.default}`" if field.default not in (None, (), {}) else "none"


def _operations(found: Iterable[tuple[str, str, str]]) -> str:
    rows = [f"| `{example}` | {unit} | {' '.join(text.split())} |" for example, unit, text in found]
    return "\n".join(["| example | unit | meaning |", "|---|---|---|", *rows])


def main() -> None:
    """Write the file."""
    (project_root() / "docs" / "contract.md").write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
