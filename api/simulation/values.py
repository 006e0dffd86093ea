"""What a stub answers with: constants, and answers that look at where the step stands.

For the stubs. Pure: what is looked at is handed in. Texts are printed as Java prints them, which
is what cases written for LiteFlow expect.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from activities.component import Context, Step

OpName: TypeAlias = Literal[
    "tag_bool",
    "tag_fmt",
    "tag_map",
    "tag_seconds",
    "loop_index_lt",
    "loop_index_gt",
    "loop_index_eq",
    "request",
    "request_between",
    "request_gt",
    "request_lt",
    "ctx",
    "seq",
    "throws",
]


class Said(BaseModel):
    """Frozen data of a case; a class is only built for what a case has, as a command starts."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Op(Said):
    """An answer that is worked out when the stub runs; which fields count depends on `op`."""

    op: OpName
    fmt: str = "{}"
    map: dict[str, JsonValue] = {}
    otherwise: JsonValue = Field(default=None, alias="else")
    scale: float = 1.0
    value: float = 0
    min: float = 0
    max: float = 0
    key: str = ""
    values: tuple[JsonValue, ...] = ()


class Constant(Said):
    """An answer that is always the same."""

    constant: JsonValue


def _said(value: object) -> object:
    if isinstance(value, Op | Constant):
        return value
    if isinstance(value, Mapping) and "op" in value:
        return Op.model_validate(value)
    return Constant(constant=cast("JsonValue", value))


Value: TypeAlias = Annotated[Op | Constant, BeforeValidator(_said)]


@dataclass(frozen=True, slots=True)
class Moment:
    """A call of a stub: its step, what it was given, and the number of the call, from 1."""

    step: Step
    request: JsonValue
    context: Context
    call: int


def answer(value: Op | Constant, moment: Moment) -> JsonValue:
    """What the value is at this moment. Raises ValueError for what cannot be compared."""
    if isinstance(value, Constant):
        return value.constant
    return _OPS[value.op](value, moment)


def _tag_map(op: Op, at: Moment) -> JsonValue:
    tag = at.step.tag
    return op.map[tag] if tag is not None and tag in op.map else op.otherwise


def _index(compare: Callable[[float, float], bool]) -> Callable[[Op, Moment], JsonValue]:
    def compared(op: Op, at: Moment) -> JsonValue:
        return at.step.index is not None and compare(at.step.index, op.value)

    return compared


def _seq(op: Op, at: Moment) -> JsonValue:
    return op.values[min(at.call, len(op.values)) - 1] if op.values else None


def _number(value: JsonValue) -> float:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(ValueError):
            return float(value)
    raise ValueError(f"{printed(value)} is no number")


_OPS: Final[Mapping[OpName, Callable[[Op, Moment], JsonValue]]] = {
    "tag_bool": lambda _, at: (at.step.tag or "").casefold() == "true",
    "tag_fmt": lambda op, at: op.fmt.replace("{}", printed(at.step.tag)),
    "tag_map": _tag_map,
    "tag_seconds": lambda op, at: _number(at.step.tag) * 1000 * op.scale,
    "loop_index_lt": _index(lambda index, value: index < value),
    "loop_index_gt": _index(lambda index, value: index > value),
    "loop_index_eq": _index(lambda index, value: index == value),
    "request": lambda _, at: at.request,
    "request_between": lambda op, at: op.min <= _number(at.request) <= op.max,
    "request_gt": lambda op, at: _number(at.request) > op.value,
    "request_lt": lambda op, at: _number(at.request) < op.value,
    "ctx": lambda op, at: at.context.get(op.key),
    "seq": _seq,
    # Whoever is asked raises it; as a value it is nothing.
    "throws": lambda _, __: None,
}


def printed(value: JsonValue | Sequence[str]) -> str:
    """A value as Java prints it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case Mapping():
            return f"{{{', '.join(f'{key}={printed(one)}' for key, one in value.items())}}}"
        case Sequence():
            return f"[{', '.join(printed(one) for one in value)}]"
    return str(value)


_PLACE: Final = re.compile(r"\{(id|tag|i|pi|ppi|obj|pobj|data|req|chain|exc|targets|bind:[^{}]+)\}")

_PLACES: Final[Mapping[str, Callable[[Moment], JsonValue | Sequence[str]]]] = {
    "id": lambda at: at.step.component,
    "tag": lambda at: at.step.tag,
    "i": lambda at: at.step.index,
    "pi": lambda at: at.step.outer_index(1),
    "ppi": lambda at: at.step.outer_index(2),
    "obj": lambda at: at.step.object,
    "pobj": lambda at: at.step.outer_object(1),
    "data": lambda at: at.step.data,
    "req": lambda at: at.request,
    "chain": lambda at: at.step.current_chain,
    "exc": lambda at: at.step.error.type if at.step.error else None,
    "targets": lambda at: at.step.targets,
}


def filled(template: str, moment: Moment) -> str:
    """A record's template with its places filled in."""

    def place(found: re.Match[str]) -> str:
        name, _, key = found[1].partition(":")
        return printed(moment.step.bind(key) if name == "bind" else _PLACES[name](moment))

    return _PLACE.sub(place, template)
