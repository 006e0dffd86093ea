"""Components with large inputs, outputs and writes, as their tags say; for tests of size limits.

A tag is words: `out=200` returns 200 KiB, `set=200` writes them under the key `key=…`, `refuse` and
`error=…` fail. `DONE` has what was done in an execution and not undone yet. Texts hardly compress.
"""

import random
from collections import defaultdict
from functools import cache
from typing import Annotated

from pydantic import JsonValue

from activities.component import Context, Output, Refused, Step, Undo, component

DONE: defaultdict[str, set[str]] = defaultdict(set)


@cache
def text(kib: int) -> str:
    """Printable text of a size in KiB."""
    signs = [chr(code) for code in range(35, 127) if chr(code) != "\\"]
    return "".join(random.Random(kib).choices(signs, k=kib * 1024))


def _act(step: Step) -> str:
    DONE[step.execution_id].add(step.path)
    words = dict(word.partition("=")[::2] for word in (step.tag or "").split())
    if "set" in words:
        step.context.set(words.get("key", "key"), text(int(words["set"])))
    if "refuse" in words:
        DONE[step.execution_id].discard(step.path)
        raise Refused("as the tag says", code="AS_TAGGED")
    if "error" in words:
        raise ConnectionError(text(int(words["error"])))
    return text(int(words.get("out", "0")))


@component("heavy", compensate="unheavy")
async def heavy(step: Step) -> str:
    return _act(step)


@component("unheavy")
async def unheavy(undo: Undo[str]) -> None:
    DONE[undo.execution_id].discard(undo.path)


@component("eats", compensate="uneats")
async def eats(request: JsonValue, step: Step) -> str:
    return _act(step)


@component("uneats")
async def uneats(step: Step) -> None:
    DONE[step.execution_id].discard(step.path)


@component("keeps", compensate="unkeeps")
async def keeps(request: JsonValue, step: Step) -> str:
    return _act(step)


@component("unkeeps")
async def unkeeps(undo: Undo[str, dict[str, JsonValue]]) -> None:
    DONE[undo.execution_id].discard(undo.path)


@component("readsAll", compensate="uneats")
async def reads_all(context: Context, step: Step) -> str:
    return _act(step)


@component("gives", compensate="uneats")
async def gives(step: Step) -> str:
    return _act(step)


@component("looks", read_only=True)
async def looks() -> None:
    return None


@component("unwieldy", compensate="ununwieldy")
async def unwieldy(step: Step) -> str:
    return _act(step)


@component("ununwieldy")
async def ununwieldy(
    undo: Undo[str],
    request: JsonValue,
    context: Context,
    first: Annotated[str, Output("gives", tag="out=250 a")],
    second: Annotated[str, Output("gives", tag="out=250 b")],
) -> None:
    DONE[undo.execution_id].discard(undo.path)
