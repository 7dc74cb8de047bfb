"""Compiles a contract's features: resolves its names and operations, and finds out what the history must keep."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from services.common.contract.model import CONTRACT_NAME, TEXTS, Contract, FieldSpec, LookupTable
from services.common.errors import Stop
from services.scorer.decode import Columns
from services.scorer.features import Expression, FeaturePlan
from services.scorer.history.look_back import Reading
from services.scorer.history.numbers import PastNumber, PastNumbers, Shares
from services.scorer.operations.past import PAST_OPERATIONS, PastOperation, read_window, to_reading
from services.scorer.operations.record import OPERATIONS
from services.scorer.operations.registry import KnownTexts, Operation, read_options

GROUP, WITHIN, FILE = "group", "within", "file"
PAST_GROUP = "past"
"""Name of the reason of features of the past that name no group of their own."""

Getter = Callable[[Columns], Any]


def compile_features(contract: Contract) -> FeaturePlan:
    """Return the plan of a contract's features.

    Raises:
        Stop: an unknown operation or field, one of the wrong type, a wrong option; one line that names the place.
    """
    compiler = _Compiler(contract)
    columns: dict[str, Expression | Reading] = {}
    groups: dict[str, list[int]] = {}
    for place, (name, given) in enumerate(contract.features.items()):
        columns[name], group = compiler.feature(name, given)
        groups.setdefault(group, []).append(place)
    numbers = compiler.past_numbers()
    return FeaturePlan(
        contract=contract,
        names=tuple(columns),
        columns=tuple(columns.values()),
        groups={name: tuple(places) for name, places in groups.items()},
        fields=compiler.fields(),
        readings=tuple(dict.fromkeys(one for one in columns.values() if isinstance(one, Reading))),
        numbers=numbers,
        texts={
            place: contract.fields[given["code"]].values
            for place, given in enumerate(contract.features.values())
            if isinstance(given, dict) and "code" in given
        },
        _stored=tuple(compiler.number(name, "derived").compute for name in numbers.stored),
    )


class _Compiler:
    """Resolves the names of one contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._event_time = contract.record.event_time
        self._derived: dict[str, Expression] = {}
        self._under_way: list[str] = []
        self._read: set[str] = set()
        self._needs: dict[str, set[str]] = {}
        self._sees_past = False
        for name in contract.derived:  # those that nothing needs are checked too
            self.number(name, f"derived.{name}")

    def feature(self, name: str, given: Any) -> tuple[Expression | Reading, str]:
        """Return a compiled feature, and the name of the reason it makes."""
        place = f"features.{name}"
        if isinstance(given, str):
            given = {"field": given}
        given = _table(place, given)
        group = given.pop(GROUP, None)
        if group is not None and not isinstance(group, str):
            raise _wrong(place, "group must be a text")
        kind, argument, options = self._split(place, given, {"field", *OPERATIONS, *PAST_OPERATIONS})
        if kind in PAST_OPERATIONS:
            return self._reading(place, PAST_OPERATIONS[kind], argument, options), group or PAST_GROUP
        expression = self._expression(place, kind, argument, options)
        self._read |= expression.fields
        return expression, group or _first(argument)

    def number(self, name: Any, place: str) -> Expression:
        """Return a number by its name: a field, or a derived one.

        Args:
            name: as given in the contract.
            place: where it is given, for errors.
        """
        contract = self._contract
        if isinstance(name, str) and name in contract.derived:
            return self._derive(name)
        spec = self._field(name, place)
        if not spec.is_number:
            help_ = ', or model.input = "columns" for a model that takes texts' if spec.type in TEXTS else ""
            raise _wrong(place, f"{name} is of the type {spec.type}, a number is needed{help_}")
        return Expression(
            fields=frozenset((name,)),
            compute=lambda columns: columns.numbers[name],
            definition=orjson.dumps({"field": name}).decode(),
            never_missing=name in contract.required,
        )

    def past_numbers(self) -> PastNumbers:
        """Return what the history must keep for the readings compiled so far."""
        numbers = {}
        for name, needs in sorted(self._needs.items()):
            expression = self.number(name, "derived")
            numbers[name] = PastNumber(
                name=name,
                definition=expression.definition,
                of_time=_of_time(expression) if self._is_of_time(expression) and needs == {"sum"} else None,
                is_flag=expression.is_flag,
                summed="sum" in needs,
                smallest="min" in needs,
                largest="max" in needs,
            )
        return PastNumbers(numbers, key=f"{'|'.join(self._contract.record.key)} at {self._event_time}")

    def fields(self) -> frozenset[str]:
        """Return the fields that everything compiled so far reads."""
        of_past = {*self._contract.record.key, self._event_time} if self._sees_past else set()
        for name in self._needs:
            of_past |= self.number(name, "derived").fields
        return frozenset(self._read | {name for name in of_past if name})

    def _derive(self, name: str) -> Expression:
        if name not in self._derived:
            place = f"derived.{name}"
            if name in self._under_way:
                raise _wrong(place, f"is made of itself: {' -> '.join([*self._under_way, name])}")
            self._under_way.append(name)
            found = self._split(place, _table(place, self._contract.derived[name]), OPERATIONS.keys())
            self._derived[name] = self._expression(place, *found)
            self._under_way.pop()
        return self._derived[name]

    def _split(self, place: str, given: dict[str, Any], known: Collection[str]) -> tuple[str, Any, dict[str, Any]]:
        """Return the operation, its argument, and its options."""
        found = [name for name in given if name in known]
        if len(found) != 1:
            named = " and ".join(found) if found else f"none of {', '.join(given) or 'nothing'}"
            raise _wrong(place, f"one operation is needed, {named} {'are given' if found else 'is one'}")
        return found[0], given.pop(found[0]), given

    def _expression(self, place: str, kind: str, argument: Any, options: dict[str, Any]) -> Expression:
        if kind == "field":
            if options:
                raise _wrong(place, f"a field has no option {min(options)}")
            return self._text(argument) if self._is_text(argument) else self.number(argument, place)
        operation = OPERATIONS[kind]
        names = argument if isinstance(argument, list) else [argument]
        kinds = operation.operands * len(names) if operation.many else operation.operands
        if len(names) != len(kinds):
            raise _wrong(place, f"{kind} takes {len(kinds)} operands, {len(names)} are given")
        read = self._read_options(place, operation, options)
        operands = [self._operand(name, wanted, place) for name, wanted in zip(names, kinds, strict=True)]
        if operation.many and len(read[FILE].axes) != len(operands):
            raise _wrong(place, f"the table has {len(read[FILE].axes)} axes, {len(operands)} operands are given")
        for axis, name in zip(read[FILE].axes if operation.many else (), names, strict=False):
            is_text = name not in self._contract.derived and self._contract.fields[name].type in TEXTS
            if bool(axis.values) != is_text:
                wanted = "values, it is a text" if is_text else "edges, it is a number"
                raise _wrong(place, f"the table's axis of {name} needs {wanted}")
        return _apply(operation, operands, read)

    def _is_text(self, name: Any) -> bool:
        """Whether a name is that of a text which the model takes as it is."""
        spec = self._contract.fields.get(name) if isinstance(name, str) else None
        return spec is not None and spec.type in TEXTS and self._contract.model.input == "columns"

    def _text(self, name: str) -> Expression:
        """Return a field's text as a feature; a known one as `values` spell it."""
        spec = self._contract.fields[name]
        return Expression(
            fields=frozenset((name,)),
            compute=lambda columns: _spelled(columns.texts[name], spec),
            definition=orjson.dumps({"field": name, "values": spec.values}).decode(),
            never_missing=name in self._contract.required,
            is_text=True,
        )

    def _read_options(self, place: str, operation: Operation, given: dict[str, Any]) -> dict[str, Any]:
        if FILE in given and FILE in {option.name for option in operation.options}:
            given[FILE] = self._contract.tables.get(given[FILE], given[FILE])
        try:
            return read_options(operation.name, operation.options, given)
        except ValueError as error:
            raise _wrong(place, str(error)) from None

    def _operand(self, name: Any, kind: str, place: str) -> tuple[Expression, Getter]:
        """Return an operand as an expression and what gets its column."""
        is_derived = isinstance(name, str) and name in self._contract.derived
        if kind == "number" or (kind == "field" and (is_derived or self._field(name, place).is_number)):
            number = self.number(name, place)
            return number, number.compute
        spec = self._field(name, place)
        wanted = {"time": {"time"}, "text": TEXTS, "known text": TEXTS}.get(kind, {spec.type})
        if spec.type not in wanted or (kind == "known text" and not spec.values):
            raise _wrong(place, f"{name} is of the type {spec.type}, a {kind} is needed{_with_values(kind)}")
        plain = Expression(
            fields=frozenset((name,)),
            compute=self._times(name) if spec.type == "time" else _no_number,
            definition=orjson.dumps(
                {"field": name} | ({"values": spec.values} if kind == "known text" else {})
            ).decode(),
            never_missing=name in self._contract.required,
        )
        return plain, plain.compute if spec.type == "time" else _texts(name, spec)

    def _times(self, name: str) -> Callable[[Columns], NDArray[Any]]:
        if name == self._event_time:
            return lambda columns: columns.seconds
        return lambda columns: columns.numbers[name]

    def _reading(self, place: str, operation: PastOperation, argument: Any, options: dict[str, Any]) -> Reading:
        record = self._contract.record
        if not record.key:
            raise _wrong(place, f"{operation.name} looks at a past, and record.key is missing")
        window = options.pop(WITHIN, None)
        if window is not None and not operation.takes_window:
            raise _wrong(place, f"{operation.name} has no window")
        if not operation.takes_number and argument is not True:
            raise _wrong(place, f"{operation.name} is written {operation.name} = true")
        number = self.number(argument, place) if operation.takes_number else None
        if number and operation.wants_all and not number.never_missing:
            raise _wrong(place, f"{argument} may be missing, which would make the {operation.name} wrong")
        try:
            within = None if window is None else read_window(window)
            read = read_options(operation.name, operation.options, options)
        except ValueError as error:
            raise _wrong(place, str(error)) from None
        self._sees_past = True
        if number:
            self._needs.setdefault(argument, set()).update(operation.needs)
        return to_reading(operation, argument if number else None, within, read)

    def _is_of_time(self, expression: Expression) -> bool:
        return expression.fields == {self._event_time} and expression.never_missing

    def _field(self, name: Any, place: str) -> FieldSpec:
        spec = self._contract.fields.get(name) if isinstance(name, str) else None
        if spec is None:
            raise _wrong(place, f"there is no field {name}")
        return spec


def _table(place: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _wrong(place, f'an operation is needed, like {{ hour = "paid_at" }}, not {given!r}')
    return dict(given)


def _apply(
    operation: Operation, operands: Sequence[tuple[Expression, Getter]], options: Mapping[str, Any]
) -> Expression:
    """Return an operation on operands as an expression."""
    getters = [getter for _, getter in operands]

    def compute(columns: Columns) -> NDArray[Any]:
        return operation.compute(*(get(columns) for get in getters), **options)

    parts = [orjson.loads(expression.definition) for expression, _ in operands]
    told = {name: _in_definition(value) for name, value in options.items()}
    return Expression(
        fields=frozenset().union(*(expression.fields for expression, _ in operands)),
        compute=compute,
        definition=orjson.dumps({operation.name: parts, **told}).decode(),
        is_flag=operation.flag,
        never_missing=operation.missing == "never"
        or (operation.missing == "as its operands" and all(expression.never_missing for expression, _ in operands)),
    )


def _in_definition(value: Any) -> Any:
    if isinstance(value, LookupTable):
        return hashlib.sha256(value.model_dump_json().encode()).hexdigest()
    return None if isinstance(value, float) and np.isnan(value) else value


def _of_time(expression: Expression) -> Shares:
    return lambda seconds: expression.compute(Columns.at(seconds))


def _texts(name: str, spec: FieldSpec) -> Getter:
    if not spec.values:
        return lambda columns: columns.texts[name]
    codes, vocabulary = spec.codes, spec.vocabulary
    return lambda columns: KnownTexts(columns.texts[name], codes, vocabulary)


def _spelled(texts: Sequence[str | None], spec: FieldSpec) -> NDArray[Any]:
    known, find = spec.vocabulary.known, spec.vocabulary.find
    if known and set(texts) - known:
        texts = [text if text in known or text is None else find(text) or text for text in texts]
    return np.array([text or "" for text in texts], np.object_)


def _no_number(_: Columns) -> NDArray[Any]:
    raise TypeError("a text is no number")  # never called: only a getter reads texts


def _with_values(kind: str) -> str:
    return ", with `values`" if kind == "known text" else ""


def _first(argument: Any) -> str:
    return str(argument[0] if isinstance(argument, list) and argument else argument)


def _wrong(place: str, message: str) -> Stop:
    return Stop(f"{CONTRACT_NAME}: {place}: {message}")
