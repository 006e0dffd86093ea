"""Script components, the versions of chains and components, and an index of the latest edits.

Types are spelled out here, not imported: this file must keep meaning what it meant.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME, LONGTEXT, VARCHAR

from migrations import adoption

revision: Final = "0008"
down_revision: Final = "0007"
branch_labels: Final = None
depends_on: Final = None

_MYSQL: Final = ("mysql", "mariadb")
_TIME: Final = sa.DateTime().with_variant(DATETIME(fsp=6), *_MYSQL)
_LONG: Final = sa.Text().with_variant(LONGTEXT(), *_MYSQL)
_ID: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_COMPONENTS: Final = "rule_component"
_COMPONENT_KEY: Final = ("application_name", "tenant_id", "component_id")
_COMPONENT_UNIQUE: Final = "uq_rule_component_application_name_tenant_id_component_id"
_COMPONENT_INDEXES: Final = {
    "idx_component_app_tenant": ("application_name", "tenant_id", "status"),
    "idx_script_enable": ("script_enable",),
    "idx_component_update_time": ("application_name", "update_time"),
}
_VERSIONS: Final = "config_version"


def _key(length: int) -> sa.types.TypeEngine[str]:
    binary = VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(binary, *_MYSQL)


def upgrade() -> None:
    """Create the tables, or take over the platform's."""
    op.create_index("idx_chain_update_time", "flow_chain", ["application_name", "update_time"])
    _create_components()
    _create_versions()


def downgrade() -> None:
    """Drop the tables and all that is in them, but for what was the platform's."""
    # First: it fails where rows of now do not fit, and can then be repeated.
    if not adoption.release(_COMPONENTS):
        op.drop_table(_COMPONENTS)
    op.drop_table(_VERSIONS)
    adoption.bring_back(_VERSIONS)
    op.drop_index("idx_chain_update_time", "flow_chain")


def _stamps() -> list[sa.Column[object]]:
    mysql = op.get_context().dialect.name in _MYSQL
    now = "CURRENT_TIMESTAMP(6)" if mysql else "CURRENT_TIMESTAMP"
    kept = f"{now} ON UPDATE {now}" if mysql else now
    return [
        sa.Column("create_time", _TIME, nullable=False, server_default=sa.text(now)),
        sa.Column("update_time", _TIME, nullable=False, server_default=sa.text(kept)),
    ]


def _component_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("id", _ID, autoincrement=True),
        sa.Column("tenant_id", _key(64), nullable=False),
        sa.Column("application_name", _key(100), nullable=False, server_default="dms-liteflow"),
        sa.Column("component_id", _key(128), nullable=False),
        sa.Column("component_name", sa.String(200)),
        sa.Column("component_code", _LONG, nullable=False),
        sa.Column("component_type", sa.String(32), nullable=False, server_default="script"),
        sa.Column("language", sa.String(50), nullable=False, server_default="java"),
        sa.Column("status", sa.String(32), nullable=False, server_default="DRAFT"),
        sa.Column("script_enable", sa.Boolean, nullable=False, server_default=sa.text("1")),
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
        *_stamps(),
    ]


def _create_components() -> None:
    if adoption.exists(_COMPONENTS):
        _adopt_components()
        return
    op.create_table(
        _COMPONENTS,
        *_component_columns(),
        sa.PrimaryKeyConstraint("id", name="pk_rule_component"),
        sa.UniqueConstraint(*_COMPONENT_KEY, name=_COMPONENT_UNIQUE),
    )
    for name, columns in _COMPONENT_INDEXES.items():
        op.create_index(name, _COMPONENTS, list(columns))


def _adopt_components() -> None:
    """The platform's table, from before it knew applications and languages."""
    place = {"application_name": "'dms-liteflow'", "tenant_id": "'1'"}
    adoption.check_key(_COMPONENTS, _COMPONENT_KEY, place)
    now = "CURRENT_TIMESTAMP(6)" if op.get_context().dialect.name in _MYSQL else "CURRENT_TIMESTAMP"
    fills = {
        **place,
        "component_code": "''",
        "component_type": "'script'",
        "language": "'java'",
        "status": "'DRAFT'",
        "script_enable": "CASE WHEN status = 'PUBLISHED' THEN 1 ELSE 0 END",
        "version": "1",
        "create_time": now,
        "update_time": now,
    }
    adoption.adopt(_COMPONENTS, _component_columns(), fills)
    adoption.add_indexes(_COMPONENTS, {_COMPONENT_UNIQUE: _COMPONENT_KEY}, _COMPONENT_INDEXES)


def _create_versions() -> None:
    """Nobody knows what the platform's own table of that name holds: it is kept beside ours."""
    adoption.set_aside(_VERSIONS)
    created, _ = _stamps()
    op.create_table(
        _VERSIONS,
        sa.Column("id", _ID, autoincrement=True),
        sa.Column("application_name", _key(100), nullable=False),
        sa.Column("namespace", _key(100), nullable=False, server_default=""),
        sa.Column("tenant_id", _key(64), nullable=False),
        sa.Column("config_type", sa.String(16), nullable=False, server_default="CHAIN"),
        sa.Column("chain_name", _key(128), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("content", _LONG, nullable=False),
        sa.Column("content_sha", sa.String(64), nullable=False),
        sa.Column("change_type", sa.String(16), nullable=False),
        sa.Column("operator", sa.String(128)),
        sa.Column("reason", sa.String(500)),
        created,
        sa.PrimaryKeyConstraint("id", name="pk_config_version"),
        sa.UniqueConstraint(
            "application_name",
            "namespace",
            "tenant_id",
            "config_type",
            "chain_name",
            "version",
            name="uq_config_version_row",
        ),
    )
