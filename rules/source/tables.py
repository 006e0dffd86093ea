"""The tables of the rules: chains, scripts, their versions, what is known of components.

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
    # Since migration 0010; the version of a change that is not live yet.
    Column("draft_version", Integer),
    UniqueConstraint("application_name", "namespace", "tenant_id", "chain_name"),
    Index("idx_app_tenant", "application_name", "tenant_id", "status"),
    Index("idx_chain_enable", "chain_enable"),
    # Since migration 0008, for a source that cannot have triggers.
    Index("idx_chain_update_time", "application_name", "update_time"),
)

rule_component: Final = Table(
    "rule_component",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    # The default tenant's components are everybody's.
    Column("tenant_id", key_text(64), nullable=False),
    Column("application_name", key_text(100), nullable=False, server_default="dms-liteflow"),
    Column("component_id", key_text(128), nullable=False),
    Column("component_name", String(200)),
    Column("component_code", long_text(), nullable=False),
    Column("component_type", String(32), nullable=False, server_default="script"),
    Column("language", String(50), nullable=False, server_default="java"),
    Column("status", String(32), nullable=False, server_default="DRAFT"),
    Column("script_enable", Boolean, nullable=False, server_default=text("1")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("create_time", UtcDateTime, nullable=False, server_default=CreateStamp()),
    Column("update_time", UtcDateTime, nullable=False, server_default=UpdateStamp()),
    Column("draft_version", Integer),
    UniqueConstraint("application_name", "tenant_id", "component_id"),
    # SQLite has names of indexes once per database, so not the chains' `idx_app_tenant`.
    Index("idx_component_app_tenant", "application_name", "tenant_id", "status"),
    Index("idx_script_enable", "script_enable"),
    Index("idx_component_update_time", "application_name", "update_time"),
)

config_version: Final = Table(
    "config_version",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("application_name", key_text(100), nullable=False),
    Column("namespace", key_text(100), nullable=False, server_default=""),
    Column("tenant_id", key_text(64), nullable=False),
    Column("config_type", String(16), nullable=False, server_default="CHAIN"),
    # A component's id, if it is a component.
    Column("chain_name", key_text(128), nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", JsonText, nullable=False),
    Column("content_sha", String(64), nullable=False),
    Column("change_type", String(16), nullable=False),
    Column("operator", String(128)),
    Column("reason", String(500)),
    Column("create_time", UtcDateTime, nullable=False, server_default=CreateStamp()),
    # Since migration 0010; what a caller gave to make its request repeatable.
    Column("request_key", key_text(128)),
    Column("request_sha", String(64)),
    UniqueConstraint(
        "application_name",
        "namespace",
        "tenant_id",
        "config_type",
        "chain_name",
        "version",
        # By the naming convention it would be longer than MySQL allows.
        name="uq_config_version_row",
    ),
    Index("idx_version_request", "application_name", "tenant_id", "request_key"),
)

rule_revision: Final = Table(
    "rule_revision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)

rule_change: Final = Table(
    "rule_change",
    metadata,
    Column("kind", key_text(16), primary_key=True),
    Column("application_name", key_text(100), primary_key=True),
    Column("namespace", key_text(100), primary_key=True),
    Column("tenant_id", key_text(64), primary_key=True),
    Column("name", key_text(128), primary_key=True),
    # That of `rule_revision` by which the row, or its end, is to be seen.
    Column("revision", BigInteger, nullable=False),
    Index("idx_change_revision", "application_name", "revision"),
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
