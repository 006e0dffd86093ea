"""The sub-runs of one execution in memory: found or started, undone and cancelled with their steps.

For `InMemoryExecution`, which lends itself as `Run`, and for its runtime. Each is an execution of
its own, with the context of its caller at that moment.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from pydantic import JsonValue

from activities.errors import ChainCallInvalid
from rules.execution import Execution, Status, SubRun
from rules.request_sha import request_sha
from rules.sub_runs import (
    ChainCall,
    SubRunEnd,
    SubRunsUndone,
    end_of,
    repeatable,
    sub_frost,
    sub_options,
    sub_run_id,
)
from rules.wire import Frost, SagaOptions, SagaResult, StepRequest

FindChain: TypeAlias = Callable[[str, JsonValue, SagaOptions], Awaitable[Frost]]
"""Finds a chain by name and freezes it with a request and options. Raises RuleError."""


class Run(Protocol):
    """An execution in memory, as far as its caller deals with it."""

    async def run(self) -> Execution:
        """Run to the end."""
        ...

    async def undo(self) -> Execution:
        """Undo one that completed."""
        ...

    def receive(self, kind: str, payload: JsonValue = None) -> None:
        """Take in a decision."""
        ...

    def cancel(self) -> None:
        """Stop and undo."""
        ...

    def execution(self) -> Execution:
        """The execution as it stands."""
        ...

    def result(self) -> SagaResult:
        """How it stands, as its caller is told."""
        ...


OpenRun: TypeAlias = Callable[[str, Frost, dict[str, JsonValue]], Run]
"""Makes an execution of an id, a frozen chain and a context to begin with."""


@dataclass(frozen=True, slots=True)
class _SubRun:
    """A sub-run that was started, and the sub-runs of the same call that failed before it."""

    number: int
    run: Run
    sha: str
    task: asyncio.Task[Execution]
    earlier: tuple[SubRun, ...] = ()

    async def ended(self) -> SubRunEnd:
        """Wait for its end; who is cancelled meanwhile leaves it running."""
        await asyncio.shield(self.task)
        return end_of(self.run.result())

    @property
    def told(self) -> SubRun:
        """What is to be remembered of it now."""
        told = end_of(self.run.result()).run
        return told if told.status.final else told.model_copy(update={"undoable": True})


class SubRuns:
    """The sub-runs of all steps of one execution; without `find` no chain is known."""

    def __init__(self, find: FindChain | None, open_run: OpenRun) -> None:
        self._find = find
        self._open = open_run
        self._by_path: dict[str, dict[int, _SubRun]] = {}
        self._all: list[Run] = []

    @property
    def runs(self) -> Sequence[Run]:
        """Every sub-run, in the order of starting."""
        return tuple(self._all)

    async def launch(self, call: ChainCall) -> _SubRun:
        """Find or start the run of a call. Raises RuleError, ChainCallInvalid."""
        known = self._by_path.setdefault(call.path, {}).get(call.number)
        sha = request_sha(call.chain, call.request)
        if known is not None and known.sha != sha:
            raise ChainCallInvalid(
                f"call {call.number} of '{call.path}' ran chain '{known.told.chain}' in an earlier "
                "attempt, and now another chain or request: the calls of a step must repeat"
            )
        if known is None or (known.task.done() and repeatable(known.told)):
            known = await self._start(call, sha, known)
        return known

    async def beyond(self, request: StepRequest, number: int) -> Sequence[SubRun]:
        """What earlier attempts of a step have run in calls after the `number`th."""
        return self._told(request.path, number)

    async def undo(self, path: str) -> SubRunsUndone:
        """Undo what a step has run, the latest first; what runs still is told to, and awaited."""
        for known in reversed(self._by_path.get(path, {}).values()):
            if not known.task.done():
                reason: JsonValue = {"operator": "chainsaga", "reason": "its caller is undone"}
                known.run.receive("compensate", reason)
                await asyncio.shield(known.task)
            told = known.told
            if told.status is Status.COMPLETED and told.undoable:
                await known.run.undo()
        return SubRunsUndone(runs=tuple(self._told(path)))

    async def cancel(self, path: str) -> None:
        """Cancel what a step runs, and wait until it has ended."""
        running = [run for run in self._by_path.get(path, {}).values() if not run.task.done()]
        for known in running:
            known.run.cancel()
        for known in running:
            await asyncio.shield(known.task)

    async def settle(self) -> None:
        """Wait for runs whose steps gave up waiting."""
        for runs in self._by_path.values():
            for known in runs.values():
                await asyncio.shield(known.task)

    def told(self, path: str) -> tuple[SubRun, ...]:
        """What a step has run, as it stands."""
        return tuple(self._told(path))

    async def _start(self, call: ChainCall, sha: str, failed: _SubRun | None) -> _SubRun:
        if self._find is None:
            raise ChainCallInvalid(f"chain '{call.chain}' cannot be run: nothing here finds chains")
        frost = await self._find(call.chain, call.request, sub_options(call.terms))
        earlier = (*failed.earlier, failed.told) if failed else ()
        saga = call.saga
        id = sub_run_id(saga.execution_id, call.path, call.number, len(earlier) + 1)
        run = self._open(id, sub_frost(frost, call), call.context)
        self._all.append(run)
        started = _SubRun(call.number, run, sha, asyncio.create_task(run.run()), earlier)
        self._by_path[call.path][call.number] = started
        return started

    def _told(self, path: str, after: int = 0) -> list[SubRun]:
        runs = self._by_path.get(path, {})
        found: list[SubRun] = []
        for number in sorted(number for number in runs if number > after):
            found += [*runs[number].earlier, runs[number].told]
        return found
