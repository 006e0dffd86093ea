"""Components that run chains, and notes; for tests of sub-runs on both runtimes.

The request is a script as in `tests.workflows.acting`, and is handed on to the chains. `chains` are
run one after the other (`at once`: side by side), `check` raises for one that failed. What the
caller itself does then stands under its tag.
"""

import asyncio
from collections import defaultdict
from typing import Final

from activities.component import (
    ChainAnswer,
    OnFailure,
    Refused,
    Step,
    Strategy,
    Undo,
    component,
)
from tests.workflows.acting import CALLS, Script, act_of

KEYS: Final[defaultdict[str, list[str]]] = defaultdict(list)

CHAINS: Final = {
    "pair": "THEN(work.tag('p'), work.tag('q'));",
    "one": "work.tag('o').retry(0);",
    "outer": "THEN(work.tag('u'), calls.tag('inner'), work.tag('v'));",
    "forever": "THEN(itself);",
    "bare": "THEN(strict);",
    "keyed": "THEN(holdsKey, holdsKey);",
    "asks": "THEN(manual.tag('m'));",
    "held": "THEN(work.tag('p'), work.tag('h'), work.tag('q'));",
}
"""What callers may run; `pair`, `one` and `outer` are undone without a rest."""


async def _run(request: Script, step: Step) -> list[str]:
    chains = request.get("inner chains" if step.tag == "inner" else "chains", [])
    if "at once" in request:
        answers = await asyncio.gather(*(step.run_chain(chain, request) for chain in chains))
    else:
        answers = [await step.run_chain(chain, request) for chain in chains]
    return _told(request, step, answers)


def _told(request: Script, step: Step, answers: list[ChainAnswer]) -> list[str]:
    if "check" in request:
        for answer in answers:
            answer.or_raise()
    act_of(request, step)
    step.note([answer.execution_id for answer in answers])
    return [answer.status.value for answer in answers]


@component("calls", runs_chains=True)
async def calls(request: Script, step: Step) -> list[str]:
    return await _run(request, step)


@component("callsAndUndoes", runs_chains=True, compensate="uncall")
async def calls_and_undoes(request: Script, step: Step) -> list[str]:
    return await _run(request, step)


@component("callsOnThread", runs_chains=True)
def calls_on_thread(request: Script, step: Step) -> list[str]:
    answers = [step.run_chain_blocking(chain, request) for chain in request.get("chains", [])]
    return _told(request, step, answers)


@component("holdsKey", compensate="returnsKey")
async def holds_key(step: Step) -> None:
    KEYS[f"{step.execution_id} forward"].append(step.key)


@component("returnsKey")
async def returns_key(undo: Undo[None]) -> None:
    KEYS[f"{undo.execution_id} undo"].append(undo.forward_key)


@component("manual", on_failure=OnFailure(strategy=Strategy.MANUAL))
async def manual(step: Step) -> None:
    CALLS[f"{step.execution_id}/{step.tag}"] += 1
    raise Refused("ask somebody")


@component("noted", name="A note")
async def noted(step: Step) -> None:
    step.note(value=False)


@component("uncall")
async def uncall(undo: Undo[list[str]]) -> None:
    CALLS[f"{undo.execution_id}/undo:{undo.tag}"] += 1


@component("undeclared")
async def undeclared(step: Step) -> None:
    await step.run_chain("pair")


@component("itself", runs_chains=True)
async def itself(step: Step) -> str:
    answer = await step.run_chain("forever")
    return answer.output if answer.error is None else answer.error.code  # type: ignore[return-value] # as JSON


@component("notes")
async def notes(request: Script, step: Step) -> None:
    step.note({"attempt": step.attempt})
    act_of(request, step)
