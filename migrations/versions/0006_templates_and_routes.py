"""What a chain extends, and the route by which it is chosen.

Types are spelled out here, not imported: this file must keep meaning what it meant.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import LONGTEXT, VARCHAR

from migrations import adoption

revision: Final = "0006"
down_revision: Final = "0005"
branch_labels: Final = None
depends_on: Final = None

_MYSQL: Final = ("mysql", "mariadb")
_LONG: Final = sa.Text().with_variant(LONGTEXT(), *_MYSQL)
_NAME: Final = sa.String(128).with_variant(
    VARCHAR(128, charset="utf8mb4", collation="utf8mb4_bin"), *_MYSQL
)

_CHAINS: Final = "flow_chain"


def upgrade() -> None:
    """Add the columns; chains of before extend nothing and have no route."""
    adoption.add_column(_CHAINS, sa.Column("route", _LONG))
    adoption.add_column(_CHAINS, sa.Column("extends_chain", _NAME))


def downgrade() -> None:
    """Drop them with what is in them.

    A process of before would take a chain that extends another one for its bare definitions, which
    do not compile; so it is quarantined there, and runs nothing wrong.
    """
    adoption.drop_column(_CHAINS, "extends_chain")
    adoption.drop_column(_CHAINS, "route")
