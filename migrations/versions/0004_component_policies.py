"""Policies of components that people edit, and `undo_policy` per chain.

Types are spelled out here, not imported: this file must keep meaning what it meant.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME, LONGTEXT

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None

_MYSQL: Final = ("mysql", "mariadb")
_TIME: Final = sa.DateTime().with_variant(DATETIME(fsp=6), *_MYSQL)
_LONG: Final = sa.Text().with_variant(LONGTEXT(), *_MYSQL)

_CHAINS: Final = "flow_chain"
_METADATA: Final = "saga_component_metadata"


def _columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("compensate_when", sa.String(16), nullable=False, server_default="unknown"),
        sa.Column("compensation_source", sa.String(16)),
        sa.Column("failure_rounds", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("failure_afterwards", sa.String(32), nullable=False, server_default="COMPENSATE"),
        sa.Column(
            "failure_deadline_seconds",
            sa.Double,
            nullable=False,
            server_default=sa.text("86400"),
        ),
        sa.Column("failure_default", sa.String(32), nullable=False, server_default="compensate"),
        sa.Column("edited_fields", _LONG),
        sa.Column("edited_by", sa.String(128)),
        sa.Column("edited_at", _TIME),
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("gone_since", _TIME),
    )


def upgrade() -> None:
    """Add the columns; what processes of before write gets their defaults."""
    op.add_column(_CHAINS, sa.Column("undo_policy", sa.String(16)))
    for column in _columns():
        op.add_column(_METADATA, column)


def downgrade() -> None:
    """Drop them with what is in them. Who edited what is lost; a process of before reads none."""
    for column in reversed(_columns()):
        op.drop_column(_METADATA, column.name)
    op.drop_column(_CHAINS, "undo_policy")
