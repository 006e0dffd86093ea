"""Reads script components: all of them, or those that have changed.

For the reading of rules. Says what the rows are; what they mean is not known.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, inspect, literal, null, select

from rules.source.named import FIRST_TENANT, script_table
from rules.source.naming import RuleNames
from rules.source.repository import PUBLISHED
from rules.source.script_repository import FIELDS
from rules.source.scripts import ScriptRow, script_of
from rules.source.tables import rule_change, rule_component
from rules.source.tenant_scripts import ScriptChanges

_DEFAULTS: Final[Mapping[str, object]] = {
    "tenant_id": FIRST_TENANT,
    "status": PUBLISHED,
    "script_enable": 1,
    "version": 1,
}


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
        columns = (script[column].label(field) for field, column in FIELDS.items())
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
        for field, key in FIELDS.items():
            column = table.c[key]
            if column.name in self._there:
                columns.append(column.label(field))
            else:
                default = literal(_DEFAULTS[key]) if key in _DEFAULTS else null()
                columns.append(default.label(field))
        return select(*columns).where(table.c.application_name == self._application)
