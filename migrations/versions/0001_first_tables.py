"""The first tables: chains, executions, steps, compensation log, component metadata.

Types are spelled out here, not imported: this file must keep meaning what it meant.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME, LONGTEXT, VARCHAR

from migrations import adoption

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None

_MYSQL: Final = ("mysql", "mariadb")
_TIME: Final = sa.DateTime().with_variant(DATETIME(fsp=6), *_MYSQL)
_LONG: Final = sa.Text().with_variant(LONGTEXT(), *_MYSQL)


def _key(length: int) -> sa.types.TypeEngine[str]:
    binary = VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(binary, *_MYSQL)


def upgrade() -> None:
    """Create the tables."""
    _create_flow_chain()
    _create_saga_execution()
    _create_saga_step_execution()
    _create_saga_compensation_log()
    _create_saga_component_metadata()


def downgrade() -> None:
    """Drop the tables and all that is in them, but for chains that were the platform's."""
    # First: it fails where rows of now do not fit, and can then be repeated.
    if not adoption.release("flow_chain"):
        op.drop_table("flow_chain")
    for table in (
        "saga_component_metadata",
        "saga_compensation_log",
        "saga_step_execution",
        "saga_execution",
    ):
        op.drop_table(table)


_CHAIN_KEY: Final = ("application_name", "namespace", "tenant_id", "chain_name")
_CHAIN_UNIQUE: Final = "uq_flow_chain_application_name_namespace_tenant_id_chain_name"
_CHAIN_INDEXES: Final = {
    "idx_app_tenant": ("application_name", "tenant_id", "status"),
    "idx_chain_enable": ("chain_enable",),
}


def _chain_columns() -> list[sa.Column[object]]:
    mysql = op.get_context().dialect.name in _MYSQL
    now = "CURRENT_TIMESTAMP(6)" if mysql else "CURRENT_TIMESTAMP"
    kept = f"{now} ON UPDATE {now}" if mysql else now
    return [
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True),
        sa.Column("tenant_id", _key(64), nullable=False),
        sa.Column("application_name", _key(100), nullable=False, server_default="dms-liteflow"),
        sa.Column("chain_name", _key(128), nullable=False),
        sa.Column("chain_desc", sa.String(500)),
        sa.Column("chain_code", _LONG, nullable=False),
        sa.Column("namespace", _key(100), nullable=False, server_default="default"),
        sa.Column("status", sa.String(32), nullable=False, server_default="DRAFT"),
        sa.Column("chain_enable", sa.Boolean, nullable=False, server_default=sa.text("1")),
        sa.Column("transactional", sa.Boolean, nullable=False, server_default=sa.text("1")),
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("create_time", _TIME, nullable=False, server_default=sa.text(now)),
        sa.Column("update_time", _TIME, nullable=False, server_default=sa.text(kept)),
    ]


def _create_flow_chain() -> None:
    if adoption.exists("flow_chain"):
        _adopt_flow_chain()
        return
    op.create_table(
        "flow_chain",
        *_chain_columns(),
        sa.PrimaryKeyConstraint("id", name="pk_flow_chain"),
        sa.UniqueConstraint(*_CHAIN_KEY, name=_CHAIN_UNIQUE),
    )
    for name, columns in _CHAIN_INDEXES.items():
        op.create_index(name, "flow_chain", list(columns))


def _adopt_flow_chain() -> None:
    """The platform's table, from before it knew applications and namespaces."""
    place = {"application_name": "'dms-liteflow'", "namespace": "'default'", "tenant_id": "'1'"}
    adoption.check_key("flow_chain", _CHAIN_KEY, place)
    now = "CURRENT_TIMESTAMP(6)" if op.get_context().dialect.name in _MYSQL else "CURRENT_TIMESTAMP"
    fills = {
        **place,
        "chain_code": "''",
        "status": "'DRAFT'",
        "chain_enable": "CASE WHEN status = 'PUBLISHED' THEN 1 ELSE 0 END",
        "transactional": "1",
        "version": "1",
        "create_time": now,
        "update_time": now,
    }
    adoption.adopt("flow_chain", _chain_columns(), fills)
    adoption.add_indexes("flow_chain", {_CHAIN_UNIQUE: _CHAIN_KEY}, _CHAIN_INDEXES)


def _create_saga_execution() -> None:
    op.create_table(
        "saga_execution",
        sa.Column("tenant_id", _key(64), nullable=False),
        sa.Column("execution_id", _key(128), nullable=False),
        sa.Column("chain_name", _key(128), nullable=False),
        sa.Column("rule_version", sa.Integer, nullable=False),
        sa.Column("plan_sha", sa.String(64), nullable=False),
        sa.Column("request_sha", sa.String(64), nullable=False),
        sa.Column("business_key", _key(200)),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("cause", sa.String(32)),
        sa.Column("failed_step", _key(128)),
        sa.Column("error", _LONG),
        sa.Column("request", _LONG),
        sa.Column("context", _LONG),
        sa.Column("output", _LONG),
        sa.Column("first_run_id", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("version", _key(40), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("tenant_id", "execution_id", name="pk_saga_execution"),
    )
    for columns in (
        ["tenant_id", "started_at"],
        ["tenant_id", "status", "started_at"],
        ["tenant_id", "chain_name", "started_at"],
        ["tenant_id", "business_key"],
    ):
        op.create_index("ix_saga_execution_" + "_".join(columns), "saga_execution", columns)


def _create_saga_step_execution() -> None:
    op.create_table(
        "saga_step_execution",
        sa.Column("tenant_id", _key(64), nullable=False),
        sa.Column("execution_id", _key(128), nullable=False),
        sa.Column("path", _key(400), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("component", _key(128), nullable=False),
        sa.Column("tag", _key(128)),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(32)),
        sa.Column("compensation", _key(128)),
        sa.Column("read_only", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("input", _LONG),
        sa.Column("output", _LONG),
        sa.Column("error", _LONG),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("ended", sa.Integer, nullable=False),
        sa.Column("undo_attempts", sa.Integer, nullable=False),
        sa.Column("undo_error", _LONG),
        sa.Column("undo_started_at", _TIME),
        sa.Column("undo_ended_at", _TIME),
        sa.Column("undone", sa.Integer, nullable=False),
        sa.Column("version", _key(40), nullable=False, server_default=""),
        sa.Column("forward_version", _key(40), nullable=False, server_default=""),
        sa.Column("output_version", _key(40), nullable=False, server_default=""),
        sa.Column("undo_version", _key(40), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("tenant_id", "execution_id", "path", name="pk_saga_step_execution"),
    )


def _create_saga_compensation_log() -> None:
    op.create_table(
        "saga_compensation_log",
        sa.Column("tenant_id", _key(64), nullable=False),
        sa.Column("execution_id", _key(128), nullable=False),
        sa.Column("path", _key(400), nullable=False),
        sa.Column("scheduled_at", _TIME, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("component", _key(128), nullable=False),
        sa.Column("step_component", _key(128), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("error", _LONG),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("version", _key(40), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint(
            "tenant_id",
            "execution_id",
            "path",
            "scheduled_at",
            "attempt",
            name="pk_saga_compensation_log",
        ),
    )


def _create_saga_component_metadata() -> None:
    op.create_table(
        "saga_component_metadata",
        sa.Column("tenant_id", _key(64), nullable=False, server_default="0"),
        sa.Column("application_name", _key(100), nullable=False),
        sa.Column("component_id", _key(128), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("compensate", _key(128)),
        sa.Column("read_only", sa.Boolean, nullable=False),
        sa.Column("irreversible", sa.Boolean, nullable=False),
        sa.Column("retry", _LONG),
        sa.Column("timeout_seconds", sa.Double, nullable=False),
        sa.Column("heartbeat_seconds", sa.Double, nullable=False),
        sa.Column("lost_attempts", sa.Integer, nullable=False),
        sa.Column("failure_strategy", sa.String(32), nullable=False, server_default="COMPENSATE"),
        sa.Column("source", sa.String(16), nullable=False, server_default="scan"),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "application_name", "component_id", name="pk_saga_component_metadata"
        ),
    )
