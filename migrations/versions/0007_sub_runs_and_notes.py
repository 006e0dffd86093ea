"""Sub-runs with their callers, what steps note, and the names of components.

Types are spelled out here, not imported: this file must keep meaning what it meant.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT, VARCHAR

revision: Final = "0007"
down_revision: Final = "0006"
branch_labels: Final = None
depends_on: Final = None

_MYSQL: Final = ("mysql", "mariadb")
_LONG: Final = sa.Text().with_variant(LONGTEXT(), *_MYSQL)
_KEY: Final = sa.String(128).with_variant(
    VARCHAR(128, charset="utf8mb4", collation="utf8mb4_bin"), *_MYSQL
)
_BY_PARENT: Final = "ix_saga_execution_tenant_id_parent_id"


def upgrade() -> None:
    """Add the columns, which older workers leave NULL, and the index."""
    op.add_column("saga_execution", sa.Column("parent", _LONG))
    op.add_column("saga_execution", sa.Column("parent_id", _KEY))
    op.create_index(_BY_PARENT, "saga_execution", ["tenant_id", "parent_id"])
    op.add_column("saga_step_execution", sa.Column("name", _KEY))
    op.add_column("saga_step_execution", sa.Column("note", _LONG))
    op.add_column("saga_step_execution", sa.Column("sub_runs", _LONG))


def downgrade() -> None:
    """Drop them; newer workers cannot write until the next upgrade."""
    op.drop_column("saga_step_execution", "sub_runs")
    op.drop_column("saga_step_execution", "note")
    op.drop_column("saga_step_execution", "name")
    op.drop_index(_BY_PARENT, "saga_execution")
    op.drop_column("saga_execution", "parent_id")
    op.drop_column("saga_execution", "parent")
