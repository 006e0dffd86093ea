"""All SQL on the table of versions: what chains were, who changed them, and why.

For the rule source, which serves an earlier version where the present one does not compile, and for
who writes chains. A version is never changed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple, TypeVar

import structlog
from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy import Connection, Text, func, insert, select, type_coerce

from rules.source.past import Once
from rules.source.repository import PUBLISHED, ChainRow, chain_of
from rules.source.scripts import ScriptRow, script_of
from rules.source.tables import config_version as table

CHAIN: Final = "CHAIN"
COMPONENT: Final = "COMPONENT"
MOST_TRIED: Final = 50
DRAFTS: Final = ("DRAFT", "DISCARD")
"""Changes that leave what is live as it is."""
MADE: Final = ("CREATE", "IMPORT")
"""Changes that, where they are the first ones, made what there was not."""

Change = Literal[
    "CREATE",
    "DRAFT",
    "UPDATE",
    "PUBLISH",
    "UNPUBLISH",
    "DISABLE",
    "ENABLE",
    "DELETE",
    "DISCARD",
    "ROLLBACK",
    "IMPORT",
    # As it was found, changed in the database itself.
    "FOUND",
]

R = TypeVar("R", ChainRow, ScriptRow)
ConfigType = Literal["CHAIN", "COMPONENT"]

_CONTENT: Final = TypeAdapter(dict[str, Any])

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Note:
    """Who changed something, what they did, and why.

    `request_key` makes it repeatable, `request_sha` tells another request with the same key.
    """

    change: Change
    operator: str | None = None
    reason: str | None = None
    request_key: str | None = None
    request_sha: str | None = None


class Place(NamedTuple):
    """Of what something is a version."""

    application: str
    type: ConfigType
    namespace: str
    tenant: str
    name: str

    @property
    def columns(self) -> dict[str, str]:
        """The place by column."""
        return {
            "application_name": self.application,
            "config_type": self.type,
            "namespace": self.namespace,
            "tenant_id": self.tenant,
            "chain_name": self.name,
        }


def sha_of(content: Mapping[str, object]) -> str:
    """SHA-256 in hex: the same for the same content, whatever its version and name."""
    return sha256(to_json(dict(sorted(content.items())))).hexdigest()


def record_chain(
    connection: Connection, application: str, namespace: str, row: ChainRow, note: Note
) -> None:
    """Keep a chain's version. Raises sqlalchemy's IntegrityError if that number is kept already."""
    place = Place(application, CHAIN, namespace, row.tenant, row.name)
    record(connection, place, row.version, row.content, note)


def record(
    connection: Connection,
    place: Place,
    version: int,
    content: Mapping[str, object],
    note: Note,
) -> None:
    """Keep a version of anything; raises as above."""
    record_all(connection, [(place, version, content)], note)


def record_all(
    connection: Connection,
    versions: Iterable[tuple[Place, int, Mapping[str, object]]],
    note: Note,
) -> None:
    """Keep many versions, which one note is about; raises as above."""
    values = [
        {
            **place.columns,
            "version": version,
            "content": dict(content),
            "content_sha": sha_of(content),
            "change_type": note.change,
            "operator": note.operator,
            "reason": note.reason,
            "create_time": datetime.now(UTC),
            "request_key": note.request_key,
            "request_sha": note.request_sha,
        }
        for place, version, content in versions
    ]
    if values:
        connection.execute(insert(table), values)


def kept_shas(connection: Connection, place: Place) -> dict[int, str]:
    """The SHAs of all versions that are kept, by their numbers."""
    kept = (table.c[column] == value for column, value in place.columns.items())
    query = select(table.c.version, table.c.content_sha).where(*kept)
    return {row.version: row.content_sha for row in connection.execute(query)}


def chain_history(
    connection: Connection, application: str, namespace: str, tenant: str, names: Sequence[str]
) -> dict[str, list[Once[ChainRow]]]:
    """What chains were from when on, the newest first; unreadable versions are left out."""
    place = Place(application, CHAIN, namespace, tenant, "")
    return _histories(connection, place, names, chain_row)


def script_history(
    connection: Connection, application: str, tenant: str, ids: Sequence[str]
) -> dict[str, list[Once[ScriptRow]]]:
    """The same of script components."""
    place = Place(application, "COMPONENT", "", tenant, "")
    return _histories(connection, place, ids, script_row)


def _histories(
    connection: Connection,
    place: Place,
    names: Sequence[str],
    make: Callable[[str, str, int, Mapping[str, Any]], R],
) -> dict[str, list[Once[R]]]:
    where = {column: value for column, value in place.columns.items() if column != "chain_name"}
    newest = func.row_number().over(partition_by=table.c.chain_name, order_by=table.c.id.desc())
    recent = (
        select(table.c.id, newest.label("place"))
        .where(*(table.c[column] == value for column, value in where.items()))
        .where(table.c.chain_name.in_(names), table.c.change_type.not_in(DRAFTS))
        .subquery()
    )
    query = (
        select(
            table.c.id,
            table.c.chain_name,
            table.c.version,
            table.c.change_type,
            type_coerce(table.c.content, Text).label("content"),
        )
        .join(recent, recent.c.id == table.c.id)
        .where(recent.c.place <= MOST_TRIED)
        .order_by(table.c.id.desc())
    )
    found: dict[str, list[Once[R]]] = {}
    for at, name, version, change, content in connection.execute(query):
        try:
            told = _CONTENT.validate_json(content)
            row = make(place.tenant, name, version, told)
        except (KeyError, ValueError) as error:
            _log.warning("version_unreadable", tenant=place.tenant, name=name, why=str(error)[:300])
            continue
        if change == "ROLLBACK" and row.status != PUBLISHED:
            # A draft: what was live stayed so.
            continue
        gone = change == "DELETE"
        found.setdefault(name, []).append(Once(at, None if gone else row, change in MADE))
    return found


def chain_row(tenant: str, chain: str, version: int, content: Mapping[str, Any]) -> ChainRow:
    """A chain by what a version keeps of it. Raises KeyError for a column that it lacks."""
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


def script_row(tenant: str, id: str, version: int, content: Mapping[str, Any]) -> ScriptRow:
    """A script by what a version keeps of it. Raises KeyError for a column that it lacks."""
    return script_of(
        {
            "tenant": tenant,
            "id": id,
            "version": version,
            "name": content.get("component_name"),
            "text": content["component_code"],
            "type": content.get("component_type"),
            "language": content.get("language"),
            "status": content["status"],
            "enabled": content["script_enable"],
        }
    )
