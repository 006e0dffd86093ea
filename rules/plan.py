"""The plan: a compiled chain as frozen JSON data, and the policies of its components.

For the compiler that makes it, the interpreter that walks it, and Temporal's history that keeps
it. It holds no callables, no rows and no clock; `PLAN_FORMAT` changes when old plans would be
read differently.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

from rules.models import BaseModel, ConfigDict, Field

PLAN_FORMAT: Final = 1

Kind = Literal["common", "boolean", "switch", "for", "iterator"]


class FailureStrategy(StrEnum):
    """What a step does first when its attempts are used up (design section 5)."""

    COMPENSATE = "COMPENSATE"
    RETRY = "RETRY"
    MANUAL = "MANUAL"
    IGNORE = "IGNORE"


def absent(value: object) -> bool:
    """Whether a field that came later is left out when its model is written."""
    return value is None


def negative(value: object) -> bool:
    """The same for one that is False unless somebody says more."""
    return value is False


class Frozen(BaseModel):
    """Immutable data that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NodeRetry(Frozen):
    """EL `.retry(n, types)`: `times` extra attempts, for failures of these types (all if none)."""

    times: int = Field(ge=0)
    types: tuple[str, ...] = ()


class StepNode(Frozen):
    """One occurrence of a component.

    `retry` multiplies the attempts of the component's own policy. `bind` is what `.bind` gives,
    from the node itself and from everything around it.
    """

    op: Literal["step"] = "step"
    component: str
    tag: str | None = None
    data: str | None = None
    retry: NodeRetry | None = None
    bind: dict[str, str] | None = None


class ThenNode(Frozen):
    """Children one after the other (EL `THEN`, `SER`), those of `PRE` first.

    `last` are the blocks of `FINALLY`, which run in any case; their paths count on after `items`.
    """

    op: Literal["then"] = "then"
    items: tuple["PlanNode", ...]
    id: str | None = None
    tag: str | None = None
    last: tuple["PlanNode", ...] | None = None


class WhenNode(Frozen):
    """Children side by side (EL `WHEN`, `PAR`); all are awaited unless it says otherwise.

    At most one of `any`, `must` (indexes of items) and `percentage` (0 to 1) is set. `max_wait` is
    milliseconds for each branch; `names` are the branches' ids for its messages. `wraps` is a
    `.maxWait…` on something else than a WHEN, which is the only branch.
    """

    op: Literal["when"] = "when"
    items: tuple["PlanNode", ...]
    id: str | None = None
    tag: str | None = None
    any: bool | None = None
    must: tuple[int, ...] | None = None
    percentage: float | None = None
    ignore_error: bool | None = None
    max_wait: int | None = None
    names: tuple[str, ...] | None = None
    wraps: bool | None = None


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


class CatchNode(Frozen):
    """What fails in `body` is absorbed; then `handler` runs (EL `CATCH`, `DO`)."""

    op: Literal["catch"] = "catch"
    body: "PlanNode"
    handler: "PlanNode | None" = None
    id: str | None = None
    tag: str | None = None


class RetryNode(Frozen):
    """A block that runs again when it fails (EL `.retry`); each pass has paths of its own."""

    op: Literal["retry"] = "retry"
    body: "PlanNode"
    times: int = Field(ge=0)
    types: tuple[str, ...] = ()


class Target(Frozen):
    """One target of a SWITCH, with the id and the tag by which its head can choose it."""

    node: "PlanNode"
    id: str | None = None
    tag: str | None = None


class SwitchNode(Frozen):
    """A head that names one of the targets (EL `SWITCH`, `TO`, `DEFAULT`)."""

    op: Literal["switch"] = "switch"
    head: "PlanNode"
    targets: tuple[Target, ...] = ()
    default: "PlanNode | None" = None
    id: str | None = None
    tag: str | None = None


class LoopNode(Frozen):
    """A body that runs once per pass (EL `FOR`, `WHILE`, `ITERATOR`; `DO`, `BREAK`, `parallel`).

    `head` counts (`for`), is asked before each pass (`while`) or gives the objects (`iterator`);
    a literal stands for itself.
    """

    op: Literal["for", "while", "iterator"]
    head: "PlanNode | bool | int"
    body: "PlanNode"
    until: "PlanNode | None" = None
    parallel: bool | None = None
    id: str | None = None
    tag: str | None = None


class LogicNode(Frozen):
    """Boolean heads combined (EL `AND`, `OR`, `NOT`), asked from left to right as far as needed."""

    op: Literal["and", "or", "not"]
    items: tuple["PlanNode", ...]
    id: str | None = None
    tag: str | None = None


PlanNode = Annotated[
    StepNode
    | ThenNode
    | WhenNode
    | IfNode
    | ChainNode
    | CatchNode
    | RetryNode
    | SwitchNode
    | LoopNode
    | LogicNode,
    Field(discriminator="op"),
]


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


class Script(Frozen):
    """The text of a script component, which a saga keeps as it was at its start.

    `sha` is SHA-256 in hex over language and text. `jvm` says that it runs on the JVM worker.
    `problem` is why it cannot be used; no plan has such a script.
    """

    language: str
    text: str
    sha: str
    jvm: bool = Field(default=False, exclude_if=negative)
    problem: str | None = Field(default=None, exclude_if=absent)


class ComponentPolicy(Frozen):
    """A component as a saga sees it, frozen into the plan (seconds throughout).

    `compensate` is the id of the component that undoes this one. `retry` None means the default
    of its role: one attempt forward, `UNDO_RETRY` as a compensation. `fallback` says that it stands
    in for an unknown component of its kind. `runs_chains`: its steps may run chains, and wait.
    `script` is what it runs if it is a script.
    """

    id: str
    kind: Kind = "common"
    name: str | None = None
    needs: Needs = Needs()
    compensate: str | None = None
    compensate_when: Literal["unknown", "always"] = "unknown"
    read_only: bool = False
    irreversible: bool = False
    fallback: bool = False
    retry: RetryPolicy | None = None
    on_failure: FailurePolicy = FailurePolicy()
    lost_attempts: int = Field(default=3, ge=0)
    timeout: float = Field(default=60.0, gt=0)
    heartbeat: float = Field(default=15.0, gt=0)
    runs_chains: bool = Field(default=False, exclude_if=negative)
    script: Script | None = Field(default=None, exclude_if=absent)

    @property
    def problem(self) -> str | None:
        """Why no chain may use it, if that is so."""
        return None if self.script is None else self.script.problem


class Plan(Frozen):
    """A chain with its sub-chains inlined and the policies of every component it can call."""

    format: int = PLAN_FORMAT
    chain: str
    version: int
    sha: str
    root: PlanNode
    components: dict[str, ComponentPolicy]
    nodes: int


for _model in (
    ThenNode,
    WhenNode,
    IfNode,
    ChainNode,
    CatchNode,
    RetryNode,
    Target,
    SwitchNode,
    LoopNode,
    LogicNode,
    Plan,
):
    _model.model_rebuild()
