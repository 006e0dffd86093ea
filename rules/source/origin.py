"""Where rules are read: the tables of the database, or files.

For the rule source, which serves what it is given and does not know which of them it is.
"""

from typing import Protocol

from rules.source.keeping import Touched
from rules.source.past import Stored
from rules.source.reading import Changed, Everything
from rules.source.revision import Mode, Stand


class Origin(Protocol):
    """The rules of one application in some namespaces. All may raise SQLAlchemyError or OSError."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong in a part at the last reading, while the others were read."""
        ...

    def everything(self) -> Everything:
        """All rules as they are now."""
        ...

    def changes(self, since: Stand) -> Everything | Changed | None:
        """What was touched since then; None if nothing was."""
        ...

    def moved(self, since: Stand) -> bool:
        """Whether `changes` would find anything to look at."""
        ...

    def numbered(self, read: Everything) -> Everything:
        """The same rules; what was changed while nobody looked is a version now.

        Done once, however often it is asked for. What cannot be kept stays as it is.
        """
        ...

    def unkept(self, changes: Touched, before: Touched) -> bool:
        """Whether some of these changes are no versions yet, so that `keep` would write them."""
        ...

    def keep(self, changes: Touched, before: Touched) -> Touched:
        """The same changes, kept as versions where there are such; numbers may differ."""
        ...

    def mode(self, stand: Stand) -> Mode:
        """How changes are seen."""
        ...

    def earlier(self, namespace: str, tenant: str) -> Stored:
        """The versions that somebody kept of a tenant's chains and scripts."""
        ...
