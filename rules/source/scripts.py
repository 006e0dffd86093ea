"""Script components as the table keeps them, and all SQL on that table.

For who writes or serves scripts. What a script says is not known here, nor who runs it.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import Connection, Engine, RowMapping, Table, select

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

    def __init__(self, engine: Engine, application: str, table: Table = rule_component) -> None:
        self._engine = engine
        self._application = application
        self._table = table

    def read_all(self, connection: Connection | None = None) -> tuple[ScriptRow, ...]:
        """Every script, in a fixed order; also those that do not serve."""
        script = self._table.c
        query = (
            select(*(script[column].label(field) for field, column in _FIELDS.items()))
            .where(script.application_name == self._application)
            .order_by(script.tenant_id, script.component_id)
        )
        with nullcontext(connection) if connection else self._engine.connect() as asked:
            return tuple(script_of(row) for row in asked.execute(query).mappings())


def script_of(row: RowMapping | Mapping[str, Any]) -> ScriptRow:
    """The row as it is."""
    return ScriptRow(**{field: row[field] for field in _FIELDS})
