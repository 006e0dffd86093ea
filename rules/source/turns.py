"""Whose turn it is to read, where instances share a lock; and what is still to be read for others.

For the rule source and its poller. A reading that somebody asked for waits for its turn, and is
left to the poller if that takes long. Knows no rules.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeAlias

from rules.source.lock import RefreshLock

TURN_SECONDS: Final = 10.0
"""How long a reading that all instances were told to do waits for the others."""

Reading: TypeAlias = Literal["changes", "everything"]


class Turns:
    """The turns of one process; without a lock it is always its turn."""

    def __init__(self, lock: RefreshLock | None = None) -> None:
        self._lock = lock
        self._owed: Reading | None = None
        self._owing = threading.Lock()

    @property
    def shared(self) -> bool:
        """Whether others are waited for."""
        return self._lock is not None

    @contextmanager
    def taken(self, within: float = 0.0) -> Iterator[bool]:
        """Whether it is this process's turn, for the time of the block; waits so many seconds."""
        if self._lock is None:
            yield True
            return
        with self._lock.held(within) as mine:
            yield mine

    def owe(self, reading: Reading) -> None:
        """Leave it to the poller, who reads as soon as it is his turn."""
        with self._owing:
            if self._owed != "everything":
                self._owed = reading

    @property
    def owed(self) -> bool:
        """Whether something was left to the poller."""
        return self._owed is not None

    def pay(self) -> Reading:
        """What is to be read now; nothing is owed any more."""
        with self._owing:
            owed, self._owed = self._owed, None
        return owed or "changes"

    def close(self) -> None:
        """Nobody waits any more."""
        if self._lock is not None:
            self._lock.close()
