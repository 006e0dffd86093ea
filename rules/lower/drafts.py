"""Plan nodes in the making, to which modifiers still add.

For the lowering. A draft knows the fields of its node and how to build it, and no operator.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from rules.plan import (
    CatchNode,
    ChainNode,
    ComponentPolicy,
    IfNode,
    LogicNode,
    LoopNode,
    NodeRetry,
    PlanNode,
    RetryNode,
    StepNode,
    SwitchNode,
    Target,
    ThenNode,
    WhenNode,
)


@dataclass(slots=True)
class StepDraft:
    """A component. What follows a `.retry` is said of the block, not of the component."""

    policy: ComponentPolicy
    place: tuple[int, int]
    data: str | None
    bound: Mapping[str, str] | None
    id: str | None = None
    tag: str | None = None
    retry: NodeRetry | None = None

    def build(self) -> StepNode:
        """The finished node."""
        retry = self.retry
        if retry is None and not self.bound:
            return StepNode(component=self.policy.id, tag=self.tag, data=self.data)
        return StepNode(
            component=self.policy.id,
            tag=self.tag,
            data=self.data,
            retry=retry if retry is not None and retry.times else None,
            bind=dict(self.bound) if self.bound else None,
        )


@dataclass(slots=True)
class ChainDraft:
    """An included chain."""

    chain: str
    body: PlanNode
    id: str | None = None
    tag: str | None = None

    def build(self) -> PlanNode:
        """The finished node; an id serves SWITCH and must only, which know it already."""
        return ChainNode(chain=self.chain, body=self.body, tag=self.tag)


@dataclass(slots=True)
class ThenDraft:
    """A THEN, PRE or FINALLY."""

    items: Sequence[PlanNode]
    last: Sequence[PlanNode] = ()
    id: str | None = None
    tag: str | None = None

    def build(self) -> PlanNode:
        """The finished node."""
        items = tuple(self.items)
        if self.last:
            return ThenNode(items=items, id=self.id, tag=self.tag, last=tuple(self.last))
        return ThenNode(items=items, id=self.id, tag=self.tag)


@dataclass(slots=True)
class WhenDraft:
    """A WHEN, or the block of a `.maxWait...` around something else.

    `last` is the FINALLY of what such a block is around, which its time does not limit.
    """

    items: Sequence[PlanNode]
    wraps: bool = False
    id: str | None = None
    tag: str | None = None
    any: bool | None = None
    must: frozenset[str] | None = None
    branches: Sequence[str] = ()
    percentage: float | None = None
    ignore_error: bool | None = None
    max_wait: int | None = None
    names: Sequence[str] = ()
    last: Sequence[PlanNode] = ()

    def build(self) -> PlanNode:
        """The finished node."""
        must = None
        if self.must is not None:
            must = tuple(i for i, name in enumerate(self.branches) if name in self.must)
        when = WhenNode(
            items=tuple(self.items),
            id=None if self.last else self.id,
            tag=None if self.last else self.tag,
            any=self.any,
            must=must,
            percentage=self.percentage,
            ignore_error=self.ignore_error,
            max_wait=self.max_wait,
            names=tuple(self.names) if self.max_wait is not None else None,
            wraps=self.wraps or None,
        )
        if not self.last:
            return when
        return ThenNode(items=(when,), id=self.id, tag=self.tag, last=tuple(self.last))


@dataclass(slots=True)
class IfDraft:
    """An IF with its ELIFs; the arms are nested when it is built."""

    arms: list[tuple[PlanNode, PlanNode]]
    otherwise: PlanNode | None
    id: str | None = None
    tag: str | None = None

    def build(self) -> PlanNode:
        """The finished node."""
        rest = self.otherwise
        for test, then in reversed(self.arms[1:]):
            rest = IfNode(test=test, then=then, otherwise=rest)
        test, then = self.arms[0]
        return IfNode(test=test, then=then, otherwise=rest, id=self.id, tag=self.tag)


@dataclass(slots=True)
class SwitchDraft:
    """A SWITCH."""

    head: PlanNode
    targets: list[Target] = field(default_factory=list)
    default: PlanNode | None = None
    id: str | None = None
    tag: str | None = None

    def build(self) -> PlanNode:
        """The finished node."""
        return SwitchNode(
            head=self.head,
            targets=tuple(self.targets),
            default=self.default,
            id=self.id,
            tag=self.tag,
        )


@dataclass(slots=True)
class LoopDraft:
    """A FOR, WHILE or ITERATOR."""

    op: Literal["for", "while", "iterator"]
    head: PlanNode | bool | int
    body: PlanNode | None = None
    until: PlanNode | None = None
    parallel: bool | None = None
    id: str | None = None
    tag: str | None = None

    def build(self) -> PlanNode:
        """The finished node."""
        assert self.body is not None
        return LoopNode(
            op=self.op,
            head=self.head,
            body=self.body,
            until=self.until,
            parallel=self.parallel,
            id=self.id,
            tag=self.tag,
        )


@dataclass(slots=True)
class CatchDraft:
    """A CATCH."""

    body: PlanNode
    handler: PlanNode | None = None
    id: str | None = None
    tag: str | None = None

    def build(self) -> PlanNode:
        """The finished node."""
        return CatchNode(body=self.body, handler=self.handler, id=self.id, tag=self.tag)


@dataclass(slots=True)
class LogicDraft:
    """An AND, OR or NOT."""

    op: Literal["and", "or", "not"]
    items: Sequence[PlanNode]
    id: str | None = None
    tag: str | None = None

    def build(self) -> PlanNode:
        """The finished node."""
        return LogicNode(op=self.op, items=tuple(self.items), id=self.id, tag=self.tag)


@dataclass(slots=True)
class RetryDraft:
    """The block of a `.retry`; an id and a tag serve SWITCH and must only."""

    body: PlanNode
    times: int
    types: tuple[str, ...]
    id: str | None = None
    tag: str | None = None

    def build(self) -> PlanNode:
        """The finished node."""
        if not self.times:
            return self.body
        return RetryNode(body=self.body, times=self.times, types=self.types)


class Draft(Protocol):
    """What every draft has."""

    id: str | None
    tag: str | None

    def build(self) -> PlanNode:
        """The finished node."""
