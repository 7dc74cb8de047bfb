"""Another model in the folder is taken up whole or refused, and the one in use goes on until then."""

import shutil
from functools import partial
from pathlib import Path

import psutil
import pytest

from services.common.contract.model import Contract, LookupTable
from services.common.errors import Stop
from services.scorer import metrics
from services.scorer.compile import compile_features
from services.scorer.history.numbers import PastNumbers
from services.scorer.models.load import load_model
from services.scorer.models.reload import PATIENCE_SECONDS, ModelHolder, Reloader, hash_of
from services.scorer.score import Model
from tests.support.contracts import cards, contract, parsed_cards, past_features
from tests.support.messages import flat
from tests.support.models import RISKS, write_constant

SHIPPED = Path(__file__).resolve().parents[4] / "onnx"
SWAPS, WARM_UP = 200, 20
MOST_GROWTH_BYTES = 4 * 2**20


class Watched:
    """A folder that is watched, with a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, 0.0
        self.models = ModelHolder(load_model(folder))
        self.loads = 0
        self._reloader = Reloader(folder, self._load, self.models.stage, hash_of(folder), clock=lambda: self.now)

    def poll(self) -> str:
        """Look once, begin a batch, and return the version that scores it."""
        self._reloader.poll()
        self.models.swap_pending()
        return self.models.model.manifest.version

    def _load(self) -> Model:
        self.loads += 1
        return load_model(self.folder)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """A folder with model `a`, in use; the metric knows no other."""
    metrics.MODEL.clear()
    return Watched(write_constant(tmp_path / "model", "a", 0.1))


def refused() -> float:
    return float(metrics.RELOADS.labels("refused")._value.get())


def test_another_model_in_the_folder_is_used_from_the_next_batch_on(watched: Watched) -> None:
    """The score is the new model's, and the metric names it alone."""
    write_constant(watched.folder, "b", 0.9)

    assert watched.poll() == "b"
    versions = {sample.labels["version"] for metric in metrics.MODEL.collect() for sample in metric.samples}
    assert "b" in versions
    assert "a" not in versions


def test_a_model_that_is_in_use_is_not_loaded_again(watched: Watched) -> None:
    """Nothing is loaded while the manifest's content is the same, whatever its time says."""
    (watched.folder / "manifest.json").touch()
    assert (watched.poll(), watched.poll(), watched.loads) == ("a", "a", 0)


def test_a_batch_keeps_the_model_it_was_prepared_for(watched: Watched) -> None:
    """An offer changes nothing before the next batch begins."""
    prepared_for = watched.models.model
    watched.models.stage(load_model(write_constant(watched.folder.parent / "other", "b", 0.9)))
    assert watched.models.model is prepared_for
    watched.models.swap_pending()
    assert watched.models.model.manifest.version == "b"


def test_a_folder_that_is_half_written_is_tried_again_until_it_is_whole(watched: Watched) -> None:
    """A manifest before its ONNX file, one cut off, another contract, none: nothing is refused, nothing is used."""
    before = refused()
    other = write_constant(watched.folder.parent / "other", "b", 0.9)
    manifest = (other / "manifest.json").read_bytes()

    contract_file = watched.folder / "contract.toml"
    whole = contract_file.read_bytes()

    (watched.folder / "manifest.json").write_bytes(manifest[:200])
    assert watched.poll() == "a"
    for cut in (whole[:200], whole.replace(b"risk.json", b"more.json"), whole + b"# one more line"):
        contract_file.write_bytes(cut)
        assert watched.poll() == "a"
    contract_file.unlink()
    assert watched.poll() == "a"
    contract_file.write_bytes(whole)
    (watched.folder / "manifest.json").unlink()
    assert watched.poll() == "a"
    (watched.folder / "manifest.json").write_bytes(manifest)
    watched.now += PATIENCE_SECONDS - 1
    assert watched.poll() == "a"
    shutil.copy(other / "probe.onnx", watched.folder)
    assert watched.poll() == "b"
    assert refused() == before


def test_a_folder_that_stays_half_written_is_refused_once_and_loaded_when_it_is_repaired(watched: Watched) -> None:
    """After half a minute one line and one count; the model in use goes on, and the repaired folder is loaded."""
    before = refused()
    other = write_constant(watched.folder.parent / "other", "b", 0.9)
    shutil.copy(other / "manifest.json", watched.folder)
    for _ in range(4):
        assert watched.poll() == "a"
        watched.now += PATIENCE_SECONDS / 2
    assert (refused(), watched.loads) == (before + 1, 3)

    shutil.copy(other / "probe.onnx", watched.folder)
    assert watched.poll() == "b"


def test_a_model_that_scores_its_golden_rows_otherwise_is_refused_at_once_and_not_tried_again(
    watched: Watched,
) -> None:
    """The files are whole, so no patience is due: one count, one try."""
    before = refused()
    write_constant(watched.folder, "b", 0.9)
    path = watched.folder / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"score":0.8', b'"score":0.7'))

    assert (watched.poll(), watched.poll(), watched.loads) == ("a", "a", 1)
    assert refused() == before + 1
    write_constant(watched.folder, "c", 0.3)
    assert watched.poll() == "c"


def test_going_back_to_the_model_before_is_a_change_like_any_other(watched: Watched) -> None:
    """a, b, a."""
    write_constant(watched.folder, "b", 0.9)
    assert watched.poll() == "b"
    write_constant(watched.folder, "a", 0.1)
    assert watched.poll() == "a"


OTHER_RISKS = RISKS.model_copy(update={"values": RISKS.values[::-1]})
ANOTHER_SUM = {"night": {"hour_between": "transaction_time", "first": 20, "end": 4}}


def numbers_of(features: tuple[str, ...], risk: LookupTable = RISKS) -> PastNumbers:
    return compile_features(contract(features, risk=risk)).numbers


@pytest.mark.parametrize(
    ("features", "risk", "stored"),
    [
        (("amount",), RISKS, None),
        (("amount",), OTHER_RISKS, ("amount", "risk_1h")),
        (("amount", "count_1h"), OTHER_RISKS, ("amount", "risk_1h")),
        (("amount", "risk_1h", "hour"), RISKS, ("risk_24h", "amount", "night_count_1h")),
    ],
)
def test_a_model_is_taken_if_the_history_that_is_kept_is_the_one_it_knows(
    features: tuple[str, ...], risk: LookupTable, stored: tuple[str, ...] | None
) -> None:
    """No past, a past without risks, or risks of the same table."""
    plan = compile_features(contract(features, risk=risk))
    plan.check_history(numbers_of(stored) if stored else None)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (contract(past_features(), risk=OTHER_RISKS), "no number risk"),
        (contract(past_features(), ("home", "travel"), cards().tables["risk.json"]), "no number risk"),
        (contract(past_features(), risk=RISKS, derived=parsed_cards()["derived"] | ANOTHER_SUM), "no number night"),
        (contract(past_features(), risk=RISKS, record=parsed_cards()["record"] | {"key": ["street"]}), "no key"),
        (contract({"least": {"min": "amount", "within": "1h"}}, risk=RISKS), "sum up min amount"),
        (contract({"last_night": {"last": "night"}}, risk=RISKS), "store night"),
        (contract({"towns": {"sum": "population_city"}}, risk=RISKS), "no number population_city"),
    ],
)
def test_a_model_that_needs_another_past_than_the_stored_one_is_refused(given: Contract, named: str) -> None:
    """What the past's transactions were worth cannot be looked up again."""
    with pytest.raises(Stop, match=f"{named}.*docs/models.md"):
        compile_features(given).check_history(numbers_of(past_features()))


def test_a_model_of_the_past_is_refused_where_no_history_is_kept() -> None:
    """The scorer would have to begin one, without what has already passed."""
    with pytest.raises(Stop, match="stores none"):
        compile_features(contract(("amount", "count_1h"))).check_history(None)


@pytest.mark.slow
def test_memory_stays_flat_over_two_hundred_swaps(tmp_path: Path) -> None:
    """The shipped model of 300 trees, swapped and used: within 4 MB after the first swaps (onnxruntime #26831)."""
    for name in ("fraud.onnx", "contract.toml", "risk.json", "manifest.json"):
        shutil.copy(SHIPPED / name, tmp_path)
    models = ModelHolder(load_model(tmp_path))
    path = tmp_path / "manifest.json"
    content = path.read_bytes()
    reloader = Reloader(tmp_path, partial(load_model, tmp_path), models.stage, hash_of(tmp_path))
    process, sizes = psutil.Process(), []
    for number in range(SWAPS):
        path.write_bytes(content + b" " * (number % 2 + 1))
        reloader.poll()
        before = models.model
        models.swap_pending()
        assert models.model is not before
        score_golden(models.model)
        sizes.append(process.memory_info().rss)
    assert max(sizes[-WARM_UP:]) - max(sizes[:WARM_UP]) < MOST_GROWTH_BYTES


def score_golden(model: Model) -> None:
    columns, _ = model.decoder.decode([flat(None)] * 500, str)
    assert len(model.score(model.features(columns))) == 500
