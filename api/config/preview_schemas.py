"""What the preview of a change takes and gives.

For its router.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.config.chain_schemas import Description
from api.config.difference import ChainDiff
from api.config.schemas import LARGEST, Diagnosed, Name, Text, examples
from rules.execution import Status


class ChainPreview(BaseModel):
    """A change that is looked at and not made. What is left out is as in the draft, or live."""

    model_config = examples({"el": "THEN(createOrder, deductStock, pay);", "recent": 20})

    el: Text = Field("", description="the chain's text", validate_default=False)
    description: Description | None = None
    extends: Name | None = None
    route: Text | None = None
    version: int | None = Field(
        None, ge=1, le=LARGEST, description="begin with this version, as a rollback would"
    )
    recent: int = Field(
        20, ge=0, le=100, description="how many of the newest sagas of the chain are run again"
    )


class ReplayedSaga(BaseModel):
    """A saga that has ended, run again in memory with what its steps have answered.

    `same`: the same steps in the same order. `changed`: others. `new_failure`: it completed, and
    would not any more. `unknown`: it cannot be told, since `why`.
    """

    execution_id: str
    rule_version: int
    started_at: datetime
    status: Status
    outcome: Literal["same", "changed", "new_failure", "unknown"]
    before: list[str] = Field(description="its steps")
    after: list[str] = Field(description="those it would have with the change")
    assumed: list[str] = Field(description="steps that it never had, taken for successful")
    why: str | None = None


class Replay(BaseModel):
    """The newest sagas of the chain, run again."""

    same: int
    changed: int
    new_failures: int
    unknown: int
    left_out: int = Field(description="that still run, were cancelled, or ended from outside")
    sagas: list[ReplayedSaga]


class PreviewAnswer(BaseModel):
    """What a change would do; nothing was written."""

    sound: bool
    diagnostics: list[Diagnosed]
    broken: dict[str, list[Diagnosed]] = Field(description="chains that would not compile any more")
    diff: ChainDiff | None = Field(description="from what is live; null for a new chain")
    replay: Replay | None = Field(
        description="null where it does not compile, or recent sagas cannot be read"
    )
