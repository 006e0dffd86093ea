"""Turns the checked terms of a chain into plan nodes: one function per operator row.

For the compiler, after all checks passed. `FUNCTIONS` make a draft, `MODIFIERS` change it,
`SCOPES` change what is given to everything inside; together they have every row of the table.
Must not check anything again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from rules.checks.terms import Applied, Constant, Term, Unit
from rules.plan import (
    ChainNode,
    ComponentPolicy,
    IfNode,
    PlanNode,
    StepNode,
    ThenNode,
    WhenNode,
)


@dataclass(slots=True)
class StepDraft:
    """A component. Drafts are plan nodes in the making, to which modifiers still add."""

    data: str | None
    tag: str | None = None


@dataclass(slots=True)
class ChainDraft:
    """An included chain."""

    chain: str
    body: PlanNode
    tag: str | None = None

    def build(self) -> PlanNode:
        """The finished node."""
        return ChainNode(chain=self.chain, body=self.body, tag=self.tag)


@dataclass(slots=True)
class GroupDraft:
    """A THEN or WHEN."""

    model: type[ThenNode] | type[WhenNode]
    items: tuple[PlanNode, ...]
    id: str | None = None
    tag: str | None = None

    def build(self) -> PlanNode:
        """The finished node."""
        return self.model(items=self.items, id=self.id, tag=self.tag)


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


Draft = StepDraft | ChainDraft | GroupDraft | IfDraft


@dataclass(frozen=True, slots=True)
class Scope:
    """What is given to everything inside; the outermost wins.

    `within` is the place, in the text of the compiled chain, of the included chain that we are in.
    """

    data: str | None = None
    within: tuple[int, int] | None = None


class Lowering:
    """Lowers the terms of one chain and notes which components it calls, and where.

    `places` has start and end of each step in the chain's text by `id(node)`.
    """

    def __init__(self) -> None:
        self.components: dict[str, ComponentPolicy] = {}
        self.places: dict[int, tuple[int, int]] = {}

    def node(self, term: Term, scope: Scope) -> PlanNode:
        """The plan node of a term."""
        draft = self.draft(term, scope) if not term.modifiers else self.modified(term, scope)
        if not isinstance(draft, StepDraft):
            return draft.build()
        policy = cast("ComponentPolicy", term.subject)
        node = StepNode(component=policy.id, tag=draft.tag, data=draft.data)
        self.components[policy.id] = policy
        self.places[id(node)] = scope.within or (term.start, term.end)
        return node

    def modified(self, term: Term, scope: Scope) -> Draft:
        """The draft of a term with modifiers.

        A modifier gives its scope to all that stands before it: to the base and to the operands of
        earlier modifiers, not of later ones.
        """
        scopes: list[Scope] = []
        for applied in reversed(term.modifiers):
            scopes.append(scope)
            change = SCOPES.get(applied.row.name)
            scope = change(scope, applied) if change else scope
        draft = self.draft(term, scope)
        for applied in term.modifiers:
            scope = scopes.pop()
            modify = MODIFIERS.get(applied.row.name)
            draft = modify(self, draft, applied, scope) if modify else draft
        return draft

    def draft(self, term: Term, scope: Scope) -> Draft:
        """The draft of a term, before its modifiers."""
        subject = term.subject
        if isinstance(subject, Applied):
            return FUNCTIONS[subject.row.name](self, subject, scope)
        if isinstance(subject, Unit):
            place = scope.within or (term.start, term.end)
            body = self.node(cast("Term", subject.body), Scope(scope.data, place))
            return ChainDraft(subject.name, body)
        return StepDraft(scope.data)

    def items(self, applied: Applied, scope: Scope) -> tuple[PlanNode, ...]:
        """The nodes of all operands."""
        # A comprehension would be one more frame for every level of nesting.
        nodes = []
        for arg in applied.args:
            nodes.append(self.node(arg, scope))
        return tuple(nodes)


def text(applied: Applied) -> str:
    """The first operand of a modifier whose slot is a string."""
    return cast("str", cast("Constant", applied.args[0].subject).value)


def lower_then(lowering: Lowering, applied: Applied, scope: Scope) -> Draft:
    """THEN, SER."""
    return GroupDraft(ThenNode, lowering.items(applied, scope))


def lower_when(lowering: Lowering, applied: Applied, scope: Scope) -> Draft:
    """WHEN, PAR."""
    return GroupDraft(WhenNode, lowering.items(applied, scope))


def lower_if(lowering: Lowering, applied: Applied, scope: Scope) -> Draft:
    """IF with two or three operands."""
    test, then, *rest = lowering.items(applied, scope)
    return IfDraft([(test, then)], rest[0] if rest else None)


def lower_elif(lowering: Lowering, draft: Draft, applied: Applied, scope: Scope) -> Draft:
    """ELIF: one more arm."""
    test, then = lowering.items(applied, scope)
    cast("IfDraft", draft).arms.append((test, then))
    return draft


def lower_else(lowering: Lowering, draft: Draft, applied: Applied, scope: Scope) -> Draft:
    """ELSE: the false branch of the last arm."""
    cast("IfDraft", draft).otherwise = lowering.node(applied.args[0], scope)
    return draft


def lower_id(_lowering: Lowering, draft: Draft, applied: Applied, _scope: Scope) -> Draft:
    """id; the last one wins."""
    cast("GroupDraft | IfDraft", draft).id = text(applied)
    return draft


def lower_tag(_lowering: Lowering, draft: Draft, applied: Applied, _scope: Scope) -> Draft:
    """tag; the last one wins."""
    draft.tag = text(applied)
    return draft


def scope_data(scope: Scope, applied: Applied) -> Scope:
    """data: for everything inside that has none from further out."""
    return scope if scope.data is not None else Scope(text(applied), scope.within)


FUNCTIONS: Final[Mapping[str, Callable[[Lowering, Applied, Scope], Draft]]] = {
    "THEN": lower_then,
    "WHEN": lower_when,
    "IF": lower_if,
}
MODIFIERS: Final[Mapping[str, Callable[[Lowering, Draft, Applied, Scope], Draft]]] = {
    "ELIF": lower_elif,
    "ELSE": lower_else,
    "id": lower_id,
    "tag": lower_tag,
}
SCOPES: Final[Mapping[str, Callable[[Scope, Applied], Scope]]] = {
    "data": scope_data,
}
