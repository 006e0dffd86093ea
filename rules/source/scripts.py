"""The rows of script components: all SQL that reads them, and what a tenant has of them.

For the rule source and whoever writes them. What a script may be is in `rules.scripts`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from pydantic_core import to_json
from sqlalchemy import Connection, RowMapping, Select, and_, inspect, literal, null, select

from rules.scripts import ScriptText
from rules.source.edits import DEFAULT_TENANT
from rules.source.named import FIRST_TENANT, script_table
from rules.source.naming import RuleNames
from rules.source.repository import PUBLISHED
from rules.source.tables import rule_change, rule_component

_FIELDS: Final = {
    "tenant": "tenant_id",
    "id": "component_id",
    "text": "component_code",
    "name": "component_name",
    "type": "component_type",
    "language": "language",
    "status": "status",
    "enabled": "script_enable",
    "version": "version",
}
_DEFAULTS: Final[Mapping[str, object]] = {
    "tenant_id": FIRST_TENANT,
    "status": PUBLISHED,
    "script_enable": 1,
    "version": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRow:
    """A script component as the table keeps it; `version` is the table's to count."""

    tenant: str
    id: str
    text: str
    name: str | None = None
    type: str = "script"
    language: str = "java"
    status: str = PUBLISHED
    enabled: bool = True
    version: int = 1

    @property
    def serving(self) -> bool:
        """Whether chains may use it."""
        return self.status == PUBLISHED and self.enabled

    @property
    def content(self) -> dict[str, object]:
        """What an author can change, by column."""
        return {
            "component_name": self.name,
            "component_code": self.text,
            "component_type": self.type,
            "language": self.language,
            "status": self.status,
            "script_enable": self.enabled,
        }

    @property
    def sha(self) -> str:
        """SHA-256 in hex of id, version and content."""
        return sha256(to_json((self.tenant, self.id, self.version, self.content))).hexdigest()

    @property
    def script(self) -> ScriptText:
        """What chains have to know of it."""
        return ScriptText(self.id, self.text, self.type, self.language, self.name)


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


class ScriptReader:
    """Reads the rows of one application."""

    def __init__(self, application: str, names: RuleNames) -> None:
        self._application = application
        self._table = script_table(names)
        self._there: frozenset[str] | None = None
        if names.script_fields == RuleNames().script_fields:
            self._there = frozenset(column.name for column in rule_component.columns)

    def everything(self, connection: Connection) -> list[ScriptRow]:
        """All rows, also those that do not serve."""
        return [script_of(row) for row in connection.execute(self._query(connection)).mappings()]

    def since(self, connection: Connection, time: datetime | None) -> ScriptChanges:
        """Rows that were edited since then; what is gone is not seen."""
        query = self._query(connection)
        if time is not None:
            query = query.where(self._table.c.update_time >= time)
        found: dict[str, dict[str, ScriptRow | None]] = {}
        for row in map(script_of, connection.execute(query).mappings()):
            found.setdefault(row.tenant, {})[row.id] = row
        return found

    def changed(self, connection: Connection, since: int) -> ScriptChanges:
        """Rows that were touched since a revision."""
        change, script = rule_change.c, rule_component.c
        same = and_(
            script.application_name == change.application_name,
            script.tenant_id == change.tenant_id,
            script.component_id == change.name,
        )
        columns = (script[column].label(field) for field, column in _FIELDS.items())
        query = (
            select(change.tenant_id.label("whose"), change.name.label("called"), *columns)
            .select_from(rule_change.outerjoin(rule_component, same))
            .where(
                change.application_name == self._application,
                change.revision > since,
                change.kind == "component",
            )
        )
        found: dict[str, dict[str, ScriptRow | None]] = {}
        for row in connection.execute(query).mappings():
            there = script_of(row) if row["id"] is not None else None
            found.setdefault(row["whose"], {})[row["called"]] = there
        return found

    def _query(self, connection: Connection) -> Select[Any]:
        """Every column that the table has; a table of others may lack some."""
        table = self._table
        if self._there is None:
            found = inspect(connection).get_columns(table.name)
            self._there = frozenset(column["name"] for column in found)
        columns = []
        for field, key in _FIELDS.items():
            column = table.c[key]
            if column.name in self._there:
                columns.append(column.label(field))
            else:
                default = literal(_DEFAULTS[key]) if key in _DEFAULTS else null()
                columns.append(default.label(field))
        return select(*columns).where(table.c.application_name == self._application)


def script_of(row: RowMapping | Mapping[str, Any]) -> ScriptRow:
    """The row as it is, also one of others' making."""
    return ScriptRow(
        tenant=str(row["tenant"]),
        id=row["id"],
        text=row["text"] or "",
        name=row["name"],
        type=row["type"] or "script",
        language=row["language"] or "java",
        status=row["status"],
        enabled=bool(row["enabled"]),
        version=row["version"],
    )
