"""What serves rules, wherever they come from: the database or files.

For the API and the worker, which neither know nor care.
"""

from typing import Protocol

from rules.source.service import RuleStatus
from rules.source.snapshot import Snapshot


class ServedRules(Protocol):
    """Serves snapshots of the chains of one application, for all tenants."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """What is served: the first by the names of its chains, the others by their routes."""
        ...

    @property
    def snapshot(self) -> Snapshot:
        """The served rules. Raises RulesUnavailable while they could never be read."""
        ...

    @property
    def status(self) -> RuleStatus:
        """How current the served rules are."""
        ...

    def snapshot_of(self, namespace: str) -> Snapshot:
        """The served rules of one of `namespaces`; raises as `snapshot` does."""
        ...

    def refresh(self) -> bool:
        """Read the rules, and swap the snapshot; False if the old one must serve on."""
        ...

    def look_again(self) -> bool:
        """Read before time, for someone who misses a chain; False if nothing new was read."""
        ...
