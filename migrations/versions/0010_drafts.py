"""Where the draft of a chain or component is that serves, and the keys of repeated requests.

A draft itself is a version like any other, in `config_version`.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import VARCHAR

revision: Final = "0010"
down_revision: Final = "0009"
branch_labels: Final = None
depends_on: Final = None

_INDEX: Final = "idx_version_request"
_DRAFTED: Final = ("flow_chain", "rule_component")


def upgrade() -> None:
    """Add the columns; what is there has no draft."""
    for table in _DRAFTED:
        op.add_column(table, sa.Column("draft_version", sa.Integer))
    key = sa.String(128).with_variant(
        VARCHAR(128, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )
    op.add_column("config_version", sa.Column("request_key", key))
    op.add_column("config_version", sa.Column("request_sha", sa.String(64)))
    op.create_index(_INDEX, "config_version", ["application_name", "tenant_id", "request_key"])


def downgrade() -> None:
    """Drop the columns; drafts stay among the versions."""
    op.drop_index(_INDEX, "config_version")
    op.drop_column("config_version", "request_sha")
    op.drop_column("config_version", "request_key")
    for table in reversed(_DRAFTED):
        op.drop_column(table, "draft_version")
