"""A case on the in-memory runtime, on virtual time, and what came of it."""

import asyncio
from collections import Counter
from typing import Final

from activities.registry import Registry
from activities.runner import Provider, Runner
from api.inprocess.clock import VirtualClock
from api.inprocess.execute import InMemoryExecution
from tests.property.components import ALL, PLAYS, perform
from tests.property.model import UNDO_SECONDS
from tests.property.model_case import Action, Answer, Case
from tests.property.seen import Seen, frost_of, payload_of, seen

REGISTRY: Final = Registry(ALL)
RUNNER: Final = Runner(Provider())
FOR_GOOD: Final = 100_000.0


class VirtualPlay:
    """Components that take virtual time."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.calls: Counter[str] = Counter()

    async def forward(self, path: str) -> Answer:
        self.calls[path] += 1
        script = self.case.script(path)
        act = script.act(path, self.calls[path])
        await asyncio.sleep(FOR_GOOD if act == "hang" else script.seconds(path))
        perform(act)
        return script.answer(path)

    async def backward(self, path: str) -> None:
        self.calls[f"{path}!"] += 1
        act = self.case.script(path).act(path, self.calls[f"{path}!"], undo=True)
        await asyncio.sleep(UNDO_SECONDS)
        perform(act)


async def in_memory(case: Case) -> Seen:
    """Run a case until it ends, or stands for good."""
    loop = asyncio.get_running_loop()
    play = VirtualPlay(case)
    PLAYS["short"] = play
    run = InMemoryExecution("acme", "short", frost_of(case), REGISTRY, RUNNER, clock=VirtualClock())
    saga = asyncio.create_task(run.run())
    if case.action is not None:
        loop.call_at(loop.time() + case.action.at, act, run, case.action)
    ended, _ = await asyncio.wait({saga}, timeout=FOR_GOOD / 2)
    found = seen(run.execution(), run.decisions(), play.calls)
    for _ in found.entries:  # nothing is left behind on the loop
        if ended:
            break
        for waiting in run.execution().waiting:
            run.receive("skip", {"step": waiting.path.removesuffix("!")})
        ended, _ = await asyncio.wait({saga}, timeout=FOR_GOOD)
    assert ended, f"{found.status} with nobody to ask"
    saga.result()
    return found


def act(run: InMemoryExecution, action: Action) -> None:
    """Do what the operator does."""
    if action.kind == "cancel":
        run.cancel()
    else:
        run.receive(action.kind, payload_of(action))
