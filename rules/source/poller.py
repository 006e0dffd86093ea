"""Keeps a rule source current: a thread that polls, and tries chains that nobody has tried yet.

For the composition roots (API, worker). The first reading comes at once and is repeated until it
succeeds; polling begins after a delay.
"""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

import structlog

from rules.source.polling import Polling
from rules.source.service import RETRY_SECONDS, RuleSource

LOCKED_SECONDS: Final = 1.0
"""How soon one who found the lock taken asks for it again."""
TRIED_AT_ONCE: Final = 10
REST_SECONDS: Final = 0.02
"""Between tenants whose chains are tried: requests come first."""

_log = structlog.get_logger(__name__)


class Poller:
    """A daemon thread between `start` and `stop`."""

    def __init__(self, source: RuleSource, polling: Polling) -> None:
        self._source = source
        self._polling = polling
        self._turns = source.turns
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)

    def start(self) -> None:
        """Begin, without waiting for the first reading."""
        self._thread.start()

    def stop(self, within: float = 5.0) -> None:
        """End; a database that hangs is not waited for longer than `within` seconds."""
        self._stop.set()
        self._thread.join(within)
        self._turns.close()

    def _run(self) -> None:
        while not self._guarded(self._source.refresh):
            if self._stop.wait(RETRY_SECONDS):
                return
        due = monotonic() + self._polling.start
        while not self._stop.is_set():
            left = due - monotonic()
            if self._turns.owed:
                if not self._turn():
                    self._stop.wait(LOCKED_SECONDS)
            elif self._polling.enabled and left <= 0:
                rest = self._polling.every if self._turn() else LOCKED_SECONDS
                # From its end: looks at a database that hangs must leave room for who else reads.
                due = monotonic() + rest
            elif not self._guarded(self._try_some):
                self._stop.wait(self._rest(left))

    def _try_some(self) -> bool:
        more = self._source.try_some(TRIED_AT_ONCE)
        if more:
            self._stop.wait(REST_SECONDS)
        return more

    def _rest(self, left: float) -> float | None:
        """How long there is nothing to do; without polling only what could not be tried is."""
        if self._turns.shared:
            # Something may be left to this thread meanwhile.
            return LOCKED_SECONDS if not self._polling.enabled else min(left, LOCKED_SECONDS)
        if self._polling.enabled:
            return left
        return RETRY_SECONDS if self._source.untried else None

    def _turn(self) -> bool:
        """Poll once, and read what was left to the poller; False if another instance is at it."""
        if self._turns.shared and not self._turns.owed and not self._guarded(self._source.stale):
            return True
        with self._turns.taken() as mine:
            if mine:
                whole = self._turns.pay() == "everything"
                self._guarded(self._source.refresh if whole else self._source.poll)
        return mine

    def _guarded(self, act: Callable[[], bool]) -> bool:
        try:
            return act()
        # Reason: whatever a look meets, the next ones must come.
        except Exception:  # noqa: BLE001
            _log.exception("rules_poll_failed")
            return False
