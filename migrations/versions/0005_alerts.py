"""What was said aloud about executions, and an index for jobs that look at all tenants.

Types are spelled out here, not imported: this file must keep meaning what it meant.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME, LONGTEXT, VARCHAR

revision: Final = "0005"
down_revision: Final = "0004"
branch_labels: Final = None
depends_on: Final = None

_MYSQL: Final = ("mysql", "mariadb")
_TIME: Final = sa.DateTime().with_variant(DATETIME(fsp=6), *_MYSQL)
_LONG: Final = sa.Text().with_variant(LONGTEXT(), *_MYSQL)
_BY_STATUS: Final = "ix_saga_execution_status_ended_at"


def _key(length: int) -> sa.types.TypeEngine[str]:
    binary = VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(binary, *_MYSQL)


def upgrade() -> None:
    """Create the table and the index."""
    op.create_table(
        "saga_alert",
        sa.Column("alert_id", _key(64), nullable=False),
        sa.Column("tenant_id", _key(64), nullable=False),
        sa.Column("execution_id", _key(128), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("alert", _LONG, nullable=False),
        sa.Column("raised_at", _TIME, nullable=False),
        sa.Column("sent_at", _TIME),
        sa.PrimaryKeyConstraint("alert_id", name="pk_saga_alert"),
    )
    op.create_index(
        "ix_saga_alert_tenant_id_execution_id", "saga_alert", ["tenant_id", "execution_id"]
    )
    op.create_index("ix_saga_alert_sent_at_raised_at", "saga_alert", ["sent_at", "raised_at"])
    op.create_index(_BY_STATUS, "saga_execution", ["status", "ended_at"])


def downgrade() -> None:
    """Drop them; what is wrong still would be said once more after the next upgrade."""
    op.drop_index(_BY_STATUS, "saga_execution")
    op.drop_table("saga_alert")
