"""What can be configured: chains, and script components; where each keeps what.

For all of `rules.config`, which treats both alike. Knows tables, runs no SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from sqlalchemy import Column, Table

from rules.source.repository import PUBLISHED
from rules.source.tables import flow_chain, rule_component
from rules.source.versions import Place

DRAFT: Final = "DRAFT"
DELETED: Final = "DELETED"
SHARED: Final = "0"
"""The tenant whose components are everybody's."""

Content: TypeAlias = Mapping[str, object]
"""What a version keeps, by column: what authors write, `status`, and whether it is switched on."""


class Key(NamedTuple):
    """Whose it is and what it is called; components have no namespace."""

    namespace: str
    tenant: str
    name: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the two tables. `defaults` are the columns that authors write, as in a new row."""

    type: Literal["CHAIN", "COMPONENT"]
    word: str
    table: Table
    name: str
    enable: str
    text: str
    description: str
    defaults: Content
    namespaced: bool

    @property
    def name_column(self) -> Column[str]:
        """The column of names."""
        return self.table.c[self.name]

    def written(self, content: Content) -> Content:
        """What authors write of a content, without its state."""
        return {column: content.get(column, usual) for column, usual in self.defaults.items()}

    def place(self, application: str, key: Key) -> Place:
        """Where its versions are kept."""
        return Place(application, self.type, *key)

    def live(self, content: Content) -> bool:
        """Whether it is published; it serves unless it is switched off."""
        return content["status"] == PUBLISHED

    def on(self, content: Content) -> bool:
        """Whether it is switched on."""
        return bool(content[self.enable])


CHAINS: Final = Kind(
    type="CHAIN",
    word="chain",
    table=flow_chain,
    name="chain_name",
    enable="chain_enable",
    text="chain_code",
    description="chain_desc",
    defaults={
        "chain_desc": None,
        "chain_code": "",
        "transactional": True,
        "undo_policy": None,
        "route": None,
        "extends_chain": None,
    },
    namespaced=True,
)
COMPONENTS: Final = Kind(
    type="COMPONENT",
    word="component",
    table=rule_component,
    name="component_id",
    enable="script_enable",
    text="component_code",
    description="component_name",
    defaults={
        "component_name": None,
        "component_code": "",
        "component_type": "script",
        "language": "java",
    },
    namespaced=False,
)
