"""The gate that every step passes before it starts, and the waits that it can end.

For the interpreter and the undoing. It parks a run that has grown long, at quiescence and at any
nesting: branches park one by one, running steps are awaited by their branches, and the run then
continues as new. It also stops a saga that is cancelled, and branches that have lost.
"""

import asyncio
from datetime import datetime

from rules.decisions import Decision
from workflows.paths import Prefixes
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
        self._entered = 0
        self._waits: dict[str, _Wait] = {}
        self._superseded = Prefixes()
        self._lost = Prefixes()

    @property
    def entered(self) -> int:
        """How many steps have begun in this run."""
        return self._entered

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
        self._entered += 1

    def check(self, path: str, shield: str | None = None) -> None:
        """Raise Stopped, Lost or Parked when nothing may begin at `path` now."""
        if self._lost.within(path, shield):
            raise Lost
        if self._halt is not None and not self._spared(shield):
            raise self._halt

    def park_if_due(self) -> None:
        """Close for parking when the run has grown long; waits end too."""
        if self._halt is None and self._progressed and self._runtime.should_park():
            self._close(Parked)

    async def wait(
        self,
        path: str,
        until: datetime | None,
        summary: str,
        *,
        person: bool = True,
        shield: str | None = None,
    ) -> Decision | None:
        """Wait at `path` for a decision, None when the time has come.

        `person`: it is somebody's decision, not a pause. Raises Parked, Stopped, Lost, Superseded.
        """
        wait = _Wait(path, shield, person=person)
        ended = self._end_of(wait)
        if ended is None and self._superseded.within(path, wait.roof):
            ended = Superseded
        if ended is not None:
            raise ended
        self._waits[path] = wait
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
        """End every wait below a block, now and later: one of its branches has failed.

        But for pauses in a FINALLY that a branch owes: its further rounds do matter.
        """
        self._superseded.add(block)
        for path, wait in self._waits.items():
            if self._superseded.within(path, wait.roof):
                wait.end(Superseded())

    def lose(self, branch: str) -> None:
        """Let nothing more begin at or below `branch`, but for the FINALLY blocks that it owes."""
        self._lost.add(branch)
        self._end_waits()

    def lost(self, path: str) -> bool:
        """Whether `path` belongs to a branch that has lost, also inside its FINALLY."""
        return self._lost.within(path, None)

    def lost_as_a_whole(self, path: str) -> bool:
        """Whether `path` is that of a branch that has lost, not of something inside it."""
        return path in self._lost

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
        self._end_waits()

    def _end_waits(self) -> None:
        for wait in self._waits.values():
            ended = self._end_of(wait)
            if ended is not None:
                wait.end(ended())

    def _end_of(self, wait: "_Wait") -> type[Halted] | type[Superseded] | None:
        """What ends a wait now. In a FINALLY that is owed, nobody is asked any more."""
        if self._lost.within(wait.path, wait.shield):
            return Lost
        owed = wait.shield is not None and self._lost.around(wait.shield)
        if owed or (self._halt is Stopped and wait.shield is not None):
            return Superseded if wait.person else None
        return self._halt


class _Wait:
    """One wait. `person`: for somebody's decision, not a pause."""

    def __init__(self, path: str, shield: str | None, *, person: bool) -> None:
        self.path = path
        self.shield = shield
        self.person = person
        self.answer: asyncio.Future[Decision | None] = asyncio.Future()

    @property
    def roof(self) -> str | None:
        """The block beyond which no failure of a sibling ends this wait."""
        return None if self.person else self.shield

    def end(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
