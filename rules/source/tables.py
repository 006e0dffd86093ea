"""The table of chains.

For the repository and the migrations. Column names are those of the platform's own table.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
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
    UniqueConstraint("application_name", "namespace", "tenant_id", "chain_name"),
    Index("idx_app_tenant", "application_name", "tenant_id", "status"),
    Index("idx_chain_enable", "chain_enable"),
)
