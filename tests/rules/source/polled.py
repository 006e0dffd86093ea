"""A rule source under a poller's thread that looks often, and servers that are taken away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from dev.databases import DatabaseServer, RedisServer
from rules.source.lock import RefreshLock
from rules.source.poller import Poller
from rules.source.polling import Polling
from rules.source.repository import ChainRow
from rules.source.service import RuleSource

LIMIT: Final = 60.0
OFTEN: Final = Polling(every=0.05, start=0)
ORDER: Final = ChainRow(tenant="1", name="order", text="THEN(a);")


class New(Protocol):
    """Makes the rule source of an instance."""

    def __call__(self, lock: RefreshLock | None = None) -> RuleSource: ...


@contextmanager
def polled(source: RuleSource, polling: Polling = OFTEN) -> Iterator[RuleSource]:
    """The source, kept current until the end of the block."""
    poller = Poller(source, polling)
    poller.start()
    try:
        yield source
    finally:
        poller.stop(LIMIT)


def text(source: RuleSource) -> str:
    """What chain `order` is in what it serves."""
    return source.snapshot.chains("1")["order"].text


def away(server: DatabaseServer | RedisServer, how: str) -> None:
    """Suspend the server, or kill it."""
    (server.suspend if how == "suspended" else server.kill)()


def back(server: DatabaseServer | RedisServer, how: str) -> None:
    """Bring it back."""
    (server.resume if how == "suspended" else server.start)()
