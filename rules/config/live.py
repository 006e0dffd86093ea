"""What the editing of rules needs of those that are served."""

from contextlib import AbstractContextManager
from typing import Protocol

from rules.source.snapshot import Snapshot


class LiveRules(Protocol):
    """A source of rules that reads what has changed when it is asked to."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Those that are served; the first lies beneath the others."""

    def poll(self, *, keep: bool = True) -> bool:
        """Read what has changed; False if that could not be done.

        Without `keep` also if that would have to write versions.
        """

    def alone(self) -> AbstractContextManager[None]:
        """Nobody else of this process reads meanwhile; to be had before the database's lock."""

    def refresh(self) -> bool:
        """Read everything; False as above."""

    def snapshot_of(self, namespace: str) -> Snapshot:
        """The served rules of one of the namespaces. Raises RulesUnavailable."""
