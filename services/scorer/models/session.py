"""How an ONNX model is asked: which tensors it takes of the features, and where in its output the probability is.

Exporters differ in both. What a model wants is found out once, when it is loaded; one that cannot be served is refused
in one line that says what was found, and what would be accepted.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.common.contract.model import CONTRACT_NAME, ModelSpec
from services.common.errors import Stop
from services.scorer.features import Expression, FeaturePlan, Features
from services.scorer.models.labels import Label, class_labels

CHUNK_ROWS = 1_000
"""Rows of one run of the session: the trees and a chunk stay in the processor's cache."""

EARLY_STOP = "settled"
"""An optional second input of a model: the log-odds below which it stops early. The graph holds a default."""

LARGEST_WHOLE = 2.0**53
"""Up to here float64 holds every whole number."""

MATRICES = {"tensor(float)": np.float32, "tensor(double)": np.float64}
WHOLE = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": np.bool_}
COLUMNS: dict[str, Any] = {**MATRICES, **WHOLE, "tensor(string)": np.object_}
"""Types of inputs, as ONNX Runtime names them -> of what numpy hands over."""

ANSWERS = ("tensor(float)", "tensor(double)", "tensor(float16)")
MAPS = ("seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))")
"""A ZipMap: class -> probability, a map a row."""

AS_MATRIX = "skl2onnx, onnxmltools: initial_types=[('features', FloatTensorType([None, {}]))]; PyTorch, Keras: float32"
FREE_BATCH = (
    "torch.onnx.export(…, dynamic_axes={'features': {0: 'n'}, 'probability': {0: 'n'}}) or dynamic_shapes; skl2onnx,"
    " onnxmltools: FloatTensorType([None, k]); tf2onnx: TensorSpec([None, k])"
)

UNKNOWN_OPSET = re.compile(r"Opset (\d+) is under development.* domain (\S+) is till opset (\d+)", re.DOTALL)
UNKNOWN_FORMAT = re.compile(r"Unsupported model IR version: (\d+), max supported IR version: (\d+)")
UNKNOWN_OPERATOR = re.compile(r"Could not find an implementation for (\w+)\((\d+)\)")
"""In errors of ONNX Runtime 1.32 (core/graph/model_load_utils.h, core/graph/model.cc, core/framework)."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a model.

    Attributes:
        name: in the graph.
        dtype: of its tensor.
        place: of the feature that it takes; None if it takes all of them.
        is_flat: whether a feature's tensor is [n], not [n, 1].
    """

    name: str
    dtype: Any
    place: int | None = None
    is_flat: bool = False

    def take(self, features: Features) -> NDArray[Any]:
        """Return the tensor, [n, k], [n, 1] or [n].

        A whole number cannot be missing, and is not in a transaction; where reasons ask without the feature it is 0.
        """
        if self.place is None:
            return features.astype(self.dtype, copy=False)
        column = features[:, self.place] if self.is_flat else features[:, self.place : self.place + 1]
        if self.dtype in WHOLE.values():
            numbers = np.nan_to_num(column.astype(np.float64), nan=0.0)
            return numbers.clip(-LARGEST_WHOLE, LARGEST_WHOLE).astype(self.dtype)
        return column.astype(self.dtype)


@dataclass(frozen=True, slots=True)
class OnnxSession:
    """A model of ONNX Runtime, and how it is asked.

    Attributes:
        session: runs it.
        inputs: what it takes.
        output: name of the output with the answer.
        positive: place of the answer among an output's columns, or its class in a map; None: the last of at most two.
        dtype: of the features, so that no input loses digits: float32, float64, or object with texts among them.
        chunk_rows: rows of one run.
        can_stop_early: whether it has the input EARLY_STOP.
    """

    session: onnxruntime.InferenceSession
    inputs: tuple[Input, ...]
    output: str
    positive: Label | None
    dtype: Any
    chunk_rows: int
    can_stop_early: bool

    def ask(self, features: Features, *, all_trees: bool) -> NDArray[Any]:
        """Return the answer for the positive class, a number a row, [n].

        Args:
            features: [n, k], n up to chunk_rows.
            all_trees: do not stop early.

        Raises:
            Exception: of any kind: ONNX Runtime's share no base class.
        """
        tensors = {one.name: one.take(features) for one in self.inputs}
        if all_trees and self.can_stop_early:
            tensors[EARLY_STOP] = np.array(-np.inf, np.float32)
        answer = self.session.run([self.output], tensors)[0]
        read = self._of_maps if isinstance(answer, list) else self._of_columns
        return read(answer, len(features))

    def _of_columns(self, answer: NDArray[Any], rows: int) -> NDArray[Any]:
        shape, place = np.shape(answer), self.positive
        if place is None and shape in {(rows,), (rows, 1), (rows, 2)}:
            place = -1
        elif not (isinstance(place, int) and len(shape) == 2 and shape[0] == rows and place < shape[1]):
            wanted = "[n], [n, 1] or [n, 2]" if place is None else f"[n, k] with a column {place}"
            raise ValueError(f"gave an answer of the shape {list(shape)} to {rows} rows, not {wanted}")
        column: NDArray[Any] = answer[:, place] if len(shape) > 1 else answer
        return column

    def _of_maps(self, maps: list[dict[Label | None, float]], rows: int) -> NDArray[Any]:
        if len(maps) != rows:
            raise ValueError(f"gave {len(maps)} maps to {rows} rows")
        return np.array([classes[self.positive] for classes in maps], np.float64)


def open_session(content: bytes, plan: FeaturePlan, name: str = "the model", threads: int = 1) -> OnnxSession:
    """Return a session of an ONNX file.

    Args:
        content: of the file.
        plan: the features, and the contract that says how it is asked.
        name: of the file, for errors.
        threads: of ONNX Runtime.

    Raises:
        Stop: it cannot be served; the message names the option of the contract, or of the usual exporters, that helps.
    """
    session = load_onnx(content, name, threads)
    inputs = session.get_inputs()
    if plan.contract.model.input == "matrix":
        taken: tuple[Input, ...] = (_matrix(name, inputs, len(plan.names)),)
    else:
        taken = tuple(_columns(name, inputs, plan))
    fixed = [_is_one_row(name, one) for one in inputs]
    output = _output(name, session.get_outputs(), plan.contract.model)
    return OnnxSession(
        session=session,
        inputs=taken,
        output=output.name,
        positive=_positive(name, output, plan.contract.model.positive, content),
        dtype=_dtype([one.dtype for one in taken]),
        chunk_rows=1 if any(fixed) else CHUNK_ROWS,
        can_stop_early=any(one.name == EARLY_STOP for one in session.get_overridable_initializers()),
    )


def load_onnx(content: bytes, name: str, threads: int = 1) -> onnxruntime.InferenceSession:
    """Return a session of an ONNX file, whatever its inputs and outputs are.

    Args:
        content: of the file.
        name: of the file, for errors.
        threads: number of threads of one run.

    Raises:
        Stop: ONNX Runtime cannot load it; one line that says why, and what to do.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise Stop(f"{name} {_why_not(str(error))}") from error


def _why_not(error: str) -> str:
    runtime = f"ONNX Runtime {onnxruntime.__version__}"
    if found := UNKNOWN_OPSET.search(error):
        opset, domain, newest = found.groups()
        known = f"{runtime} knows {domain} up to opset {newest}"
        return f"is of opset {opset} of {domain}, and {known}: export it with target_opset={newest} or lower"
    if found := UNKNOWN_FORMAT.search(error):
        version, newest = found.groups()
        return f"is of ONNX IR version {version}, {runtime} reads up to {newest}: export it with an older onnx package"
    if found := UNKNOWN_OPERATOR.search(error):
        operator, opset = found.groups()
        has_none = f"which {runtime} does not have for these types"
        return f"uses {operator} of opset {opset}, {has_none}: export it with another target_opset, or of float32"
    return f"cannot be loaded by {runtime}: {' '.join(error.split())}"


def _matrix(name: str, inputs: Sequence[Any], features: int) -> Input:
    """Return the one input of all features."""
    help_ = f"; export: {AS_MATRIX.format(features)}"
    if len(inputs) != 1:
        names = ", ".join(one.name for one in inputs[:3]) + (", …" if len(inputs) > 3 else "")
        by_name = f'one of all features, or write model.input = "columns" in {CONTRACT_NAME} for one a feature'
        raise Stop(f"{name} takes {len(inputs)} inputs ({names}), it must take {by_name}{help_}")
    [found] = inputs
    if found.type not in MATRICES:
        raise Stop(f"{name} takes {found.type}, it must take tensor(float) or tensor(double){help_}")
    if len(found.shape) not in {0, 2}:
        raise Stop(f"{name} takes an input of the shape {found.shape}, it must take [n, {features}]{help_}")
    width = found.shape[1] if found.shape else None  # not declared: the trial finds out
    if isinstance(width, int) and width != features:
        raise Stop(f"{name} takes {width} features, its contract has {features}")
    return Input(found.name, MATRICES[found.type])


def _columns(name: str, inputs: Sequence[Any], plan: FeaturePlan) -> Iterator[Input]:
    """Yield an input a feature, matched by name."""
    names = [one.name for one in inputs]
    if unknown := [one for one in names if one not in plan.names]:
        raise Stop(f"{name} takes the input {unknown[0]}, and features of {CONTRACT_NAME} has none of this name")
    if unused := [one for one in plan.names if one not in names]:
        takes = ", ".join(names)
        raise Stop(f"{name} has no input for features.{unused[0]} of {CONTRACT_NAME}, it takes {takes}")
    for found in inputs:
        shape, place = found.shape, plan.names.index(found.name)
        what = f"{name}: the input {found.name}"
        if len(shape) > 2 or (len(shape) == 2 and isinstance(shape[1], int) and shape[1] != 1):
            raise Stop(f"{what} has the shape {shape}, one feature is [n, 1] or [n]")
        if found.type not in COLUMNS:
            raise Stop(f"{what} takes {found.type}, it must take one of {', '.join(COLUMNS)}")
        if wrong := _misfit(plan, place, found.type):
            raise Stop(f"{what} takes {found.type}, and {wrong}")
        yield Input(found.name, COLUMNS[found.type], place, is_flat=len(shape) == 1)


def _misfit(plan: FeaturePlan, place: int, type_: str) -> str:
    """Return why an input of a type cannot take a feature; empty if it can."""
    made, feature = plan.columns[place], f"features.{plan.names[place]}"
    if plan.is_text(place) != (type_ == "tensor(string)"):
        return f"{feature} is a {'text' if plan.is_text(place) else 'number'}"
    if type_ not in WHOLE:
        return ""
    if not (isinstance(made, Expression) and made.never_missing):
        return f"{feature} may be missing: make its fields required, or export a float input"
    if made.is_field and plan.contract.fields[min(made.fields)].type == "number":
        return f"{feature} is a field of the type number: make it an integer, or export a float input"
    return ""


def _is_one_row(name: str, found: Any) -> bool:
    """Return whether an input takes one row at a time."""
    rows = found.shape[0] if found.shape else None
    if isinstance(rows, int) and rows != 1:
        text = f"{name} takes batches of exactly {rows}: the first dimension of its input is fixed"
        raise Stop(f"{text}; export it with a free one, or of 1: {FREE_BATCH}")
    return rows == 1


def _output(name: str, outputs: Sequence[Any], spec: ModelSpec) -> Any:
    """Return the output with the answer."""
    named = {one.name: one for one in outputs}
    found = outputs[-1] if spec.output is None else named.get(spec.output)
    if found is None:
        has = ", ".join(named)
        raise Stop(f"{CONTRACT_NAME}: model.output: {name} has no output {spec.output}, it has {has}")
    if found.type in ANSWERS or found.type in MAPS:
        return found
    label = " (a label, not a probability)" if "int" in found.type or "string" in found.type else ""
    which = "the last output" if spec.output is None else "the output"
    others = [one.name for one in outputs if one.type in ANSWERS or one.type in MAPS]
    help_ = (
        f'write model.output = "{others[0]}" in {CONTRACT_NAME}' if others else "export predict_proba, and that last"
    )
    text = f"{name}: {which}, {found.name}, is {found.type}{label}"
    raise Stop(f"{text}; it must be the probability of fraud, tensor(float) or a ZipMap: {help_}")


def _positive(name: str, output: Any, positive: Label | None, content: bytes) -> Label | None:
    """Return where in the output the answer is: a column's place, a class of a map, or None: see OnnxSession."""
    is_map, shape = output.type in MAPS, output.shape
    width = shape[-1] if not is_map and len(shape) > 1 and isinstance(shape[-1], int) else None
    if not is_map and (len(shape) == 1 or width == 1):
        if positive not in {None, 1}:
            raise _no_class(name, output, "is one number a row, the probability itself", "leave it out")
        return None
    labels = class_labels(content, width)
    listed, help_ = f"has the classes {', '.join(map(repr, labels))}", "must be one of them"
    if labels and positive is not None and positive not in labels:
        raise _no_class(name, output, listed, help_)
    if positive is not None:
        return positive if is_map else _place(name, output, positive, labels, width)
    if (labels and (len(labels) > 2 or isinstance(labels[0], str))) or (width or 0) > 2:
        raise _no_class(name, output, listed if labels else f"has {width} columns", "must say which is the fraud's")
    return labels[-1] if is_map else None


def _place(name: str, output: Any, positive: Label, labels: Sequence[Label], width: int | None) -> int:
    if labels:
        return labels.index(positive)
    if isinstance(positive, str) or not 0 <= positive < (width or positive + 1):
        count = "some" if width is None else width
        text = f"has {count} columns, and the graph does not name their classes"
        raise _no_class(name, output, text, "must be the place of the fraud's, from 0")
    return positive


def _no_class(name: str, output: Any, found: str, help_: str) -> Stop:
    return Stop(f"{name}: the output {output.name} {found}; model.positive of {CONTRACT_NAME}: {help_}")


def _dtype(taken: Sequence[Any]) -> Any:
    if np.object_ in taken:
        return np.object_
    return np.float64 if {np.float64, np.int64, np.int32} & set(taken) else np.float32
