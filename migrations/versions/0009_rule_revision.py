"""`rule_revision`: one row that every change of the rules raises, by triggers; and what changed.

Triggers raise the revision and then note, under that number, which row it was. The row of the
revision stays locked until the transaction ends, so numbers appear in their order. Every trigger is
one statement on MySQL, so that a script of them needs no other delimiter. Where the database lets
nobody make triggers, it goes without; whoever reads the rules finds none and looks at times of
edits instead.
"""

import logging
from collections.abc import Iterator
from typing import Final, NamedTuple

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import VARCHAR
from sqlalchemy.exc import DBAPIError

revision: Final = "0009"
down_revision: Final = "0008"
branch_labels: Final = None
depends_on: Final = None

_MYSQL: Final = ("mysql", "mariadb")
_REFUSED: Final = {1142, 1227, 1419}  # no right to triggers; or not while there is a binary log
_KEY: Final = ("kind", "application_name", "namespace", "tenant_id", "name")

_log = logging.getLogger("alembic.chainsaga")


class _Watched(NamedTuple):
    table: str
    kind: str
    namespace: str
    name: str
    columns: tuple[str, ...]
    # What makes a row count, with `{}` for NEW or OLD; scans of components are no edits.
    counts: str | None = None


_WATCHED: Final = (
    _Watched(
        "flow_chain",
        "chain",
        "{}.namespace",
        "chain_name",
        ("application_name", "namespace", "tenant_id", "chain_name"),
    ),
    _Watched(
        "rule_component",
        "component",
        "''",
        "component_id",
        ("application_name", "tenant_id", "component_id"),
    ),
    _Watched(
        "saga_component_metadata",
        "policy",
        "''",
        "component_id",
        ("application_name", "tenant_id", "component_id"),
        "{}.source = 'edited'",
    ),
)
_EVENTS: Final = {"INSERT": ("NEW",), "UPDATE": ("NEW", "OLD"), "DELETE": ("OLD",)}


def _key(length: int) -> sa.types.TypeEngine[str]:
    binary = VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(binary, *_MYSQL)


def upgrade() -> None:
    """Create the tables and, where that is allowed, the triggers."""
    op.create_table(
        "rule_revision",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rule_revision"),
    )
    op.create_table(
        "rule_change",
        sa.Column("kind", _key(16), nullable=False),
        sa.Column("application_name", _key(100), nullable=False),
        sa.Column("namespace", _key(100), nullable=False),
        sa.Column("tenant_id", _key(64), nullable=False),
        sa.Column("name", _key(128), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_rule_change"),
    )
    op.create_index("idx_change_revision", "rule_change", ["application_name", "revision"])
    # Zero is never reached by counting: it says that nobody counts.
    op.execute("INSERT INTO rule_revision (id, revision) VALUES (1, 0)")
    made: list[str] = []
    try:
        for name, statement in _triggers():
            op.execute(statement)
            made.append(name)
    except DBAPIError as error:
        code = error.orig.args[0] if error.orig is not None and error.orig.args else None
        if code not in _REFUSED:
            raise
        for name in made:
            op.execute(f"DROP TRIGGER {name}")
        _log.warning("no triggers on the rules, times of edits are watched: %s", error.orig)
    else:
        op.execute("UPDATE rule_revision SET revision = 1")


def downgrade() -> None:
    """Drop triggers and tables; the rules themselves stay."""
    for name in _present():
        op.execute(f"DROP TRIGGER {name}")
    op.drop_table("rule_change")
    op.drop_table("rule_revision")


def _present() -> list[str]:
    ours = [name for name, _ in _triggers()]
    if op.get_context().as_sql:
        return ours
    if op.get_context().dialect.name in _MYSQL:
        query = (
            "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()"
        )
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    there = {row[0] for row in op.get_bind().exec_driver_sql(query)}
    return [name for name in ours if name in there]


def _triggers() -> Iterator[tuple[str, str]]:
    make = _mysql if op.get_context().dialect.name in _MYSQL else _sqlite
    for watched in _WATCHED:
        for event, rows in _EVENTS.items():
            yield from make(watched, event, rows)


def _mysql(watched: _Watched, event: str, rows: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    start = f"AFTER {event} ON {watched.table} FOR EACH ROW"
    name = f"{watched.table}_{event.lower()}"
    # MariaDB would take a bare ON for that of a join.
    where = _counts(watched, rows) if watched.counts else "1 = 1"
    raised = (
        f"CREATE TRIGGER {name}_revision {start} INSERT INTO rule_revision (id, revision)"
        f" SELECT 1, 1 FROM DUAL WHERE {where}"
        " ON DUPLICATE KEY UPDATE revision = rule_revision.revision + 1"
    )
    yield f"{name}_revision", raised
    for row in rows:
        counts = f" AND ({_counts(watched, (row,))})" if watched.counts else ""
        noted = (
            f"CREATE TRIGGER {name}_{row.lower()} {start}"
            f" INSERT INTO rule_change ({', '.join(_KEY)}, revision)"
            f" SELECT {_values(watched, row)}, r.revision FROM rule_revision r"
            f" WHERE r.id = 1{counts}"
            " ON DUPLICATE KEY UPDATE rule_change.revision = r.revision"
        )
        yield f"{name}_{row.lower()}", noted


def _sqlite(watched: _Watched, event: str, rows: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    name = f"{watched.table}_{event.lower()}_revision"
    when = f" WHEN {_counts(watched, rows)}" if watched.counts else ""
    # No REPLACE and no ON CONFLICT: those of the statement that fires the trigger would win.
    notes = "".join(
        f" DELETE FROM rule_change WHERE ({', '.join(_KEY)}) = ({_values(watched, row)});"
        f" INSERT INTO rule_change ({', '.join(_KEY)}, revision)"
        f" SELECT {_values(watched, row)}, revision FROM rule_revision WHERE id = 1;"
        for row in rows
    )
    trigger = (
        f"CREATE TRIGGER {name} AFTER {event} ON {watched.table} FOR EACH ROW{when} BEGIN"
        " INSERT INTO rule_revision (id, revision) SELECT 1, 0"
        " WHERE NOT EXISTS (SELECT 1 FROM rule_revision WHERE id = 1);"
        f" UPDATE rule_revision SET revision = revision + 1 WHERE id = 1;{notes} END"
    )
    yield name, trigger


def _counts(watched: _Watched, rows: tuple[str, ...]) -> str:
    assert watched.counts is not None
    return " OR ".join(watched.counts.format(row) for row in rows)


def _values(watched: _Watched, row: str) -> str:
    return ", ".join(
        (
            f"'{watched.kind}'",
            f"{row}.application_name",
            watched.namespace.format(row),
            f"{row}.tenant_id",
            f"{row}.{watched.name}",
        )
    )
