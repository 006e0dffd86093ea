"""What queries answer, cut where it would not fit an answer: the largest values go first.

For the workflow's queries. Temporal refuses answers over 2 MiB. Only what is shown is cut; the
saga itself keeps everything. Pure.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pydantic import JsonValue

from rules.decisions import DecisionRecord
from rules.execution import Execution
from rules.measuring import json_size
from rules.sizes import KIB
from rules.wire import PlannedUndo

ANSWER_LIMIT: Final = 1024 * KIB
SMALL: Final = 256
"""Values of up to so many bytes are not worth cutting."""


def fitting(execution: Execution) -> Execution:
    """The execution; its largest inputs and outputs only by their sizes, where it is too large."""
    excess = json_size(execution) - ANSWER_LIMIT
    if excess <= 0:
        return execution
    values = [execution.request, execution.output, *execution.context.values()]
    for entry in execution.stack:
        values += (entry.input, entry.output, entry.note)
    cut = _cut_from(values, excess)
    stack = tuple(
        entry.model_copy(
            update={
                "input": cut(entry.input),
                "output": cut(entry.output),
                "note": cut(entry.note),
            }
        )
        for entry in execution.stack
    )
    return execution.model_copy(
        update={
            "request": cut(execution.request),
            "output": cut(execution.output),
            "context": {key: cut(value) for key, value in execution.context.items()},
            "stack": stack,
        }
    )


def fitting_undos(undos: Sequence[PlannedUndo]) -> list[PlannedUndo]:
    """The undo plan, cut in the same way."""
    excess = json_size(undos) - ANSWER_LIMIT
    if excess <= 0:
        return list(undos)
    cut = _cut_from([value for undo in undos for value in (undo.input, undo.output)], excess)
    return [
        undo.model_copy(update={"input": cut(undo.input), "output": cut(undo.output)})
        for undo in undos
    ]


def fitting_records(records: Sequence[DecisionRecord]) -> list[DecisionRecord]:
    """The latest decisions that fit."""
    return list(reversed(list(_while_fitting(records))))


def fitting_text(text: str) -> str:
    """The first lines of a long text."""
    data = text.encode()
    if len(data) <= ANSWER_LIMIT:
        return text
    return data[:ANSWER_LIMIT].decode(errors="ignore") + "\n…"


def _while_fitting(records: Sequence[DecisionRecord]) -> Iterator[DecisionRecord]:
    size = 0
    for record in reversed(records):
        size += json_size(record)
        if size > ANSWER_LIMIT:
            return
        yield record


def _cut_from(values: Sequence[JsonValue], excess: int) -> Callable[[JsonValue], JsonValue]:
    """What cuts the largest of the values, as many as it takes."""
    bound = SMALL
    for size in sorted((json_size(value) for value in values), reverse=True):
        bound = max(size, SMALL)
        if excess <= 0:
            break
        excess -= size
    else:
        bound = SMALL
    return lambda value: _cut(value, bound)


def _cut(value: JsonValue, bound: int) -> JsonValue:
    size = json_size(value)
    return value if size <= bound else {"cut": "too large to be shown here", "bytes": size}
