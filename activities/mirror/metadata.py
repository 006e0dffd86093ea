"""Keeps the table of component metadata in step with the components of this process.

For the worker at its start. Which policy an execution uses is decided elsewhere, at its freeze.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, Engine, case, select

from activities.mirror.registers import Row
from activities.mirror.tables import saga_component_metadata
from rules.plan import ComponentPolicy
from rules.source.upsert import Incoming, upsert

DEFAULT_TENANT: Final = "0"
SCANNED: Final = "scan"
EDITED: Final = "edited"

_KEY: Final = ("tenant_id", "application_name", "component_id")
_DECLARED: Final = (
    "kind",
    "name",
    "compensate",
    "read_only",
    "irreversible",
    "retry",
    "timeout_seconds",
    "heartbeat_seconds",
    "lost_attempts",
)


def scan(engine: Engine, application: str, policies: Iterable[ComponentPolicy]) -> int:
    """Write what the components declare as the default tenant's rows; how many were written.

    A row that a person has edited stays as it is, and one that says the same is not touched.
    """
    table = saga_component_metadata
    declared = {policy.id: _row(application, policy) for policy in policies}
    present = select(table).where(
        table.c.tenant_id == DEFAULT_TENANT, table.c.application_name == application
    )
    with engine.begin() as connection:
        for row in connection.execute(present).mappings():
            mine = declared.get(row["component_id"])
            if mine is None:
                continue
            if row["source"] != SCANNED or all(row[name] == mine[name] for name in _DECLARED):
                del declared[row["component_id"]]
        if declared:
            now = datetime.now(UTC)
            rows = [{**row, "updated_at": now} for row in declared.values()]
            connection.execute(upsert(connection.dialect.name, table, _KEY, _assign), rows)
    return len(declared)


def _assign(incoming: Incoming) -> Iterator[tuple[str, ColumnElement[object]]]:
    # Someone may edit between our read and our write. What comes in is always SCANNED.
    unedited = saga_component_metadata.c.source == incoming["source"]
    for name in (*_DECLARED, "updated_at"):
        kept = saga_component_metadata.c[name]
        yield name, case((unedited, incoming[name]), else_=kept)


def _row(application: str, policy: ComponentPolicy) -> Row:
    return {
        "tenant_id": DEFAULT_TENANT,
        "application_name": application,
        "component_id": policy.id,
        "kind": policy.kind,
        "name": policy.name,
        "compensate": policy.compensate,
        "read_only": policy.read_only,
        "irreversible": policy.irreversible,
        "retry": policy.retry.model_dump(mode="json") if policy.retry else None,
        "timeout_seconds": policy.timeout,
        "heartbeat_seconds": policy.heartbeat,
        "lost_attempts": policy.lost_attempts,
        "failure_strategy": "COMPENSATE",
        "source": SCANNED,
    }
