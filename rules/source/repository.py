"""All SQL on the table of chains.

For the rule source, loaders and tests. Gives rows as data; what their text means is not known.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Literal

import structlog
from pydantic_core import to_json
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Table,
    and_,
    case,
    insert,
    or_,
    select,
    update,
)

from rules.source.tables import flow_chain
from rules.source.upsert import Incoming, upsert

PUBLISHED: Final = "PUBLISHED"

_KEY: Final = ("application_name", "namespace", "tenant_id", "chain_name")
_CONTENT: Final = (
    "chain_desc",
    "chain_code",
    "status",
    "chain_enable",
    "transactional",
    "undo_policy",
    "route",
    "extends_chain",
)

_FIELDS: Final = {
    "tenant": "tenant_id",
    "name": "chain_name",
    "text": "chain_code",
    "description": "chain_desc",
    "status": "status",
    "enabled": "chain_enable",
    "transactional": "transactional",
    "undo_policy": "undo_policy",
    "extends": "extends_chain",
    "route": "route",
    "version": "version",
}

UndoPolicy = Literal["stop", "continue"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRow:
    """A chain as the table keeps it; `text` is its EL, `route` the EL that chooses it, if any.

    `extends` names the chain whose placeholders `text` defines. `version` is the table's to count.
    """

    tenant: str
    name: str
    text: str
    description: str | None = None
    status: str = PUBLISHED
    enabled: bool = True
    transactional: bool = True
    undo_policy: UndoPolicy | None = None
    extends: str | None = None
    route: str | None = None
    version: int = 1

    @property
    def serving(self) -> bool:
        """Whether the chain may be executed."""
        return self.status == PUBLISHED and self.enabled

    @property
    def content(self) -> dict[str, object]:
        """What an author can change, by column."""
        return {
            "chain_desc": self.description,
            "chain_code": self.text,
            "status": self.status,
            "chain_enable": self.enabled,
            "transactional": self.transactional,
            "undo_policy": self.undo_policy,
            "route": self.route,
            "extends_chain": self.extends,
        }

    @property
    def sha(self) -> str:
        """SHA-256 in hex of name, version and content."""
        return sha256(to_json((self.tenant, self.name, self.version, self.content))).hexdigest()


class ChainRepository:
    """The chains of one application and namespace, of all tenants."""

    type: Final = "CHAIN"

    def __init__(
        self, engine: Engine, application: str, namespace: str, table: Table = flow_chain
    ) -> None:
        self._engine = engine
        self.application: Final = application
        self.namespace: Final = namespace
        self._table = table

    def read_all(self, connection: Connection | None = None) -> tuple[ChainRow, ...]:
        """Every chain, in a fixed order; also those that do not serve, which are not unknown."""
        chain = self._table.c
        query = (
            select(*columns_of(self._table))
            .where(chain.application_name == self.application, chain.namespace == self.namespace)
            .order_by(chain.tenant_id, chain.chain_name)
        )
        with nullcontext(connection) if connection else self._engine.connect() as asked:
            return tuple(chain_of(row) for row in asked.execute(query).mappings())

    def save(self, row: ChainRow) -> None:
        """Insert a chain, or change it: its version then grows; saving the same changes nothing."""
        with self._engine.begin() as connection:
            statement = upsert(connection.dialect.name, self._table, _KEY, self._assign)
            connection.execute(statement, self._values(row))

    def find(self, connection: Connection, tenant: str, name: str) -> ChainRow | None:
        """One chain, if there is one."""
        query = select(*columns_of(self._table)).where(self._is(tenant, name))
        found = connection.execute(query).mappings().one_or_none()
        return None if found is None else chain_of(found)

    def put(self, connection: Connection, row: ChainRow, *, new: bool) -> None:
        """Write a chain as it is, with its version; raises IntegrityError for one not new."""
        values = self._values(row)
        if new:
            connection.execute(insert(self._table).values(values))
            return
        del values["create_time"]
        connection.execute(update(self._table).where(self._is(row.tenant, row.name)).values(values))

    def some(
        self, connection: Connection, keys: Collection[tuple[str, str]]
    ) -> tuple[ChainRow, ...]:
        """Those of the chains, by tenant and name, that there are."""
        query = select(*columns_of(self._table)).where(self._these(keys))
        return tuple(chain_of(row) for row in connection.execute(query).mappings())

    def number(
        self, connection: Connection, keys: Collection[tuple[str, str]], version: int
    ) -> None:
        """Give chains, by tenant and name, another version's number; they stay as they are."""
        values = {"version": version, "update_time": self._table.c.update_time}
        connection.execute(update(self._table).where(self._these(keys)).values(values))

    def name_of(self, row: ChainRow) -> str:
        """What it is called."""
        return row.name

    def _values(self, row: ChainRow) -> dict[str, object]:
        now = datetime.now(UTC)
        return {
            "application_name": self.application,
            "namespace": self.namespace,
            "tenant_id": row.tenant,
            "chain_name": row.name,
            **row.content,
            "version": row.version,
            "create_time": now,
            "update_time": now,
        }

    def _is(self, tenant: str, name: str) -> ColumnElement[bool]:
        return self._these([(tenant, name)])

    def _these(self, keys: Collection[tuple[str, str]]) -> ColumnElement[bool]:
        chain = self._table.c
        return and_(
            chain.application_name == self.application,
            chain.namespace == self.namespace,
            any_of(chain.tenant_id, chain.chain_name, keys),
        )

    def _assign(self, incoming: Incoming) -> Iterator[tuple[str, ColumnElement[object]]]:
        chain = self._table.c
        same = and_(*(chain[name].is_not_distinct_from(incoming[name]) for name in _CONTENT))
        yield "version", case((same, chain.version), else_=chain.version + 1)
        yield "update_time", case((same, chain.update_time), else_=incoming["update_time"])
        for name in _CONTENT:
            yield name, incoming[name]


def any_of(
    tenant: ColumnElement[str], name: ColumnElement[str], keys: Iterable[tuple[str, str]]
) -> ColumnElement[bool]:
    """One of these tenants' names."""
    names: dict[str, list[str]] = {}
    for whose, called in keys:
        names.setdefault(whose, []).append(called)
    return or_(*(and_(tenant == whose, name.in_(called)) for whose, called in names.items()))


def columns_of(table: Table) -> tuple[ColumnElement[Any], ...]:
    """What is read of a row, under the names that `chain_of` knows."""
    return tuple(table.c[column].label(field) for field, column in _FIELDS.items())


def chain_of(row: RowMapping | Mapping[str, Any]) -> ChainRow:
    """The row as it is; of `undo_policy`, which people write by hand, only what it can be."""
    fields = {field: row[field] for field in _FIELDS}
    given = fields["undo_policy"]
    if given not in (None, "stop", "continue"):
        _log.warning(
            "undo_policy_unknown",
            tenant=row["tenant"],
            chain=row["name"],
            given=given,
            known="stop, continue",
        )
        fields["undo_policy"] = None
    return ChainRow(**fields)
