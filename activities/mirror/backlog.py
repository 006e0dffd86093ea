"""The bounded queue between those who report and the thread that writes.

For the writer, which brings the lock: nothing here is safe to call without it. When full, the
oldest step changes go first: an execution change carries everything, so a later one heals them.
"""

from collections import deque
from itertools import islice

from activities.mirror.changes import Change, StepChange, UndoChange


class Backlog:
    """Changes in two lines, each with its ticket: tickets grow in the order of `put`."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.dropped = 0
        self.last_ticket = 0
        self._steps: deque[tuple[int, Change]] = deque()
        self._executions: deque[tuple[int, Change]] = deque()

    def __len__(self) -> int:
        return len(self._steps) + len(self._executions)

    def put(self, change: Change) -> None:
        """Append; drops the oldest of what matters least where there is no room."""
        line = self._steps if isinstance(change, StepChange | UndoChange) else self._executions
        self.last_ticket += 1
        line.append((self.last_ticket, change))
        if len(self) > self.capacity:
            (self._steps or self._executions).popleft()
            self.dropped += 1

    def take(self, limit: int) -> list[Change]:
        """Up to `limit` changes, executions first: who flushes waits for those."""
        taken: list[Change] = []
        for line in (self._executions, self._steps):
            for _ in islice(range(len(line)), limit - len(taken)):
                taken.append(line.popleft()[1])
        return taken

    def oldest_ticket(self) -> int:
        """The ticket of the oldest change that waits; one past the last where none does."""
        heads = [line[0][0] for line in (self._steps, self._executions) if line]
        return min(heads, default=self.last_ticket + 1)
