"""services.scorer.compile and the contract's own checks: what is wrong is refused in one line that names the place."""

from pathlib import Path

import numpy as np
import pytest

from onnx import helper
from services.common.contract.load import read_contract
from services.common.errors import Stop
from services.scorer.compile import compile_features
from services.scorer.features import Expression, FeaturePlan
from services.scorer.models.load import load_model
from tests.support.contracts import contract
from tests.support.models import to_onnx, write_artifact

BASE = """
format = 1
name = "terminals"

[record]
event_time = "paid_at"
key = ["card"]

[fields]
paid_at = "time"
card = { type = "text", required = true }
channel = { type = "text", values = ["web", "shop"], spellings = { web = ["online"] } }
amount = { type = "number", required = true }
fee = "number"

[roles]
amount = "amount"

[derived]
night = { hour_between = "paid_at", first = 22, end = 4 }
risk = { table = ["channel", "amount"], file = "risk.json" }

[features]
amount = "amount"
channel = { code = "channel", group = "what" }
night = { field = "night", group = "when" }
count_1h = { count = true, within = "1h" }
risk_7d = { mean = "risk", within = "7d", decimals = 3 }
"""
RISK = '{"axes": [{"values": ["web"]}, {"edges": [10, 100]}], "values": [0, 1, 2, 3, 4, 5]}'

WRONG = {
    "not TOML": ('name = "terminals"', 'name = "terminals', "contract.toml: "),
    "unknown operation": ("hour_between = ", "hours_between = ", r"derived\.night: .*none of hours_between"),
    "two operations": ('count = true', 'count = true, last = "fee"', r"features\.count_1h: .*count and last are given"),
    "no operation": ('amount = "amount"\nchannel', "amount = 7\nchannel", r"features\.amount: an operation is needed"),
    "unknown field": ('code = "channel"', 'code = "way"', r"features\.channel: there is no field way"),
    "an id that is the payload": ("[record]", '[record]\nid = "data"', r"record\.id: data is the payload too"),
    "unknown key field": ('key = ["card"]', 'key = ["cart"]', r"record\.key: there is no field cart"),
    "unknown time": ('event_time = "paid_at"', 'event_time = "at"', r"record\.event_time: there is no field at"),
    "field of the wrong type": ('code = "channel"', 'code = "amount"', r"features\.channel: amount is .* a known"),
    "text without values": ('code = "channel"', 'code = "card"', r"features\.channel: card .* with `values`"),
    "a number that is a text": ('field = "night"', 'field = "card"', r"features\.night: card is of the type text"),
    "time of the wrong type": ('event_time = "paid_at"', 'event_time = "fee"', r"record\.event_time: fee .* be time"),
    "key of the wrong type": ('key = ["card"]', 'key = ["fee"]', r"record\.key: fee is of the type number, .*text"),
    "unknown type": ('fee = "number"', 'fee = "money"', r"fields\.fee\.type: "),
    "two features of one name": ("count_1h =", "night =", r"contract\.toml: .*"),
    "a derived number named as a field": ("night = { hour", "fee = { hour", r"derived\.fee: there is a field"),
    "window without key": ('key = ["card"]', "", r"features\.count_1h: .*record\.key is missing"),
    "key without time": ('event_time = "paid_at"', "", r"record\.key: .*record\.event_time is missing"),
    "missing table": ('file = "risk.json"', 'file = "risks.json"', r"risks\.json cannot be read"),
    "table elsewhere": ('file = "risk.json"', 'file = "../risk.json"', r"derived: \.\./risk\.json must be the name"),
    "no table at all": (', file = "risk.json"', "", r"derived\.risk: table needs the option file"),
    "axes unlike operands": ('["channel", "amount"]', '["channel"]', r"derived\.risk: .*2 axes, 1 operands"),
    "axis of the other kind": ('["channel", "amount"]', '["fee", "amount"]', r"derived\.risk: .*of fee needs edges"),
    "text on a number's axis": ('["channel", "amount"]', '["card", "channel"]', r"derived\.risk: .* needs values"),
    "format of another version": ("format = 1", "format = 2", r"format: "),
    "no format": ("format = 1", "", r"format: "),
    "unknown role": ('[roles]\namount', "[roles]\nbuyer", r"roles\.buyer: "),
    "role of the wrong type": ('[roles]\namount = "amount"', '[roles]\namount = "card"', r"roles\.amount: card is"),
    "unknown section": ("[derived]", "[made]", r"made: "),
    "unknown key in a section": ("[record]", "[record]\ntopic = 'x'", r"record\.topic: "),
    "unknown key of a field": ('fee = "number"', 'fee = { type = "number", unit = "EUR" }', r"fields\.fee\.unit: "),
    "cycle": ('night = { hour_between = "paid_at", first = 22, end = 4 }',
              'night = { log1p = "dusk" }\ndusk = { log1p = "night" }', r"derived\.night: .*night -> dusk -> night"),
    "mean of what may be missing": ('mean = "risk"', 'mean = "fee"', r"features\.risk_7d: fee may be missing"),
    "window of a strange unit": ('within = "1h"', 'within = "1w"', r"features\.count_1h: within must be .*'1w'"),
    "window of 31 days": ('within = "1h"', 'within = "31d"', r"features\.count_1h: within may be 30 days at most"),
    "window as a number": ('within = "1h"', "within = 3600", r"features\.count_1h: within must be a text"),
    "window where none is": ("count = true, within", "seconds_since_last = true, within", r"count_1h: .*has no window"),
    "a number where none is": ("count = true", 'count = "amount"', r"count_1h: count is written count = true"),
    "unknown option": ("first = 22", "start = 22", r"derived\.night: hour_between has no option start, it takes first"),
    "option of the wrong type": ("first = 22", 'first = "22"', r"derived\.night: option first: "),
    "an hour that is none": ("first = 22", "first = 25", r"derived\.night: option first: .*less than or equal to 24"),
    "decimals that float64 has not": ("decimals = 3", "decimals = 30", r"features\.risk_7d: option decimals: "),
    "no number": ('fee = "number"', 'fee = { type = "number", max = nan }', r"fields\.fee\.max: .*finite"),
    "missing option": (", end = 4", "", r"derived\.night: hour_between needs the option end"),
    "option of a field": ('field = "night"', 'field = "night", decimals = 2', r"night: a field has no option"),
    "too few operands": ('field = "night"', 'ratio = ["fee"]', r"features\.night: ratio takes 2 operands, 1 are given"),
    "group that is no text": ('group = "what"', "group = 1", r"features\.channel: group must be a text"),
    "limits of a text": ('card = { type = "text"', 'card = { min = 1, type = "text"', r"fields\.card: min and max are"),
    "values of a number": ('fee = "number"', 'fee = { type = "number", values = ["1"] }', r"fields\.fee: values and"),
    "spellings of nothing": ("{ web = [", "{ net = [", r"fields\.channel: spellings of net, which values"),
    "no feature": (BASE[BASE.index("[features]"):], "[features]\n", r"features: "),
}  # fmt: skip
"""What is replaced, by what, and what the line says."""

WRONG_TABLES = {
    "no JSON": ("{", r"risk\.json: "),
    "too few values": (RISK.replace(", 5]", "]"), r"risk\.json: 5 values, the axes have 6 cells"),
    "edges out of order": (RISK.replace("10, 100", "100, 10"), r"risk\.json: axes\.1: edges must be ascending"),
    "an axis of both kinds": (RISK.replace('["web"]', '["web"], "edges": [1]'), r"axes\.0: .*either values or edges"),
}


def compiled(folder: Path, text: str, risk: str = RISK) -> FeaturePlan:
    (folder / "contract.toml").write_text(text, encoding="utf-8")
    (folder / "risk.json").write_text(risk, encoding="utf-8")
    return compile_features(read_contract(folder))


def test_the_contract_that_the_others_are_spoilt_from_is_right(tmp_path: Path) -> None:
    """Its features in their order, the fields they read, the reasons they make, and what the history keeps."""
    plan = compiled(tmp_path, BASE)

    assert plan.names == ("amount", "channel", "night", "count_1h", "risk_7d")
    assert plan.groups == {"amount": (0,), "what": (1,), "when": (2,), "past": (3, 4)}
    assert plan.fields == {"amount", "channel", "paid_at", "card"}
    assert [(one.operation, one.number, one.within) for one in plan.readings] == [
        ("count", None, 3_600),
        ("mean", "risk", 7 * 86_400),
    ]
    assert (plan.numbers.stored, plan.numbers.carried) == (("risk",), ("sum risk",))
    assert plan.texts == {1: ("web", "shop")}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_contract_is_refused_in_one_line_that_names_the_place(case: str, tmp_path: Path) -> None:
    """By its section and name, and where it helps by what would be right."""
    old, new, said = WRONG[case]
    assert BASE.count(old) == 1

    with pytest.raises(Stop, match=said) as refused:
        compiled(tmp_path, BASE.replace(old, new))
    assert "\n" not in str(refused.value)
    assert ".toml" in str(refused.value) or ".json" in str(refused.value)


@pytest.mark.parametrize("case", WRONG_TABLES)
def test_a_wrong_table_is_refused_likewise(case: str, tmp_path: Path) -> None:
    """With the name of its file."""
    risk, said = WRONG_TABLES[case]
    with pytest.raises(Stop, match=said) as refused:
        compiled(tmp_path, BASE, risk)
    assert "\n" not in str(refused.value)


def test_a_number_of_features_unlike_the_model_s_is_refused(tmp_path: Path) -> None:
    """Both numbers are named."""
    nodes = [helper.make_node("ReduceMax", ["features"], ["probability"], axes=[1], keepdims=1)]
    folder = write_artifact(tmp_path, "b", to_onnx(nodes, {}, 2), contract(("amount", "hour", "month")), 0.5)

    with pytest.raises(Stop, match="takes 2 features, its contract has 3"):
        load_model(folder)


def test_a_number_made_of_the_time_alone_is_not_stored_unless_it_is_looked_up(tmp_path: Path) -> None:
    """Summed up it is made anew of the times; the last or the largest one must be there."""
    summed = compiled(tmp_path, BASE + 'nights = { sum = "night", within = "1d" }\n').numbers
    looked_up = compiled(tmp_path, BASE + 'nights = { sum = "night" }\nlast_night = { last = "night" }\n').numbers

    assert summed.stored == ("risk",)
    assert looked_up.stored == ("night", "risk")
    assert summed.carried == looked_up.carried == ("sum night", "sum risk")


def test_what_may_be_missing_is_known_through_every_step(tmp_path: Path) -> None:
    """A flag of an optional number may be missing, whether it is missing never is."""
    text = BASE.replace(
        "[features]",
        'dear = { above = "amount", limit = 5 }\nfee_dear = { above = "fee", limit = 5 }\n'
        'free = { is_missing = "fee" }\nlog = { log1p = "amount" }\n\n[features]\ndear = "dear"\n'
        'fee_dear = "fee_dear"\nfree = "free"\nlog = "log"',
    )
    found = {
        name: column.never_missing
        for name, column in zip(compiled(tmp_path, text).names, compiled(tmp_path, text).columns, strict=True)
        if isinstance(column, Expression)
    }
    assert found == {
        "dear": True, "fee_dear": False, "free": True, "log": False, "amount": True, "channel": False, "night": True,
    }  # fmt: skip


def test_another_definition_is_another_number(tmp_path: Path) -> None:
    """Through derived numbers down to options and tables; names of features are not part of it."""
    base = compiled(tmp_path, BASE).numbers.definitions
    other_table = compiled(tmp_path, BASE, RISK.replace("5]", "6]")).numbers.definitions
    renamed = compiled(tmp_path, BASE.replace("risk_7d", "risk_of_a_week")).numbers.definitions
    other_values = compiled(tmp_path, BASE.replace('["web", "shop"]', '["web"]')).numbers.definitions

    assert base == renamed
    assert base["number risk"] != other_table["number risk"]
    assert base["key"] == other_table["key"] == "card at paid_at"
    assert base == other_values  # the table has texts of its own


def test_a_plan_gives_float32_and_nan(tmp_path: Path) -> None:
    """A number that float32 cannot hold is missing, as a feature and in the history."""
    plan = compiled(tmp_path, BASE + 'fees = { sum = "fee" }\nfee = "fee"\n')
    from services.scorer.decode import Decoder  # noqa: PLC0415

    columns, rejects = Decoder(plan.contract, plan.fields).decode(
        [b'{"paid_at": "2020-01-01 23:00", "card": "a", "amount": 5, "fee": %b}' % fee for fee in (b"1e300", b"-7")],
        str,
    )
    features = plan.to_features(columns)

    assert not rejects
    assert features.dtype == np.float32
    assert np.isnan(features[0, plan.names.index("fee")])
    assert np.isnan(plan.stored_numbers(columns)[plan.numbers.stored.index("fee"), 0])
    assert features[1].tolist()[:3] == pytest.approx([5, np.nan, 1], nan_ok=True)
