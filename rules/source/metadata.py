"""All SQL on the table of component metadata: what is declared, and what people changed of it.

For the worker, which scans its components into it, the API, whose operators edit it, and the rule
source, which serves the edits to freezes. A row's columns say what holds for its tenant; of an
edited row those count that `edited_fields` names (all, where somebody wrote the row by hand).
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog
from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Select,
    Text,
    case,
    insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError

from rules.errors import MetadataStale
from rules.plan import ComponentPolicy, RetryPolicy
from rules.source.collisions import collided
from rules.source.columns import JsonText
from rules.source.edits import DEFAULT_TENANT, EDITABLE, NO_EDIT, Edits, PolicyEdit
from rules.source.tables import saga_component_metadata as table
from rules.source.upsert import Incoming, upsert

TRIES: Final = 5
SCANNED: Final = "scan"
EDITED: Final = "edited"

CompensationSource = Literal["declared", "inferred", "edited"]
Row = dict[str, object]

_KEY: Final = ("tenant_id", "application_name", "component_id")
_POLICY: Final = (
    "kind",
    "name",
    "compensate",
    "compensation_source",
    "compensate_when",
    "read_only",
    "irreversible",
    "retry",
    "timeout_seconds",
    "heartbeat_seconds",
    "lost_attempts",
    "failure_strategy",
    "failure_rounds",
    "failure_afterwards",
    "failure_deadline_seconds",
    "failure_default",
)
_FIELDS: Final = TypeAdapter(tuple[str, ...])

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MetadataRow:
    """One row as its readers need it; `edit` is what this tenant changed.

    Where an `edited` row cannot be read, `problem` says why.
    """

    tenant: str
    component: str
    edited: bool = False
    edit: PolicyEdit = NO_EDIT
    version: int = 0
    edited_by: str | None = None
    edited_at: datetime | None = None
    gone_since: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """An edit on its way into the table.

    `policy` is what then holds for the tenant. `version` is the one that the editor has read.
    """

    tenant: str
    policy: ComponentPolicy
    compensation_source: CompensationSource | None
    edit: PolicyEdit
    version: int
    operator: str


class MetadataRepository:
    """The component metadata of one application, of all tenants."""

    def __init__(self, engine: Engine, application: str) -> None:
        self._engine = engine
        self._application = application

    def scan(self, policies: Mapping[str, ComponentPolicy], inferred: Collection[str]) -> int:
        """Write what the components declare as the default tenant's rows; how many were written.

        A row that a person has edited stays as it is, and one that says the same is not touched.
        Components that are there no more are marked, and the mark is taken off when they return.
        """
        declared: dict[str, Row] = {}
        for id, policy in policies.items():
            row = _row(policy, declared_source(policy, inferred=id in inferred))
            declared[id] = {
                **row,
                "tenant_id": DEFAULT_TENANT,
                "application_name": self._application,
                "source": SCANNED,
            }
        now = datetime.now(UTC)
        with self._engine.begin() as connection:
            present = connection.execute(_select().where(self._of(DEFAULT_TENANT)))
            rows = {str(row["component_id"]): row for row in present.mappings()}
            changed = [
                {**row, "updated_at": now}
                for id, row in declared.items()
                if id not in rows or _differs(rows[id], row)
            ]
            if changed:
                connection.execute(upsert(connection.dialect.name, table, _KEY, _assign), changed)
            lost = [id for id, row in rows.items() if id not in declared and not row["gone_since"]]
            back = [id for id, row in rows.items() if id in declared and row["gone_since"]]
            self._mark(connection, lost, now)
            self._mark(connection, back, None)
        named = [row for row in changed if row["compensation_source"] == "inferred"]
        if named:
            pairs = {str(row["component_id"]): row["compensate"] for row in named}
            _log.info("compensations_inferred", compensations=pairs)
        if lost:
            _log.warning("components_gone", components=sorted(lost))
        return len(changed)

    def read_edits(self, connection: Connection) -> Edits:
        """Every edit that counts, and those that cannot be read, which are logged."""
        query = _select().where(
            table.c.application_name == self._application, table.c.source == EDITED
        )
        found: dict[str, dict[str, PolicyEdit]] = {}
        unreadable: dict[str, dict[str, str]] = {}
        for row in connection.execute(query).mappings():
            known = _known(row)
            if known.problem is not None:
                unreadable.setdefault(known.tenant, {})[known.component] = known.problem
            if known.edit.changes:
                found.setdefault(known.tenant, {})[known.component] = known.edit
        return Edits(by_tenant=found, unreadable=unreadable)

    def rows(self, tenant: str, component: str | None = None) -> dict[tuple[str, str], MetadataRow]:
        """Rows of the tenant and of the default tenant, by tenant and component."""
        query = _select().where(
            table.c.application_name == self._application,
            table.c.tenant_id.in_((tenant, DEFAULT_TENANT)),
        )
        if component is not None:
            query = query.where(table.c.component_id == component)
        with self._engine.connect() as connection:
            known = [_known(row) for row in connection.execute(query).mappings()]
        return {(row.tenant, row.component): row for row in known}

    def edit(self, write: Write) -> MetadataRow:
        """Keep an edit in place of the tenant's earlier one; the same again changes nothing.

        An edit without changes gives up the earlier one, and keeps who did it. Raises
        MetadataStale when the row has another version than `write` was made for.
        """
        now = datetime.now(UTC)
        before = self._row(write)
        if before.version == write.version and not _same(before, write):
            self._write(write, self._values(write, now))
            before = self._row(write)
        if not _same(before, write):
            raise MetadataStale(write.policy.id, write.version, before.version, before.edited_by)
        return before

    def _write(self, write: Write, values: Row) -> None:
        """Put the row in place of that of its version, or nothing where somebody was quicker."""
        for left in reversed(range(TRIES)):
            try:
                if not self._replaced(write, values):
                    with self._engine.begin() as connection:
                        connection.execute(insert(table).values(**values))
            except IntegrityError:
                return
            except OperationalError as error:
                if not left or not collided(error):
                    raise
            else:
                return

    def _replaced(self, write: Write, values: Row) -> bool:
        mine = self._of(write.tenant) & (table.c.component_id == write.policy.id)
        with self._engine.begin() as connection:
            done = connection.execute(
                update(table).where(mine, table.c.version == write.version).values(**values)
            )
        return done.rowcount == 1

    def _row(self, write: Write) -> MetadataRow:
        id = write.policy.id
        known = self.rows(write.tenant, id)
        return known.get((write.tenant, id)) or MetadataRow(write.tenant, id)

    def _values(self, write: Write, now: datetime) -> Row:
        changes = write.edit.changes
        return {
            **_row(write.policy, write.compensation_source),
            "tenant_id": write.tenant,
            "application_name": self._application,
            "source": EDITED if changes else SCANNED,
            "edited_fields": sorted(changes),
            "edited_by": write.operator,
            "edited_at": now,
            "updated_at": now,
            "version": write.version + 1,
        }

    def _mark(self, connection: Connection, ids: list[str], since: datetime | None) -> None:
        if ids:
            mine = self._of(DEFAULT_TENANT) & table.c.component_id.in_(ids)
            connection.execute(update(table).where(mine).values(gone_since=since))

    def _of(self, tenant: str) -> ColumnElement[bool]:
        return (table.c.tenant_id == tenant) & (table.c.application_name == self._application)


def declared_source(policy: ComponentPolicy, *, inferred: bool) -> CompensationSource | None:
    """Where a component's own compensation comes from; None where it has none."""
    if policy.compensate is None:
        return None
    return "inferred" if inferred else "declared"


def _assign(incoming: Incoming) -> Iterator[tuple[str, ColumnElement[object]]]:
    # Someone may edit between our read and our write. What comes in is always SCANNED.
    unedited = table.c.source == incoming["source"]
    for name in (*_POLICY, "updated_at"):
        yield name, case((unedited, incoming[name]), else_=table.c[name])


def _select() -> Select[Any]:
    """All columns; JSON as text, since a value written by hand must not spoil the other rows."""
    return select(
        *(
            type_coerce(column, Text).label(column.name)
            if isinstance(column.type, JsonText)
            else column
            for column in table.columns
        )
    )


def _differs(present: RowMapping, declared: Row) -> bool:
    retry = declared["retry"]
    told = declared | {"retry": None if retry is None else to_json(retry).decode()}
    return present["source"] == SCANNED and any(present[name] != told[name] for name in _POLICY)


def _known(row: RowMapping) -> MetadataRow:
    edit, problem, counts = NO_EDIT, None, row["source"] == EDITED
    if counts:
        try:
            edit = _edit(row)
        except ValueError as error:
            problem = f"it cannot be read; edit it again, or give it up: {str(error)[:300]}"
            _log.error(
                "component_metadata_unreadable",
                tenant=row["tenant_id"],
                component=row["component_id"],
                why=problem,
            )
    return MetadataRow(
        tenant=row["tenant_id"],
        component=row["component_id"],
        edited=counts,
        edit=edit,
        version=row["version"],
        edited_by=row["edited_by"],
        edited_at=row["edited_at"],
        gone_since=row["gone_since"],
        problem=problem,
    )


def _edit(row: RowMapping) -> PolicyEdit:
    """What the row's tenant changed. Raises ValueError."""
    fields = row["edited_fields"]
    named = EDITABLE if fields is None else _FIELDS.validate_json(fields)
    retry = row["retry"]
    values: Row = {
        "compensate": row["compensate"],
        "compensate_when": row["compensate_when"],
        "retry": None if retry is None else RetryPolicy.model_validate_json(retry),
        "timeout": row["timeout_seconds"],
        "on_failure": {
            "strategy": row["failure_strategy"],
            "rounds": row["failure_rounds"],
            "afterwards": row["failure_afterwards"],
            "deadline": row["failure_deadline_seconds"],
            "default": row["failure_default"],
        },
    }
    return PolicyEdit.model_validate({name: values[name] for name in EDITABLE if name in named})


def _same(row: MetadataRow, write: Write) -> bool:
    changes = write.edit.changes
    return row.edited == bool(changes) and row.edit.changes == changes


def _row(policy: ComponentPolicy, compensation_source: CompensationSource | None) -> Row:
    on_failure = policy.on_failure
    return {
        "component_id": policy.id,
        "kind": policy.kind,
        "name": policy.name,
        "compensate": policy.compensate,
        "compensation_source": compensation_source,
        "compensate_when": policy.compensate_when,
        "read_only": policy.read_only,
        "irreversible": policy.irreversible,
        "retry": policy.retry.model_dump(mode="json") if policy.retry else None,
        "timeout_seconds": policy.timeout,
        "heartbeat_seconds": policy.heartbeat,
        "lost_attempts": policy.lost_attempts,
        "failure_strategy": on_failure.strategy.value,
        "failure_rounds": on_failure.rounds,
        "failure_afterwards": on_failure.afterwards,
        "failure_deadline_seconds": on_failure.deadline,
        "failure_default": on_failure.default,
    }
