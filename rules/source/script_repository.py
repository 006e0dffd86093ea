"""The table of script components for who brings and writes them: all SQL of that.

For import and export, and for who keeps versions; the counterpart of `repository`. What a script
says is not known.
"""

from collections.abc import Collection
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    insert,
    select,
    update,
)

from rules.source.repository import any_of
from rules.source.scripts import ScriptRow, script_of
from rules.source.tables import rule_component

FIELDS: Final = {
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


class ScriptRepository:
    """The script components of one application, of all tenants."""

    type: Final = "COMPONENT"
    namespace: Final = ""

    def __init__(self, engine: Engine, application: str, table: Table = rule_component) -> None:
        self._engine = engine
        self.application: Final = application
        self._table = table

    def read_all(self, connection: Connection | None = None) -> tuple[ScriptRow, ...]:
        """Every script, in a fixed order; also those that do not serve."""
        script = self._table.c
        query = (
            select(*self._columns())
            .where(script.application_name == self.application)
            .order_by(script.tenant_id, script.component_id)
        )
        with nullcontext(connection) if connection else self._engine.connect() as asked:
            return tuple(script_of(row) for row in asked.execute(query).mappings())

    def find(self, connection: Connection, tenant: str, name: str) -> ScriptRow | None:
        """One script by its id, if there is one."""
        query = select(*self._columns()).where(self._is(tenant, name))
        found = connection.execute(query).mappings().one_or_none()
        return None if found is None else script_of(found)

    def put(self, connection: Connection, row: ScriptRow, *, new: bool) -> None:
        """Write a script as it is, with its version; raises IntegrityError for one not new."""
        now = datetime.now(UTC)
        values = {**row.content, "version": row.version, "update_time": now}
        if new:
            place = {
                "application_name": self.application,
                "tenant_id": row.tenant,
                "component_id": row.id,
                "create_time": now,
            }
            connection.execute(insert(self._table).values(**place, **values))
            return
        connection.execute(update(self._table).where(self._is(row.tenant, row.id)).values(values))

    def some(
        self, connection: Connection, keys: Collection[tuple[str, str]]
    ) -> tuple[ScriptRow, ...]:
        """Those of the scripts, by tenant and id, that there are."""
        query = select(*self._columns()).where(self._these(keys))
        return tuple(script_of(row) for row in connection.execute(query).mappings())

    def number(
        self, connection: Connection, keys: Collection[tuple[str, str]], version: int
    ) -> None:
        """Give scripts, by tenant and id, another version's number; they stay as they are."""
        values = {"version": version, "update_time": self._table.c.update_time}
        connection.execute(update(self._table).where(self._these(keys)).values(values))

    def name_of(self, row: ScriptRow) -> str:
        """What it is called."""
        return row.id

    def _columns(self) -> tuple[ColumnElement[Any], ...]:
        return tuple(self._table.c[column].label(field) for field, column in FIELDS.items())

    def _is(self, tenant: str, id: str) -> ColumnElement[bool]:
        return self._these([(tenant, id)])

    def _these(self, keys: Collection[tuple[str, str]]) -> ColumnElement[bool]:
        script = self._table.c
        return and_(
            script.application_name == self.application,
            any_of(script.tenant_id, script.component_id, keys),
        )
