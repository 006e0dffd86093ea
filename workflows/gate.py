"""The gate that every step passes before it starts, and the waits that it can end.

For the interpreter and the undoing. It parks a run that has grown long, at quiescence and at any
nesting: branches park one by one, running steps are awaited by their branches, and the run then
continues as new. It also stops a saga that is cancelled, and branches that have lost.
"""

import asyncio
from datetime import datetime

from rules.decisions import Decision
from workflows.paths import Prefixes, below
from workflows.runtime import Runtime


class Halted(Exception):
    """A branch reached a gate that lets nothing through."""


class Parked(Halted):
    """The run continues as new once every branch has parked."""


class Stopped(Halted):
    """No further forward step may start (cancel, operator, the chain's own limit)."""


class Lost(Halted):
    """The branch has lost (any, must, percentage, a time-out): it starts no further step."""


class Superseded(Exception):
    """Nobody need decide about this step any more: a sibling failed, or it is in a FINALLY."""


class Gate:
    """Open until the runtime asks to park, or somebody stops the saga.

    A step that waits for a person or for its next round waits here, where a halt finds it.
    `shield` is the path of the FINALLY block that a step stands in: no stop, and no defeat of a
    branch around that block, holds such a step up.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._halt: type[Halted] | None = None
        self._progressed = False
        self._parking = False
        self._waits: dict[str, _Wait] = {}
        self._superseded = Prefixes()
        self._lost = Prefixes()

    @property
    def parking(self) -> bool:
        """Whether some branch may have parked in this run."""
        return self._parking

    def stop(self) -> None:
        """Let no further forward step start; those running are awaited."""
        self._close(Stopped)

    def allow_undo(self) -> None:
        """Open again for the undos, which may still park; what failed forward is over."""
        self._halt = None
        self._superseded.clear()
        self._lost.clear()

    def enter(self, path: str, shield: str | None = None) -> None:
        """Raise Stopped, Lost or Parked when no step may start at `path` now.

        A run parks only after it started something, so that each run makes progress.
        """
        self.park_if_due()
        self.check(path, shield)
        self._progressed = True

    def check(self, path: str, shield: str | None = None) -> None:
        """Raise Stopped, Lost or Parked when nothing may begin at `path` now."""
        if self._lost.within(path, shield):
            raise Lost
        if self._halt is not None and not self._spared(shield):
            raise self._halt

    def park_if_due(self) -> None:
        """Close for parking when the run has grown long; waits end too."""
        if self._halt is None and self._progressed and self._runtime.should_park():
            self._parking = True
            self._close(Parked)

    async def wait(
        self, path: str, until: datetime | None, summary: str, shield: str | None = None
    ) -> Decision | None:
        """Wait at `path` for a decision, None when the time has come.

        Raises Parked, Stopped, Lost or Superseded.
        """
        if self._lost.within(path, shield):
            raise Lost
        spared = self._halt is not None and self._spared(shield)
        if spared or self._superseded.around(path):
            raise Superseded
        if self._halt is not None:
            raise self._halt
        wait = self._waits[path] = _Wait(shield)
        self._progressed = True
        try:
            done = await self._runtime.until(wait.answer, until, summary)
        finally:
            del self._waits[path]
        return wait.answer.result() if done else None

    def decide(self, path: str, decision: Decision) -> None:
        """End the wait at `path` with a decision, if it is not ending already."""
        wait = self._waits.get(path)
        if wait is not None and not wait.answer.done():
            wait.answer.set_result(decision)

    def waits(self, path: str) -> bool:
        """Whether a known wait at `path` can still be decided.

        One that parks, or has not begun again in a continued run, takes its decision along.
        """
        if self._halt is not None:
            return self._halt is Parked
        wait = self._waits.get(path)
        return wait is None or not wait.answer.done()

    def supersede(self, block: str) -> None:
        """End every wait below a block, now and later: one of its branches has failed."""
        self._superseded.add(block)
        for path, wait in self._waits.items():
            if below(path, block):
                wait.end(Superseded())

    def lose(self, branch: str) -> None:
        """Let nothing more begin at or below `branch`, but for the FINALLY blocks that it owes."""
        self._lost.add(branch)
        for path, wait in self._waits.items():
            if path == branch or below(path, branch):
                wait.end(Lost())

    def lost(self, path: str) -> bool:
        """Whether `path` belongs to a branch that has lost, also inside its FINALLY."""
        return self._lost.within(path, None)

    def settled(self, branch: str) -> None:
        """Nothing runs any more in a branch that has lost."""
        self._lost.discard(branch)

    def reinstate(self, block: str) -> None:
        """The block has ended: whoever waits there the next time is not superseded."""
        self._superseded.discard(block)

    def _spared(self, shield: str | None) -> bool:
        """Whether the present halt leaves a step alone. A branch that has lost cannot park."""
        if shield is None:
            return False
        return self._halt is Stopped or self._lost.around(shield)

    def _close(self, halt: type[Halted]) -> None:
        self._halt = halt
        for wait in self._waits.values():
            wait.end(Superseded() if self._spared(wait.shield) else halt())


class _Wait:
    def __init__(self, shield: str | None) -> None:
        self.shield = shield
        self.answer: asyncio.Future[Decision | None] = asyncio.Future()

    def end(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
