"""Components that do what a request says, call by call; for tests of strategies and decisions.

The request maps a step's tag to its acts (the last one repeats), and `undo:TAG` to its undo's:
`ok`, `refuse`, `error` (done, and the answer is lost), `no` (a head says no), `hold` (waits until
it is cancelled).
"""

import asyncio
from collections import Counter

from activities.component import Refused, Step, Undo, component

Script = dict[str, list[str]]

CALLS: Counter[str] = Counter()


def _act(script: Script, execution_id: str, key: str) -> str:
    CALLS[f"{execution_id}/{key}"] += 1
    acts = script.get(key, ["ok"])
    return acts[min(CALLS[f"{execution_id}/{key}"], len(acts)) - 1]


async def _do(act: str, key: str) -> None:
    if act == "refuse":
        raise Refused(f"{key} refuses", code="AS_SCRIPTED")
    if act == "error":
        raise ConnectionError(f"{key} lost its answer")
    if act == "hold":
        await asyncio.sleep(60)


@component("work", compensate="unwork")
async def work(request: Script, step: Step) -> str:
    tag = step.tag or ""
    await _do(_act(request, step.execution_id, tag), tag)
    return tag


@component("test", kind="boolean")
async def test(request: Script, step: Step) -> bool:
    tag = step.tag or ""
    act = _act(request, step.execution_id, tag)
    await _do(act, tag)
    return act != "no"


@component("strict")
async def strict() -> None:
    raise Refused("strict refuses", code="STRICT")


@component("unwork")
async def unwork(request: Script, undo: Undo[str]) -> None:
    key = f"undo:{undo.tag}"
    await _do(_act(request, undo.execution_id, key), key)
