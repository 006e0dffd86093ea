"""What the configuration API takes and gives of chains.

For its router and views.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.config.schemas import (
    LARGEST,
    Change,
    Diagnosed,
    Name,
    Outcome,
    Standing,
    StateCounts,
    Text,
    VersionView,
    examples,
)

COLUMNS: Final = {
    "el": "chain_code",
    "description": "chain_desc",
    "extends": "extends_chain",
    "route": "route",
    "transactional": "transactional",
    "undo_policy": "undo_policy",
}

Namespace = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Description = Annotated[str, StringConstraints(max_length=500)]


class ChainCreate(Change):
    """A new chain; a draft unless it is published at once."""

    model_config = examples(
        {
            "name": "giftOrder",
            "el": "THEN(createOrder, pay, notify);",
            "publish": True,
            "operator": "ann",
            "reason": "gifts need no stock",
        }
    )

    name: Name
    namespace: Namespace | None = Field(
        None, description="without it the one that this deployment serves first"
    )
    el: Text = Field(description="the chain's text")
    description: Description | None = None
    extends: Name | None = Field(None, description="the template whose placeholders `el` defines")
    route: Text | None = Field(None, description="the condition by which requests choose the chain")
    transactional: bool = Field(True, description="whether failures are undone")
    undo_policy: Literal["stop", "continue"] | None = None
    enabled: bool = True
    publish: bool = Field(False, description="serve it at once")
    force: bool = Field(False, description="also if other chains would not compile any more")


class ChainUpdate(Change):
    """A changed chain. Fields that are left out stay as they are; null empties one."""

    model_config = examples(
        {
            "version": 1,
            "el": "THEN(createOrder, pay, WHEN(notify, thank));",
            "publish": False,
            "operator": "ann",
        }
    )

    version: int | None = Field(
        None,
        ge=0,
        le=LARGEST,
        description="the version that you have read; an If-Match with its ETag will do",
    )
    el: Text = Field("", description="the chain's text", validate_default=False)
    description: Description | None = None
    extends: Name | None = None
    route: Text | None = None
    transactional: bool = True
    undo_policy: Literal["stop", "continue"] | None = None
    publish: bool = Field(
        False, description="serve it at once; without, what is live stays live, and this is a draft"
    )
    force: bool = Field(False, description="also if other chains would not compile any more")


class ChainDraft(BaseModel):
    """A change of a published chain that is not live yet."""

    version: int
    el: str
    description: str | None
    extends: str | None
    route: str | None
    transactional: bool
    undo_policy: str | None
    changed_by: str | None
    changed_at: datetime
    reason: str | None


class ChainItem(Standing):
    """A chain in a list."""

    namespace: str
    description: str | None


class ChainPage(BaseModel):
    """Chains by name."""

    items: list[ChainItem]
    counts: StateCounts
    next_cursor: str | None


class ChainView(ChainItem):
    """A chain: what is live, or a draft by itself; and the draft beside what is live."""

    el: str
    extends: str | None
    route: str | None
    transactional: bool
    undo_policy: str | None
    draft: ChainDraft | None
    serving_version: int | None = Field(description="what the next saga here gets; null for none")
    held_back: list[Diagnosed] = Field(
        description="why the newest version does not serve here, if it was published and is bad"
    )


class ChainWritten(Outcome, ChainView):
    """A chain after a request to change it."""


class ChainVersion(VersionView):
    """A version of a chain, whole."""

    name: str
    namespace: str
    status: str
    enabled: bool
    el: str
    description: str | None
    extends: str | None
    route: str | None
    transactional: bool
    undo_policy: str | None
