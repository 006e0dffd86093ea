"""Script components as the table keeps them, and all SQL on that table.

For who writes or serves scripts. What a script says is not known here, nor who runs it.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Table,
    and_,
    insert,
    select,
    update,
)

from rules.source.repository import PUBLISHED
from rules.source.tables import rule_component

DEFAULT_LANGUAGE: Final = "java"
"""The table's own, for a script that says none."""

_FIELDS: Final = {
    "tenant": "tenant_id",
    "name": "component_id",
    "text": "component_code",
    "type": "component_type",
    "language": "language",
    "description": "component_name",
    "status": "status",
    "enabled": "script_enable",
    "version": "version",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRow:
    """A script component; `name` is its id in chains, `description` its name for people.

    `type` is LiteFlow's: `script`, `boolean_script`, `switch_script`, `for_script`, and
    `iterator_script`, which is ours. The tenant "0" shares its scripts with all. `version` is the
    table's to count.
    """

    tenant: str
    name: str
    text: str
    type: str = "script"
    language: str = DEFAULT_LANGUAGE
    description: str | None = None
    status: str = PUBLISHED
    enabled: bool = True
    version: int = 1

    @property
    def serving(self) -> bool:
        """Whether chains may run it."""
        return self.status == PUBLISHED and self.enabled

    @property
    def content(self) -> dict[str, object]:
        """What an author can change, by column."""
        return {
            "component_name": self.description,
            "component_code": self.text,
            "component_type": self.type,
            "language": self.language,
            "status": self.status,
            "script_enable": self.enabled,
        }

    @property
    def sha(self) -> str:
        """SHA-256 in hex of name, version and content."""
        return sha256(to_json((self.tenant, self.name, self.version, self.content))).hexdigest()


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
            select(*columns_of(self._table))
            .where(script.application_name == self.application)
            .order_by(script.tenant_id, script.component_id)
        )
        with nullcontext(connection) if connection else self._engine.connect() as asked:
            return tuple(script_of(row) for row in asked.execute(query).mappings())

    def find(self, connection: Connection, tenant: str, name: str) -> ScriptRow | None:
        """One script, if there is one."""
        query = select(*columns_of(self._table)).where(self._is(tenant, name))
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
                "component_id": row.name,
                "create_time": now,
            }
            connection.execute(insert(self._table).values(**place, **values))
            return
        connection.execute(update(self._table).where(self._is(row.tenant, row.name)).values(values))

    def _is(self, tenant: str, name: str) -> ColumnElement[bool]:
        script = self._table.c
        return and_(
            script.application_name == self.application,
            script.tenant_id == tenant,
            script.component_id == name,
        )


def columns_of(table: Table) -> tuple[ColumnElement[Any], ...]:
    """What is read of a row, under the names that `script_of` knows."""
    return tuple(table.c[column].label(field) for field, column in _FIELDS.items())


def script_of(row: RowMapping | Mapping[str, Any]) -> ScriptRow:
    """The row as it is."""
    return ScriptRow(**{field: row[field] for field in _FIELDS})
