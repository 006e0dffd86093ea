"""What the API takes and gives about components, as pydantic models with examples for OpenAPI.

For `api.components` and its router. The words of a policy come from `rules.plan`.
"""

import json
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from rules.plan import FailurePolicy, Kind, RetryPolicy
from rules.source.edits import EDITABLE, PolicyEdit
from rules.source.metadata import CompensationSource

Operator = Annotated[str, StringConstraints(min_length=1, max_length=128)]

OF_THE_CODE: Final = frozenset(
    {"kind", "name", "read_only", "irreversible", "idempotent", "heartbeat", "lost_attempts"}
)


class MetadataEdit(BaseModel):
    """All that a tenant changes of a component's policy; what is left out is as the default says.

    Durations in seconds. The same again changes nothing.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "version": 0,
                    "operator": "ann",
                    "timeout": 20,
                    "retry": {"attempts": 3, "interval": 2},
                    "on_failure": {"strategy": "MANUAL", "deadline": 3600},
                }
            ]
        },
    )

    version: int = Field(ge=0, description="the version that you have read; 0 where there is none")
    operator: Operator = Field("api", description="who changes it")
    compensate: str | None = Field(
        None, description="id of the component that undoes it; null for none, unlike leaving it out"
    )
    compensate_when: Literal["unknown", "always"] | None = Field(
        None, description="`always`: undo it when it was refused, too"
    )
    retry: RetryPolicy | None = Field(None, description="answers until the step counts as failed")
    timeout: float | None = Field(None, gt=0, description="seconds for one attempt")
    on_failure: FailurePolicy | None = Field(None, description="the strategy with what it needs")

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, data: Any) -> Any:  # noqa: ANN401 - whatever a caller sends
        if isinstance(data, dict):
            if fixed := sorted(OF_THE_CODE & data.keys()):
                raise ValueError(
                    f"'{fixed[0]}' is what the component's code declares; change it there. "
                    f"Here can be changed: {', '.join(EDITABLE)}"
                )
            try:
                json.dumps(data, allow_nan=False)
            except ValueError as error:
                raise ValueError(f"this cannot be kept as JSON: {error}") from error
        return data

    @property
    def edit(self) -> PolicyEdit:
        """The changes alone."""
        return PolicyEdit.model_validate(
            {
                name: value
                for name, value in self
                if name in EDITABLE and name in self.model_fields_set
            }
        )


class Metadata(BaseModel):
    """A component as the next saga of the tenant will have it.

    `sources` says of each field where its value comes from: the `code` (also what is inferred), the
    `default` edit that holds for all tenants, or the `tenant`. `changes`, `version`, `edited_by`
    and `edited_at` are about the tenant's own edit.
    """

    component: str
    tenant: str
    kind: Kind
    name: str | None
    read_only: bool
    irreversible: bool
    compensate: str | None
    compensation_source: CompensationSource | None = Field(
        description="`inferred`: found by its name; null where there is none and none was edited"
    )
    compensate_when: Literal["unknown", "always"]
    retry: RetryPolicy | None = Field(
        description="null: one attempt forward, five where it undoes another"
    )
    timeout: float
    on_failure: FailurePolicy
    heartbeat: float
    lost_attempts: int
    sources: dict[str, Literal["code", "default", "tenant"]]
    problem: str | None = Field(description="why sagas with it are refused, if they are")
    changes: dict[str, Any] = Field(description="what this tenant changed, fit to be sent again")
    version: int
    edited_by: str | None
    edited_at: datetime | None
    gone_since: datetime | None = Field(description="since when no worker that started knew it")


class ComponentList(BaseModel):
    """Every component, by id; `gone` are those that the table remembers and nobody knows."""

    items: list[Metadata]
    gone: dict[str, datetime | None]
