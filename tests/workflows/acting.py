"""Components that do what a request says, call by call; for tests of strategies and operators.

The request maps a step's tag to its acts (the last one repeats), `TAG#2` to those of the pass with
that index, and `undo:TAG` to its undo's: `ok`, `refuse`, `error` (done, and the answer is lost),
`no` (a head says no), `hold` (waits until it is cancelled). What a head of another kind answers is
its act: `null`, a word, a number, `p,q`. Each may follow `until MARK`: first wait until the step
with the tag MARK of this execution has begun (`MARK*2`: for the second time), or until the test
tells that mark; `grace` is for how many seconds.
"""

import asyncio
from collections import Counter, defaultdict
from contextlib import suppress

from pydantic import JsonValue

from activities.component import Refused, Step, Undo, component

Script = dict[str, list[str]]

GRACE = 30.0

CALLS: Counter[str] = Counter()
MARKS: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)


def tell(execution_id: str, mark: str) -> None:
    """Let the steps of an execution go on that wait for this mark."""
    MARKS[f"{execution_id}/{mark}"].set()


def _act(script: Script, execution_id: str, key: str, index: str = "") -> str:
    CALLS[f"{execution_id}/{key}"] += 1
    count = CALLS[f"{execution_id}/{key}"]
    tell(execution_id, key)
    tell(execution_id, f"{key}*{count}")
    acts = script.get(f"{key}#{index}") or script.get(key, ["ok"])
    return acts[min(count, len(acts)) - 1]


def act_of(script: Script, step: Step) -> str:
    """What a step does next that waits for nothing. Raises as its script says."""
    key = step.tag or ""
    act = _act(script, step.execution_id, key)
    if act == "refuse":
        raise Refused(f"{key} refuses", code="AS_SCRIPTED")
    if act == "error":
        raise ConnectionError(f"{key} lost its answer")
    return act


async def _do(script: Script, execution_id: str, act: str, key: str) -> str:
    """Do an act; gives back the word that says how it ends."""
    if act.startswith("until "):
        _, mark, act = f"{act} ok".split(maxsplit=2)
        grace = float(script.get("grace", [str(GRACE)])[0])
        with suppress(TimeoutError):
            await asyncio.wait_for(MARKS[f"{execution_id}/{mark}"].wait(), grace)
        act = act.split()[0]
    if act == "refuse":
        raise Refused(f"{key} refuses", code="AS_SCRIPTED")
    if act == "error":
        raise ConnectionError(f"{key} lost its answer")
    if act == "hold":
        await asyncio.sleep(60)
    return act


async def _step(script: Script, step: Step) -> str:
    tag = step.tag or ""
    index = step.path.rpartition("#")[2].partition(".")[0].partition("~")[0]
    act = _act(script, step.execution_id, tag, index if "#" in step.path else "")
    return await _do(script, step.execution_id, act, tag)


@component("work", compensate="unwork")
async def work(request: Script, step: Step) -> str:
    step.context.add(f"did {step.tag}", 1)
    if step.data is not None:
        step.context.set(f"data of {step.tag}", step.data)
    await _step(request, step)
    return step.tag or ""


@component("test", kind="boolean")
async def test(request: Script, step: Step) -> bool:
    return await _step(request, step) != "no"


@component("chooses", kind="switch")
async def chooses(request: Script, step: Step) -> str | None:
    answer = await _step(request, step)
    return None if answer == "null" else answer


@component("counts", kind="for")
async def counts(request: Script, step: Step) -> int:
    return int(await _step(request, step))


@component("iterates", kind="iterator")
async def iterates(request: Script, step: Step) -> list[JsonValue]:
    return list((await _step(request, step)).split(","))


@component("strict")
async def strict() -> None:
    raise Refused("strict refuses", code="STRICT")


@component("unwork")
async def unwork(request: Script, undo: Undo[str]) -> None:
    key = f"undo:{undo.tag}"
    act = _act(request, undo.execution_id, key)
    await _do(request, undo.execution_id, act, key)
