"""The gate that every step passes before it starts, and the waits that it can end.

For the interpreter and the undoing. It parks a run that has grown long, at quiescence and at any
nesting: branches park one by one, running steps are awaited by their branches, and the run then
continues as new. It also stops a saga that is cancelled.
"""

import asyncio
from datetime import datetime

from rules.decisions import Decision
from workflows.runtime import Runtime


class Halted(Exception):
    """A branch reached a gate that lets nothing through."""


class Parked(Halted):
    """The run continues as new once every branch has parked."""


class Stopped(Halted):
    """No further forward step may start (cancel, operator, the chain's own limit)."""


class Superseded(Exception):
    """A sibling failed, so that nobody need decide about this step any more."""


class Gate:
    """Open until the runtime asks to park, or somebody stops the saga.

    A step that waits for a person or for its next round waits here, where a halt finds it.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._halt: type[Halted] | None = None
        self._progressed = False
        self._waits: dict[str, asyncio.Future[Decision | None]] = {}
        self._superseded: list[str] = []

    def stop(self) -> None:
        """Let no further forward step start; those running are awaited."""
        self._close(Stopped)

    def allow_undo(self) -> None:
        """Open again for the undos, which may still park; what failed forward is over."""
        self._halt = None
        self._superseded.clear()

    def enter(self) -> None:
        """Raise Stopped or Parked when no step may start now.

        A run parks only after it started something, so that each run makes progress.
        """
        self.park_if_due()
        if self._halt is not None:
            raise self._halt
        self._progressed = True

    def park_if_due(self) -> None:
        """Close for parking when the run has grown long; waits end too."""
        if self._halt is None and self._progressed and self._runtime.should_park():
            self._close(Parked)

    async def wait(self, path: str, until: datetime | None, summary: str) -> Decision | None:
        """Wait at `path` for a decision, None when the time has come.

        Raises Parked, Stopped, or Superseded.
        """
        if any(_below(path, prefix) for prefix in self._superseded):
            raise Superseded
        if self._halt is not None:
            raise self._halt
        answer: asyncio.Future[Decision | None] = asyncio.Future()
        self._waits[path] = answer
        self._progressed = True
        try:
            done = await self._runtime.until(answer, until, summary)
        finally:
            del self._waits[path]
        return answer.result() if done else None

    def decide(self, path: str, decision: Decision) -> None:
        """End the wait at `path` with a decision, if it is not ending already."""
        answer = self._waits.get(path)
        if answer is not None and not answer.done():
            answer.set_result(decision)

    def waits(self, path: str) -> bool:
        """Whether a known wait at `path` can still be decided.

        One that parks, or has not begun again in a continued run, takes its decision along.
        """
        if self._halt is not None:
            return self._halt is Parked
        answer = self._waits.get(path)
        return answer is None or not answer.done()

    def supersede(self, block: str) -> None:
        """End every wait below a block, now and later: one of its branches has failed."""
        self._superseded.append(block)
        for path, answer in self._waits.items():
            if _below(path, block) and not answer.done():
                answer.set_exception(Superseded())

    def _close(self, halt: type[Halted]) -> None:
        self._halt = halt
        for answer in self._waits.values():
            if not answer.done():
                answer.set_exception(halt())


def _below(path: str, block: str) -> bool:
    return path.startswith((f"{block}.", f"{block}#", f"{block}~"))
