"""What the configuration API takes and gives of script components.

For its router and views.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.config.schemas import (
    LARGEST,
    Change,
    Name,
    Outcome,
    Standing,
    StateCounts,
    Text,
    VersionView,
    examples,
)

COLUMNS: Final = {
    "code": "component_code",
    "title": "component_name",
    "type": "component_type",
    "language": "language",
}

Type = Literal["script", "boolean_script", "switch_script", "for_script", "iterator_script"]
Language = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=50)
]
Title = Annotated[str, StringConstraints(max_length=200)]


class ScriptCreate(Change):
    """A new script component; a draft unless it is published at once."""

    model_config = examples(
        {
            "name": "isLarge",
            "type": "boolean_script",
            "language": "cel",
            "code": "request.price > 1000",
            "publish": True,
        }
    )

    name: Name
    code: Text
    title: Title | None = None
    type: Type = "script"
    language: Language
    enabled: bool = True
    publish: bool = False
    force: bool = Field(False, description="also if chains would not compile any more")


class ScriptUpdate(Change):
    """A changed script. Fields that are left out stay as they are."""

    model_config = examples({"version": 1, "code": "request.price > 2000", "publish": True})

    version: int | None = Field(
        None,
        ge=0,
        le=LARGEST,
        description="the version that you have read; an If-Match with its ETag will do",
    )
    code: Text = Field("", description="the script's text", validate_default=False)
    title: Title | None = None
    type: Type = "script"
    language: Language = Field("java", validate_default=False)
    publish: bool = False
    force: bool = Field(False, description="also if chains would not compile any more")


class ScriptDraft(BaseModel):
    """A change of a published script that is not live yet."""

    version: int
    code: str
    title: str | None
    type: str
    language: str
    changed_by: str | None
    changed_at: datetime
    reason: str | None


class ScriptItem(Standing):
    """A script in a list."""

    title: str | None
    type: str
    language: str
    shared: bool = Field(description="of tenant 0: everybody's who has none of that name")


class ScriptPage(BaseModel):
    """Scripts by name: the tenant's own, and those that all tenants share."""

    items: list[ScriptItem]
    counts: StateCounts
    next_cursor: str | None


class ScriptView(ScriptItem):
    """A script: what is live, or a draft by itself; and the draft beside what is live."""

    code: str
    draft: ScriptDraft | None


class ScriptWritten(Outcome, ScriptView):
    """A script after a request to change it."""


class ScriptVersion(VersionView):
    """A version of a script, whole."""

    name: str
    status: str
    enabled: bool
    code: str
    title: str | None
    type: str
    language: str
