"""The mirror's tables: executions, steps, compensation log, watermarks, alerts.

For the mirror's writer and reader and for the migrations. Who writes when is not known here.
Columns whose names end in `version` guard the columns of their register: `registers.py`.
"""

from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Table

from rules.source.columns import NAMING, JsonText, UtcDateTime, key_text

metadata: Final = MetaData(naming_convention=NAMING)

VERSION_LENGTH: Final = 40
PATH_LENGTH: Final = 400
"""Longest node path: with the other parts of the key it stays under InnoDB's 3072 bytes."""


def _version(name: str) -> Column[str]:
    return Column(name, key_text(VERSION_LENGTH), nullable=False, server_default="")


def _owner() -> tuple[Column[str], Column[str]]:
    return (
        Column("tenant_id", key_text(64), primary_key=True),
        Column("execution_id", key_text(128), primary_key=True),
    )


saga_execution: Final = Table(
    "saga_execution",
    metadata,
    *_owner(),
    Column("chain_name", key_text(128), nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("plan_sha", String(64), nullable=False),
    Column("request_sha", String(64), nullable=False),
    Column("business_key", key_text(200)),
    Column("status", String(32), nullable=False),
    Column("cause", String(32)),
    Column("failed_step", key_text(128)),
    Column("error", JsonText),
    Column("request", JsonText),
    Column("context", JsonText),
    Column("output", JsonText),
    Column("first_run_id", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    _version("version"),
    # Since migration 0003; NULL in rows of before, and in guesses.
    Column("waiting", JsonText),
    Column("decisions", JsonText),
    # Since migration 0007; NULL but for sub-runs.
    Column("parent", JsonText),
    Column("parent_id", key_text(128)),
    Index(None, "tenant_id", "started_at"),
    Index(None, "tenant_id", "status", "started_at"),
    Index(None, "tenant_id", "chain_name", "started_at"),
    Index(None, "tenant_id", "business_key"),
    # Since migration 0005; for the clean-up and the alerts, which look at all tenants.
    Index(None, "status", "ended_at"),
    Index(None, "tenant_id", "parent_id"),
)

saga_step_execution: Final = Table(
    "saga_step_execution",
    metadata,
    *_owner(),
    Column("path", key_text(PATH_LENGTH), primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("component", key_text(128), nullable=False),
    Column("tag", key_text(128)),
    Column("status", String(32), nullable=False),
    Column("outcome", String(32)),
    Column("compensation", key_text(128)),
    Column("read_only", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("input", JsonText),
    Column("output", JsonText),
    Column("error", JsonText),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("ended", Integer, nullable=False),
    Column("undo_attempts", Integer, nullable=False),
    Column("undo_error", JsonText),
    Column("undo_started_at", UtcDateTime),
    Column("undo_ended_at", UtcDateTime),
    Column("undone", Integer, nullable=False),
    _version("version"),
    _version("forward_version"),
    _version("output_version"),
    _version("undo_version"),
    # Since migration 0007; NULL where there is nothing to say.
    Column("name", key_text(128)),
    Column("note", JsonText),
    Column("sub_runs", JsonText),
)

saga_compensation_log: Final = Table(
    "saga_compensation_log",
    metadata,
    *_owner(),
    Column("path", key_text(PATH_LENGTH), primary_key=True),
    # Attempts count from 1 again when an undo is asked for again; its own schedule tells apart.
    Column("scheduled_at", UtcDateTime, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("component", key_text(128), nullable=False),
    Column("step_component", key_text(128), nullable=False),
    Column("status", String(32), nullable=False),
    Column("error", JsonText),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    _version("version"),
)

mirror_watermark: Final = Table(
    "mirror_watermark",
    metadata,
    Column("name", key_text(64), primary_key=True),
    Column("position", UtcDateTime, nullable=False),
)

# What was said aloud already, so that it is said once; without `sent_at` the webhook waits for it.
saga_alert: Final = Table(
    "saga_alert",
    metadata,
    Column("alert_id", key_text(64), primary_key=True),
    Column("tenant_id", key_text(64), nullable=False),
    Column("execution_id", key_text(128), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("alert", JsonText, nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Index(None, "tenant_id", "execution_id"),
    Index(None, "sent_at", "raised_at"),
)
