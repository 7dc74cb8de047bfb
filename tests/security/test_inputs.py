"""What strangers can send: files, names, messages, models. docs/security.md names the threat each test is about."""

import gzip
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from markupsafe import Markup
from onnx.external_data_helper import set_external_data

import onnx
from onnx import TensorProto, helper, numpy_helper
from services.common.errors import Reason, Stop
from services.common.kafka.lag import Lag
from services.common.settings import project_root
from services.common.spreadsheet import safe_text
from services.scorer.decode import Decoder
from services.scorer.models.load import load_model
from services.sender.csvfile import prepare
from services.sender.report import FileFault, FileRefused
from tests.support.contracts import cards
from tests.support.hostile import HOSTILE, elements, hostile
from tests.support.messages import nested
from ui.check import render as check
from ui.check.jobs import Job
from ui.check.steps import Refused, Sent, Step
from ui.check.texts import CHECK_TEXTS
from ui.database import Flagged, Results, Snapshot
from ui.files.download import path_of
from ui.files.journal import Upload
from ui.files.tab import jobs_under_way, uploads_table
from ui.files.texts import UPLOADS_TEXTS
from ui.live import render as live
from ui.live.filter import CategoryShare
from ui.live.queries import LiveRow
from ui.live.reading import LiveReading
from ui.live.texts import LIVE_TEXTS
from ui.payment.payment import Answer, SentTransaction
from ui.payment.tab import answer_html
from ui.review import render as review
from ui.review.case import Case
from ui.review.features import describe
from ui.review.queue import Queue
from ui.review.texts import CASE_TEXTS
from ui.review.verdicts import GivenVerdict
from ui.shell.texts import RUSSIAN
from ui.threshold import render as threshold
from ui.threshold.models import ModelHistory, ScoringModel
from ui.threshold.texts import MODELS_TEXTS
from ui.watch import Observation

WORDS, LIVE, CASE = CHECK_TEXTS["ru"], LIVE_TEXTS["ru"], CASE_TEXTS["ru"]
ZEROS = bytes(20_000_000)


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", ZEROS)
    return packed.getvalue()


@pytest.mark.parametrize("content", [gzip.compress(ZEROS), zipped()], ids=["gzip", "zip or xlsx"])
def test_an_archive_that_holds_far_more_than_its_size_is_refused(content: bytes, tmp_path: Path) -> None:
    """A bomb stays small: unpacking ends at 200 times its size, or at 16 MiB."""
    path = tmp_path / "transactions.csv"
    path.write_bytes(content)
    with pytest.raises(FileRefused) as refused, prepare(path, contract=cards()):
        pass
    assert refused.value.code == FileFault.ARCHIVE
    assert "16 MiB" in refused.value.detail


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", " =", "  @"])
def test_no_cell_of_an_export_is_a_formula(begin: str) -> None:
    """Also after spaces, which spreadsheets skip."""
    assert safe_text(f"{begin}HYPERLINK('http://x')").startswith("'")


@pytest.mark.parametrize("name", ["../../etc/passwd.csv", "..\\..\\x.csv", f"{HOSTILE}.csv", "a\r\nSet-Cookie: x.csv"])
def test_a_file_s_name_is_text_and_never_a_path(name: str) -> None:
    """It is shown escaped, and the address of its scores is made of the upload's id alone."""
    upload = hostile(Upload, file_name=name)
    html = uploads_table([upload], RUSSIAN, UPLOADS_TEXTS["ru"], 0)
    assert "<img" not in html
    assert path_of(upload.upload_id, "ru") in html
    assert f'href="{name}' not in html


FEATURES = describe(cards(), "ru")

RENDERED: list[tuple[type, Callable[[Any], Markup]]] = [
    (Flagged, lambda row: check.flagged_table([row], RUSSIAN, WORDS, 0)),
    (Snapshot, lambda read: check.results_head(Results(read, fresh=False), hostile(ScoringModel), RUSSIAN, WORDS, 0)),
    *((step, lambda one: check.headline(one, RUSSIAN, WORDS)) for step in get_args(Step)),
    (Sent, lambda one: check.details(one, RUSSIAN, WORDS)),
    (Refused, lambda file: check.headline(replace(file, code=FileFault.MISSING_COLUMNS), RUSSIAN, WORDS)),
    (Upload, lambda upload: uploads_table([upload], RUSSIAN, UPLOADS_TEXTS["ru"], 0)),
    (Upload, lambda sent: jobs_under_way(
        [Job(Path(sent.file_name), sent.analyst)], RUSSIAN, UPLOADS_TEXTS["ru"], may_cancel=True
    )),
    (LiveRow, lambda row: live.flagged_table([row], 1, RUSSIAN, LIVE, 0, names=True)),
    (LiveRow, lambda row: live.flagged_table([row], 1, RUSSIAN, LIVE, 0, names=False)),
    (CategoryShare, lambda one: live.by_category([one], RUSSIAN, LIVE)),
    (LiveReading, lambda read: live.tiles(
        read, Observation(hostile(Lag), 0.0, fresh=True, tried=True), hostile(ScoringModel), RUSSIAN, LIVE, 0
    )),
    (Queue, lambda queue: review.queue(queue, RUSSIAN, CASE)),
    (Case, lambda case: review.head(case, RUSSIAN, CASE, True, 0)),
    (Case, lambda case: review.head(case, RUSSIAN, CASE, False, 0)),
    (Case, lambda case: review.reasons(case, FEATURES, RUSSIAN, CASE)),
    (Case, lambda case: review.earlier(case, RUSSIAN, CASE)),
    (GivenVerdict, lambda verdict: review.verdicts([verdict], RUSSIAN, CASE, 0)),
    (ModelHistory, lambda models: threshold.models(models, RUSSIAN, MODELS_TEXTS["ru"], 0)),
    (Answer, lambda answer: answer_html(answer, hostile(SentTransaction), cards(), RUSSIAN)),
    (SentTransaction, lambda sent: answer_html(Answer(None, 0), sent, cards(), RUSSIAN)),
]  # fmt: skip
"""Every record that the page shows, and how: each text field of it is tried, also one that is added later."""


@pytest.mark.parametrize(("record", "rendered"), RENDERED, ids=lambda one: getattr(one, "__name__", ""))
def test_no_text_of_a_record_is_markup(record: type, rendered: Callable[[Any], Markup]) -> None:
    """Whatever a message, a file or a person says is shown as text: no element and no attribute comes of it."""
    html = rendered(hostile(record))
    assert isinstance(html, Markup)
    assert not elements(html) & {"img", "@onerror", "@src"}
    assert "&amp;#39;" not in html  # nor is it escaped twice


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"transaction_id": "x", "data": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        nested("x").replace(b"25.79", b"9" * 100_000),
        nested("x").replace(b"25.79", b"1e999"),
    ],
    ids=["arrays", "objects", "data", "long number", "infinity"],
)
def test_a_message_made_to_exhaust_the_decoder_is_one_reject(value: bytes) -> None:
    """Neither the process nor the batch falls: the transaction beside it is decoded."""
    columns, rejects = Decoder(cards(), {"population_city"}).decode([nested("good"), value], str)
    assert columns.ids == ["good"]
    assert set(rejects) == {1}
    assert rejects[1].reason in set(Reason)
    assert len(rejects[1].message) < 500


def test_a_model_whose_numbers_stand_in_another_file_is_refused(tmp_path: Path) -> None:
    """The manifest's hash would vouch for half of it."""
    weights = numpy_helper.from_array(np.ones((4, 2), np.float32), "weights")
    set_external_data(weights, "weights.bin")
    (tmp_path / "weights.bin").write_bytes(np.ones((4, 2), np.float32).tobytes())
    weights.ClearField("raw_data")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["features", "weights"], ["scores"])],
        "g",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 2])],
        [weights],
    )
    content = helper.make_model(graph).SerializeToString()
    assert onnx.load_from_string(content).graph.initializer[0].data_location == TensorProto.EXTERNAL
    for name in ("contract.toml", "risk.json", "manifest.json"):
        shutil.copy(project_root() / "onnx" / name, tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    (tmp_path / manifest["model_file"]).write_bytes(content)
    manifest["sha256"] = hashlib.sha256(content).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(Stop, match="in another file"):
        load_model(tmp_path)
