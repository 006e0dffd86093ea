"""What a component may answer with: by its kind, as JSON, and not too large.

For the course of an attempt and its judgement.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from activities.errors import BadOutput, OutputTooLarge
from rules.plan import ComponentPolicy
from rules.sizes import NOTE_LIMIT, OUTPUT_LIMIT, short
from rules.wire import ContextOperation


@dataclass(frozen=True, slots=True)
class Answer:
    """What a head must answer with."""

    words: str
    fits: Callable[[JsonValue], bool]


ANSWERS: Final[Mapping[str, Answer]] = {
    "boolean": Answer(
        "a boolean component answers true or false", lambda answer: isinstance(answer, bool)
    ),
    "switch": Answer(
        "a switch component answers with a target's id or tag",
        lambda answer: answer is None or isinstance(answer, str),
    ),
    "for": Answer(
        "a for component answers with a whole number",
        lambda answer: isinstance(answer, int) and not isinstance(answer, bool),
    ),
    "iterator": Answer(
        "an iterator component answers with a list", lambda answer: isinstance(answer, list)
    ),
}


def check_answer(policy: ComponentPolicy, output: JsonValue) -> None:
    """Whether a head answers with what its kind needs. Raises BadOutput."""
    answer = ANSWERS.get(policy.kind)
    if answer is not None and not answer.fits(output):
        raise BadOutput(policy.id, f"{answer.words}, not {output!r:.60}")


def check_size(
    policy: ComponentPolicy, output: JsonValue, operations: Sequence[ContextOperation]
) -> None:
    """Whether an answer can travel. Raises BadOutput, OutputTooLarge."""
    try:
        size = _size(output) + written(operations)
    except ValueError as error:
        raise BadOutput(policy.id, f"it is no JSON: {error}") from error
    if size > OUTPUT_LIMIT:
        raise OutputTooLarge(policy.id, f"{size} bytes, and {OUTPUT_LIMIT} are allowed")


def written(operations: Sequence[ContextOperation]) -> int:
    """Bytes of what is written to the context. Raises ValueError for what is no JSON."""
    return sum(_size(op.value) + len(op.key.encode()) for op in operations)


def noted(value: object) -> JsonValue:
    """What a step notes of itself, as JSON; it must not cost the step its answer."""
    data = cast(JsonValue, to_jsonable_python(value, bytes_mode="base64", fallback=str))
    text = json.dumps(data, ensure_ascii=False)
    if len(text.encode()) <= NOTE_LIMIT:
        return data
    return {"too_large": short(text, NOTE_LIMIT // 8)}


def _size(value: JsonValue) -> int:
    """Bytes as JSON. Raises ValueError for what is no JSON."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return len(text.encode())
