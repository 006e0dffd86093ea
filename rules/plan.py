"""The plan: a compiled chain as frozen JSON data, and the policies of its components.

For the compiler that makes it, the interpreter that walks it, and Temporal's history that keeps
it. It holds no callables, no rows and no clock; `PLAN_FORMAT` changes when old plans would be
read differently.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

PLAN_FORMAT: Final = 1

Kind = Literal["common", "boolean"]


class FailureStrategy(StrEnum):
    """What a step does first when its attempts are used up (design section 5)."""

    COMPENSATE = "COMPENSATE"
    RETRY = "RETRY"
    MANUAL = "MANUAL"
    IGNORE = "IGNORE"


class Frozen(BaseModel):
    """Immutable data that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StepNode(Frozen):
    """One occurrence of a component."""

    op: Literal["step"] = "step"
    component: str
    tag: str | None = None
    data: str | None = None


class ThenNode(Frozen):
    """Children one after the other (EL `THEN`, `SER`)."""

    op: Literal["then"] = "then"
    items: tuple["PlanNode", ...]
    id: str | None = None
    tag: str | None = None


class WhenNode(Frozen):
    """Children side by side, all awaited (EL `WHEN`, `PAR`)."""

    op: Literal["when"] = "when"
    items: tuple["PlanNode", ...]
    id: str | None = None
    tag: str | None = None


class IfNode(Frozen):
    """A boolean head and up to two branches (EL `IF`, `ELIF`, `ELSE`)."""

    op: Literal["if"] = "if"
    test: "PlanNode"
    then: "PlanNode"
    otherwise: "PlanNode | None" = None
    id: str | None = None
    tag: str | None = None


class ChainNode(Frozen):
    """A referenced chain, inlined at compile time."""

    op: Literal["chain"] = "chain"
    chain: str
    body: "PlanNode"
    tag: str | None = None


PlanNode = Annotated[StepNode | ThenNode | WhenNode | IfNode | ChainNode, Field(discriminator="op")]


class OutputNeed(Frozen):
    """A step wants the output of an earlier one, by component id (or tag); see design section 4."""

    name: str
    tag: str | None = None
    optional: bool = False


class Needs(Frozen):
    """What a component's function declares; only this travels to its activity.

    `inputs` names each parameter's source (`request`, `output:KEY`, `context:KEY`), from which the
    input is kept for a compensation that declares it.
    """

    request: bool = False
    outputs: tuple[OutputNeed, ...] = ()
    context_keys: tuple[str, ...] = ()
    whole_context: bool = False
    inputs: dict[str, str] = {}
    undo_output: bool = False
    undo_input: bool = False


class RetryPolicy(Frozen):
    """Answers a step may give before it counts as failed; intervals in seconds."""

    attempts: int = Field(default=1, ge=1)
    interval: float = Field(default=1.0, gt=0)
    backoff: float = Field(default=2.0, ge=1)
    max_interval: float = Field(default=60.0, gt=0)


class FailurePolicy(Frozen):
    """The strategy with what it needs; seconds.

    RETRY runs `rounds` further rounds of the retry policy and then does `afterwards`. MANUAL waits
    for a person, for `deadline` at most, and then does `default`.
    """

    strategy: FailureStrategy = FailureStrategy.COMPENSATE
    rounds: int = Field(default=1, ge=1)
    afterwards: Literal["COMPENSATE", "MANUAL"] = "COMPENSATE"
    deadline: float = Field(default=86_400.0, gt=0)
    default: Literal["compensate", "skip"] = "compensate"


class PolicyOverride(Frozen):
    """What one request changes of a component's policy; what is None stays."""

    retry: RetryPolicy | None = None
    timeout: float | None = Field(default=None, gt=0)
    on_failure: FailurePolicy | None = None


UNDO_RETRY: Final = RetryPolicy(attempts=5, interval=1.0, backoff=2.0, max_interval=60.0)


class ComponentPolicy(Frozen):
    """A component as a saga sees it, frozen into the plan (seconds throughout).

    `compensate` is the id of the component that undoes this one. `retry` None means the default
    of its role: one attempt forward, `UNDO_RETRY` as a compensation.
    """

    id: str
    kind: Kind = "common"
    name: str | None = None
    needs: Needs = Needs()
    compensate: str | None = None
    compensate_when: Literal["unknown", "always"] = "unknown"
    read_only: bool = False
    irreversible: bool = False
    retry: RetryPolicy | None = None
    on_failure: FailurePolicy = FailurePolicy()
    lost_attempts: int = Field(default=3, ge=0)
    timeout: float = Field(default=60.0, gt=0)
    heartbeat: float = Field(default=15.0, gt=0)


class Plan(Frozen):
    """A chain with its sub-chains inlined and the policies of every component it can call."""

    format: int = PLAN_FORMAT
    chain: str
    version: int
    sha: str
    root: PlanNode
    components: dict[str, ComponentPolicy]
    nodes: int


for _model in (ThenNode, WhenNode, IfNode, ChainNode, Plan):
    _model.model_rebuild()
