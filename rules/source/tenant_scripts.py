"""What each tenant has of the script components at one moment.

For the rule source. Pure; where rows come from is not known.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from rules.scripts import ScriptText
from rules.source.edits import DEFAULT_TENANT
from rules.source.scripts import ScriptRow

ScriptChanges: TypeAlias = Mapping[str, Mapping[str, ScriptRow | None]]
"""Rows by tenant and id; None for one that is gone."""
NO_SCRIPTS: Final[Mapping[str, ScriptRow]] = MappingProxyType({})


class Scripts:
    """All script components of an application at one moment; immutable."""

    def __init__(self, rows: Iterable[ScriptRow] = ()) -> None:
        found: dict[str, dict[str, ScriptRow]] = {}
        for row in rows:
            found.setdefault(row.tenant, {})[row.id] = row
        self._tenants: Mapping[str, Mapping[str, ScriptRow]] = found

    def own(self, tenant: str) -> Mapping[str, ScriptRow]:
        """The rows of a tenant alone, also those that do not serve."""
        return self._tenants.get(tenant, NO_SCRIPTS)

    def of(self, tenant: str) -> Mapping[str, ScriptText]:
        """What the tenant's chains may use: its own, and of the shared ones those that it has no
        row of.
        """
        rows = {**self.own(DEFAULT_TENANT), **self.own(tenant)}
        return {id: row.script for id, row in rows.items() if row.serving}

    def __iter__(self) -> Iterator[ScriptRow]:
        for rows in self._tenants.values():
            yield from rows.values()

    def differences(self, rows: Iterable[ScriptRow]) -> ScriptChanges:
        """What must change that these are the rows."""
        found: dict[str, dict[str, ScriptRow | None]] = {
            tenant: dict.fromkeys(known) for tenant, known in self._tenants.items()
        }
        for row in rows:
            found.setdefault(row.tenant, {})[row.id] = row
        return self.real(found)

    def real(self, changes: ScriptChanges) -> ScriptChanges:
        """The changes without rows that are as they were."""
        found: dict[str, dict[str, ScriptRow | None]] = {}
        for tenant, rows in changes.items():
            known = self.own(tenant)
            differ = {id: row for id, row in rows.items() if known.get(id) != row}
            if differ:
                found[tenant] = differ
        return found

    def changed(self, changes: ScriptChanges) -> "Scripts":
        """The same with other rows."""
        tenants = dict(self._tenants)
        for tenant, rows in changes.items():
            after = {**self.own(tenant), **rows}
            tenants[tenant] = {id: row for id, row in after.items() if row is not None}
        new = Scripts()
        new._tenants = tenants
        return new
