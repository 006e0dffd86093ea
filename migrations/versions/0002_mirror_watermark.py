"""Up to where the reconcile has compared the mirror with Temporal.

Types are spelled out here, not imported: this file must keep meaning what it meant.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME, VARCHAR

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

_MYSQL: Final = ("mysql", "mariadb")
_TIME: Final = sa.DateTime().with_variant(DATETIME(fsp=6), *_MYSQL)
_NAME: Final = sa.String(64).with_variant(
    VARCHAR(64, charset="utf8mb4", collation="utf8mb4_bin"), *_MYSQL
)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "mirror_watermark",
        sa.Column("name", _NAME, nullable=False),
        sa.Column("position", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_mirror_watermark"),
    )


def downgrade() -> None:
    """Drop it; the next reconcile begins as if it had never run."""
    op.drop_table("mirror_watermark")
