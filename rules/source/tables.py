"""The tables of the rules: chains, and what is known of the components that they call.

For their repositories and the migrations. Names of chains' columns are the platform's own.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from rules.source.columns import (
    NAMING,
    CreateStamp,
    JsonText,
    UpdateStamp,
    UtcDateTime,
    key_text,
    long_text,
)

metadata: Final = MetaData(naming_convention=NAMING)

flow_chain: Final = Table(
    "flow_chain",
    metadata,
    # SQLite numbers rows by itself only for INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("tenant_id", key_text(64), nullable=False),
    Column("application_name", key_text(100), nullable=False, server_default="dms-liteflow"),
    Column("chain_name", key_text(128), nullable=False),
    Column("chain_desc", String(500)),
    Column("chain_code", long_text(), nullable=False),
    Column("namespace", key_text(100), nullable=False, server_default="default"),
    Column("status", String(32), nullable=False, server_default="DRAFT"),
    Column("chain_enable", Boolean, nullable=False, server_default=text("1")),
    Column("transactional", Boolean, nullable=False, server_default=text("1")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("create_time", UtcDateTime, nullable=False, server_default=CreateStamp()),
    Column("update_time", UtcDateTime, nullable=False, server_default=UpdateStamp()),
    # Since migration 0004; NULL leaves it to the request, and then to `stop`.
    Column("undo_policy", String(16)),
    # Since migration 0006.
    Column("route", long_text()),
    Column("extends_chain", key_text(128)),
    UniqueConstraint("application_name", "namespace", "tenant_id", "chain_name"),
    Index("idx_app_tenant", "application_name", "tenant_id", "status"),
    Index("idx_chain_enable", "chain_enable"),
)

saga_component_metadata: Final = Table(
    "saga_component_metadata",
    metadata,
    Column("tenant_id", key_text(64), primary_key=True, server_default="0"),
    Column("application_name", key_text(100), primary_key=True),
    Column("component_id", key_text(128), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("name", String(200)),
    Column("compensate", key_text(128)),
    Column("read_only", Boolean, nullable=False),
    Column("irreversible", Boolean, nullable=False),
    Column("retry", JsonText),
    Column("timeout_seconds", Double, nullable=False),
    Column("heartbeat_seconds", Double, nullable=False),
    Column("lost_attempts", Integer, nullable=False),
    Column("failure_strategy", String(32), nullable=False, server_default="COMPENSATE"),
    Column("source", String(16), nullable=False, server_default="scan"),
    Column("updated_at", UtcDateTime, nullable=False),
    # Since migration 0004, with the defaults of `FailurePolicy`.
    Column("compensate_when", String(16), nullable=False, server_default="unknown"),
    Column("compensation_source", String(16)),
    Column("failure_rounds", Integer, nullable=False, server_default=text("1")),
    Column("failure_afterwards", String(32), nullable=False, server_default="COMPENSATE"),
    Column("failure_deadline_seconds", Double, nullable=False, server_default=text("86400")),
    Column("failure_default", String(32), nullable=False, server_default="compensate"),
    Column("edited_fields", JsonText),
    Column("edited_by", String(128)),
    Column("edited_at", UtcDateTime),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("gone_since", UtcDateTime),
)
