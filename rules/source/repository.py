"""All SQL on the table of chains.

For the rule source, loaders and tests. Gives rows as data; what their text means is not known.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import structlog
from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, case, select

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


class ChainRepository:
    """The chains of one application and namespace, of all tenants."""

    def __init__(self, engine: Engine, application: str, namespace: str) -> None:
        self._engine = engine
        self._application = application
        self._namespace = namespace

    def read_all(self, connection: Connection | None = None) -> tuple[ChainRow, ...]:
        """Every chain, in a fixed order; also those that do not serve, which are not unknown."""
        chain = flow_chain.c
        query = (
            select(
                chain.tenant_id.label("tenant"),
                chain.chain_name.label("name"),
                chain.chain_code.label("text"),
                chain.chain_desc.label("description"),
                chain.status,
                chain.chain_enable.label("enabled"),
                chain.transactional,
                chain.undo_policy,
                chain.extends_chain.label("extends"),
                chain.route,
                chain.version,
            )
            .where(chain.application_name == self._application, chain.namespace == self._namespace)
            .order_by(chain.tenant_id, chain.chain_name)
        )
        with nullcontext(connection) if connection else self._engine.connect() as asked:
            return tuple(_chain(row) for row in asked.execute(query).mappings())

    def save(self, row: ChainRow, connection: Connection | None = None) -> None:
        """Insert a chain, or change it: its version then grows; saving the same changes nothing.

        In the transaction of the connection, if one is given.
        """
        now = datetime.now(UTC)
        values = {
            "application_name": self._application,
            "namespace": self._namespace,
            "tenant_id": row.tenant,
            "chain_name": row.name,
            "chain_desc": row.description,
            "chain_code": row.text,
            "status": row.status,
            "chain_enable": row.enabled,
            "transactional": row.transactional,
            "undo_policy": row.undo_policy,
            "route": row.route,
            "extends_chain": row.extends,
            "version": row.version,
            "create_time": now,
            "update_time": now,
        }
        with nullcontext(connection) if connection else self._engine.begin() as used:
            statement = upsert(used.dialect.name, flow_chain, _KEY, _assign)
            used.execute(statement, values)


def _chain(row: RowMapping) -> ChainRow:
    """The row as it is; of `undo_policy`, which people write by hand, only what it can be."""
    given = row["undo_policy"]
    if given not in (None, "stop", "continue"):
        _log.warning(
            "undo_policy_unknown",
            tenant=row["tenant"],
            chain=row["name"],
            given=given,
            known="stop, continue",
        )
        return ChainRow(**{**row, "undo_policy": None})
    return ChainRow(**row)


def _assign(incoming: Incoming) -> Iterator[tuple[str, ColumnElement[object]]]:
    chain = flow_chain.c
    same = and_(*(chain[name].is_not_distinct_from(incoming[name]) for name in _CONTENT))
    yield "version", case((same, chain.version), else_=chain.version + 1)
    yield "update_time", case((same, chain.update_time), else_=incoming["update_time"])
    for name in _CONTENT:
        yield name, incoming[name]
