"""All SQL on the table of versions: what chains were, who changed them, and why.

For the rule source, which serves an earlier version where the present one does not compile, and for
who writes chains. A version is never changed.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog
from pydantic import TypeAdapter
from sqlalchemy import Connection, Text, insert, select, type_coerce

from rules.source.repository import ChainRow, chain_of
from rules.source.tables import config_version as table

CHAIN: Final = "CHAIN"
MOST_TRIED: Final = 5

Change = Literal["CREATE", "UPDATE", "PUBLISH", "DISABLE", "DELETE", "ROLLBACK", "IMPORT"]

_CONTENT: Final = TypeAdapter(dict[str, Any])

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Note:
    """Who changed something, what they did, and why."""

    change: Change
    operator: str | None = None
    reason: str | None = None


def record_chain(
    connection: Connection, application: str, namespace: str, row: ChainRow, note: Note
) -> None:
    """Keep a chain's version. Raises sqlalchemy's IntegrityError if that number is kept already."""
    connection.execute(
        insert(table).values(
            application_name=application,
            namespace=namespace,
            tenant_id=row.tenant,
            config_type=CHAIN,
            chain_name=row.name,
            version=row.version,
            content=row.content,
            content_sha=row.sha,
            change_type=note.change,
            operator=note.operator,
            reason=note.reason,
        )
    )


def earlier_chains(
    connection: Connection, application: str, namespace: str, tenant: str, chain: str
) -> list[ChainRow]:
    """Versions of a chain that served, the newest first; unreadable ones are left out."""
    query = (
        select(table.c.version, type_coerce(table.c.content, Text).label("content"))
        .where(
            table.c.application_name == application,
            table.c.namespace == namespace,
            table.c.tenant_id == tenant,
            table.c.config_type == CHAIN,
            table.c.chain_name == chain,
        )
        .order_by(table.c.version.desc())
        .limit(MOST_TRIED)
    )
    found = []
    for version, content in connection.execute(query):
        try:
            row = _row(tenant, chain, version, _CONTENT.validate_json(content))
        except (KeyError, ValueError) as error:
            _log.warning("version_unreadable", tenant=tenant, chain=chain, why=str(error)[:300])
            continue
        if row.serving:
            found.append(row)
    return found


def _row(tenant: str, chain: str, version: int, content: dict[str, Any]) -> ChainRow:
    return chain_of(
        {
            "tenant": tenant,
            "name": chain,
            "version": version,
            "description": content.get("chain_desc"),
            "text": content["chain_code"],
            "status": content["status"],
            "enabled": content["chain_enable"],
            "transactional": content.get("transactional", True),
            "undo_policy": content.get("undo_policy"),
            "extends": content.get("extends_chain"),
            "route": content.get("route"),
        }
    )
