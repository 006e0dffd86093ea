"""What the configuration API takes and gives of chains and components alike.

For its routers. What is of chains alone stands in `api.config.chain_schemas`, of components in
`api.config.script_schemas`.
"""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.component_schemas import Operator

LARGEST: Final = 2_147_483_647
"""The largest number of a version."""
NAME_PATTERN: Final = r"^[\w$.-]+$"

Name = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=NAME_PATTERN)]
Reason = Annotated[str, StringConstraints(max_length=500)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]


class Change(BaseModel):
    """Who changes something, and why; kept with the version."""

    model_config = ConfigDict(extra="forbid")

    operator: Operator | None = Field(
        None, description="who; without it the header X-Operator, and then `api`"
    )
    reason: Reason | None = Field(None, description="why, for those who read the versions")


class Move(Change):
    """A change of what is live, or of nothing but a switch."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"version": 3, "operator": "ann", "reason": "reviewed"}]},
    )

    version: int | None = Field(
        None,
        ge=0,
        le=LARGEST,
        description="the version that you have read; an If-Match with its ETag will do",
    )
    force: bool = Field(
        False, description="also if other chains would not compile any more; they go on as compiled"
    )


class Rollback(Change):
    """Back to what an earlier version was, as a new version."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"version": 2, "operator": "ann", "reason": "the new one is slow"}]
        },
    )

    version: int = Field(ge=1, le=LARGEST, description="the version to go back to")
    publish: bool | None = Field(
        None,
        description="live, or a draft; without it live if the chain is live now, or was then",
    )
    force: bool = Field(False, description="as in every other change")


class Diagnosed(BaseModel):
    """Something that was found in a text, as `chainsaga check --json` tells it, and drawn."""

    chain: str
    severity: str
    category: str
    message: str
    line: int
    column: int
    start: int
    end: int
    mend: str | None
    drawing: str


class VersionView(BaseModel):
    """A version: what was done, by whom, when and why. `sha` is that of the content."""

    version: int
    change: str
    operator: str | None
    reason: str | None
    at: datetime
    sha: str


class VersionPage(BaseModel):
    """Versions, the newest first."""

    items: list[VersionView]
    next_cursor: str | None


class StateCounts(BaseModel):
    """How many there are, whatever `status`, `enabled` and `draft` ask for."""

    total: int
    published: int
    drafts: int = Field(description="that are not published")
    disabled: int
    changed: int = Field(description="published, with a draft beside it")


class Told(BaseModel):
    """When a change is live on the instances.

    `redis`: all that listen were told, and read at once. `poll`: this one reads at once, others
    when they next look, within `within_seconds`.
    """

    via: str
    within_seconds: float | None = Field(description="null if nobody polls")
    instances: int | None = Field(description="how many were told, this one included")


class Standing(BaseModel):
    """How a chain or component stands, whatever it says.

    `version` is that of the newest change, which the next one must name, and its ETag. The row that
    is published, or a draft by itself, is `row_version`; a draft beside a published row is
    `draft_version`. The last four say what the newest change was.
    """

    name: str
    tenant: str
    status: str
    enabled: bool
    version: int
    row_version: int
    draft_version: int | None
    created_at: datetime
    updated_at: datetime
    change: str = Field(description="`FOUND`: in the database itself, or not by this API")
    changed_by: str | None
    changed_at: datetime
    reason: str | None


class Outcome(BaseModel):
    """What a request to change something has done."""

    changed: bool = Field(description="false where it was so already: there is no new version")
    diagnostics: list[Diagnosed] = Field(description="what the compiler and the lint warn of")
    broken: dict[str, list[Diagnosed]] = Field(
        description="chains that do not compile any more, because of `force`"
    )
    live: Told


class Gone(Outcome):
    """Something that was deleted; its versions are kept."""

    name: str
    version: int


def examples(*of: dict[str, Any]) -> ConfigDict:
    """The configuration of a request that shows these, and refuses fields that it does not know."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": list(of)})
