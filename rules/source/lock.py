"""The right to refresh: one instance at a time, where several share a Redis.

For the turns of a process. The lock ends by itself after a while, so one whose holder died is taken
by another. Without Redis, or while it does not answer, everybody may.
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Final, Protocol

import structlog
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

HOLD_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 2.0
AGAIN_SECONDS: Final = 0.05
"""How soon one who waits for it asks for it again."""

_RELEASE: Final = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""

_log = structlog.get_logger(__name__)


class RefreshLock(Protocol):
    """Lets one refresh at a time."""

    def held(self, within: float = 0.0) -> AbstractContextManager[bool]:
        """Whether the lock is ours, for the time of the block; others are waited for so long."""

    def close(self) -> None:
        """Give up what it needs; it is asked no more, and who waits for it waits no longer."""


def refresh_lock(url: str | None, application: str) -> "RedisLock | None":
    """The lock in the Redis of a URL; None without one."""
    return None if url is None else RedisLock(url, application)


class RedisLock:
    """A lock of one application in Redis."""

    def __init__(self, url: str, application: str, *, seconds: float = HOLD_SECONDS) -> None:
        self.key: Final = f"chainsaga:rules:{application}:refresh"
        self._seconds = seconds
        self._closed = threading.Event()
        self._redis = Redis.from_url(
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )

    @contextmanager
    def held(self, within: float = 0.0) -> Iterator[bool]:
        """Whether the lock is ours, for the time of the block; ours as well without an answer.

        Who holds it is waited for so many seconds.
        """
        if self._closed.is_set():
            yield False
            return
        token, until = secrets.token_hex(16), monotonic() + within
        try:
            while not (mine := self._take(token)) and monotonic() < until:
                if self._closed.wait(AGAIN_SECONDS):
                    break
        except RedisError as error:
            _log.warning("refresh_not_locked", why=str(error)[:300])
            yield True
            return
        try:
            yield mine
        finally:
            if mine:
                self._release(token)

    def _take(self, token: str) -> bool:
        return bool(self._redis.set(self.key, token, nx=True, px=int(self._seconds * 1000)))

    def _release(self, token: str) -> None:
        """Give it back, unless it has ended meanwhile and is somebody else's."""
        try:
            self._redis.eval(_RELEASE, 1, self.key, token)
        except RedisError as error:
            _log.warning("refresh_lock_left", ends_in=self._seconds, why=str(error)[:300])

    def close(self) -> None:
        """Close the connections, and end all waiting."""
        self._closed.set()
        self._redis.close()
