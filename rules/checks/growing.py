"""A term in the making, while its row of modifiers is read.

For `rules.checks.kinds`, which checks each modifier before it is added here.
"""

from collections.abc import Collection
from typing import Final

from rules.checks.terms import Applied, Term, Unit, identity
from rules.el.operators.kinds import FINALLIES, LIMITED

_BRANCHED: Final = LIMITED | {"when"}


class Growing:
    """What is known of a term after the modifiers so far."""

    __slots__ = (
        "_base",
        "_branches",
        "_counts",
        "_depth",
        "_levels",
        "_marks",
        "_modifiers",
        "_size",
        "branch_set",
        "kind",
        "parts",
    )

    def __init__(self, base: Term) -> None:
        self._base = base
        self.kind = base.kind
        self.parts = base.parts
        self._size = base.size
        self._levels = base.levels
        self._marks = base.marks
        self._modifiers = list(base.modifiers)
        self._depth = 0
        self._counts = not isinstance(base.subject, Applied | Unit)
        for modifier in base.modifiers:
            row = modifier.row
            self._depth += row.deepens
            if row.around and (row.names_branches or len(modifier.args) > 1):
                self._counts = False
        self._branches: tuple[str, ...] | None = None
        self.branch_set: Collection[str] = ()

    def add(self, applied: Applied) -> None:
        """Add a modifier whose operands fit."""
        row = applied.row
        if not row.names_branches:
            self._depth += row.deepens
            for arg in applied.args:
                self._size += arg.size
                self._marks += arg.marks
                if arg.levels:
                    self._levels = max(self._levels, self._depth + row.levels + arg.levels)
        self._modifiers.append(applied)
        self._marks += 1
        if row.around:
            self._put_around(applied)
        else:
            self._size += row.nodes
        self.kind = row.becomes.get(self.kind, self.kind)

    def _put_around(self, applied: Applied) -> None:
        row = applied.row
        if not row.names_branches:
            self._branches = None
            self._levels += row.around
            # The attempts of a bare component are one number.
            self._counts = self._counts and len(applied.args) == 1
            self._size += 0 if self._counts else row.nodes
        # A limit on what has branches of its own belongs to them; nothing is put around it.
        elif self.kind not in _BRANCHED:
            blocks = 2 if self._has_finally() else 1
            self._levels += row.around * blocks
            self._size += row.nodes * blocks
            self._counts = False

    def _has_finally(self) -> bool:
        """Whether a FINALLY has to be left outside of a limit, in a block of its own."""
        subject = self._base.subject
        return (
            self.kind == "then"
            and isinstance(subject, Applied)
            and any(arg.kind in FINALLIES for arg in subject.args)
        )

    def replace(self, base: Term) -> None:
        """Put another subject in the place of an unknown one."""
        self._base = self._base._replace(kind=base.kind, subject=base.subject)
        self.kind = base.kind

    def named_branches(self) -> tuple[str, ...]:
        """The ids of the branches of a WHEN; anything else is, or will be, one branch."""
        if self._branches is None:
            self._branches = self._find_branches()
            self.branch_set = frozenset(self._branches)
        return self._branches

    def _find_branches(self) -> tuple[str, ...]:
        subject = self._base.subject
        if self.kind == "when" and isinstance(subject, Applied):
            return tuple(identity(arg)[0] for arg in subject.args)
        if self.kind in LIMITED:
            for applied in reversed(self._modifiers):
                if applied.branches:
                    return applied.branches
        return (identity(self._base, self._modifiers)[0],)

    def term(self, start: int, end: int) -> Term:
        """The term so far, for the given stretch of the text."""
        return Term(
            self.kind,
            self._base.subject,
            start,
            end,
            self._size,
            self._levels,
            tuple(self._modifiers),
            self.parts,
            self._marks,
        )
