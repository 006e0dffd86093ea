"""What the editing of rules needs of those that are served."""

from typing import Protocol

from rules.source.snapshot import Snapshot


class LiveRules(Protocol):
    """A source of rules that reads what has changed when it is asked to."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Those that are served; the first lies beneath the others."""

    def poll(self) -> bool:
        """Read what has changed; False if that could not be done."""

    def refresh(self) -> bool:
        """Read everything; False as above."""

    def snapshot_of(self, namespace: str) -> Snapshot:
        """The served rules of one of the namespaces. Raises RulesUnavailable."""
