"""Writes to the shared context: how one is applied, and which ones lead from one state to another.

For the interpreter, which applies what steps write, and for steps that run chains, which write what
their chains wrote. Pure.
"""

from collections.abc import Iterator, Mapping

from pydantic import JsonValue
from pydantic_core import to_json

from rules.wire import ContextOperation


def apply_operation(context: dict[str, JsonValue], operation: ContextOperation) -> None:
    """Apply one write. What is no number counts as 0, what is no list as an empty one."""
    present = context.get(operation.key)
    match operation.op:
        case "set":
            context[operation.key] = operation.value
        case "delete":
            context.pop(operation.key, None)
        case "add":
            context[operation.key] = _number(present) + _number(operation.value)
        case "append":
            items = list(present) if isinstance(present, list) else []
            context[operation.key] = [*items, operation.value]
        case "take":
            left = present[1:] if isinstance(present, list) else []
            context[operation.key] = left
            if not left:
                del context[operation.key]


def difference(
    before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]
) -> Iterator[ContextOperation]:
    """The writes that make `after` of `before`.

    Where it can be told so, a list grows by items and a whole number by an amount, so that nothing
    is lost of what others write to the same key meanwhile.
    """
    for key in before:
        if key not in after:
            yield ContextOperation(op="delete", key=key)
    for key, value in after.items():
        if key not in before:
            yield from _first(key, value)
        elif not _same(value, before[key]):
            yield from _changed(key, before[key], value)


def _first(key: str, value: JsonValue) -> Iterator[ContextOperation]:
    if isinstance(value, list) and value:
        yield from _changed(key, [], value)
    elif type(value) is int:
        yield from _changed(key, 0, value)
    else:
        yield ContextOperation(op="set", key=key, value=value)


def _changed(key: str, before: JsonValue, after: JsonValue) -> Iterator[ContextOperation]:
    if isinstance(before, list) and isinstance(after, list) and _same(after[: len(before)], before):
        for item in after[len(before) :]:
            yield ContextOperation(op="append", key=key, value=item)
    elif type(before) is int and type(after) is int:
        yield ContextOperation(op="add", key=key, value=after - before)
    else:
        yield ContextOperation(op="set", key=key, value=after)


def _same(one: JsonValue, other: JsonValue) -> bool:
    """Whether they are the same JSON; Python alone takes 1 and True for equal."""
    return one == other and to_json(one) == to_json(other)


def _number(value: JsonValue) -> float:
    # Never a failure: it would stop the workflow, and the step has answered.
    return value if isinstance(value, int | float) else 0
