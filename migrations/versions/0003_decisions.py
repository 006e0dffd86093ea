"""Who an execution waits for, and what was decided about it.

Types are spelled out here, not imported: this file must keep meaning what it meant.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None

_COLUMNS: Final = ("waiting", "decisions")
_LONG: Final = sa.Text().with_variant(LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Add the columns; processes of before leave them NULL."""
    for name in _COLUMNS:
        op.add_column("saga_execution", sa.Column(name, _LONG))


def downgrade() -> None:
    """Drop them with what is in them; the workflows still know it."""
    for name in _COLUMNS:
        op.drop_column("saga_execution", name)
