"""What the stubs of a case do beside answering: records, calls, undos.

For the stubs, which write it, and the answers, which read it. Calls are counted over the whole
case; the rest is of one run. A run that never ends is stopped here.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Protocol

from api.simulation.values import Moment

MOST_CALLS: Final = 10_000
"""So many calls of components may one run make; an endless loop reaches it within seconds."""


class Running(Protocol):
    """An execution under way."""

    @property
    def decided(self) -> bool:
        """Whether the chain has its result, and only losers still run."""
        ...

    def cancel(self) -> None:
        """Stop it."""
        ...


@dataclass(slots=True)
class Run:
    """A run of one chain, or of several side by side. `endless`: it was stopped."""

    running: list[Running] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    undo_failed: list[str] = field(default_factory=list)
    calls: int = 0
    endless: bool = False

    @property
    def decided(self) -> bool:
        """Whether every chain has its result."""
        return bool(self.running) and all(one.decided for one in self.running)

    def count(self) -> None:
        """Count a call; too many end the run."""
        self.calls += 1
        if self.calls == MOST_CALLS:
            self.endless = True
            for one in self.running:
                one.cancel()


class World:
    """The world of one case."""

    def __init__(self) -> None:
        self.run = Run()
        self._calls: Counter[str] = Counter()
        self._moments: dict[str, Moment] = {}

    def called(self, what: str) -> int:
        """Count a call of a stub, or of a question to it; its number, from 1."""
        self._calls[what] += 1
        self.run.count()
        return self._calls[what]

    def record(self, words: str) -> None:
        """Note what a step did. What a loser does once the result is there, nobody sees."""
        if not self.run.decided:
            self.run.records.append(words)

    def begin(self, moment: Moment) -> None:
        """Keep the moment of a step for its undo."""
        self._moments[moment.step.key] = moment

    def moment(self, forward_key: str) -> Moment:
        """The last moment of the step that is undone."""
        return self._moments[forward_key]

    def undo(self, component: str, words: str | None) -> None:
        """Note that a step is undone."""
        self.run.undone.append(component)
        if words is not None:
            self.run.records.append(words)

    def undo_fails(self, component: str) -> None:
        """Note that the undo fails."""
        self.run.undo_failed.append(component)
