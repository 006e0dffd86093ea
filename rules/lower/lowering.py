"""Turns the checked terms of a chain into plan nodes.

For the compiler, after all checks passed. Which function lowers which operator is what
`rules.lower.rows` says; this is the walk. Must not check anything again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from rules.checks.terms import Applied, StandIn, Term, Unit
from rules.lower.drafts import ChainDraft, Draft, StepDraft
from rules.lower.scope import Scope, objects
from rules.plan import ComponentPolicy, PlanNode, StepNode

_NO_BINDS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Rows:
    """One function per row of the table of operators.

    `functions` make a draft, `modifiers` change it. `scopes` change what is given to everything
    that stands before, `objects` what is given to everything inside, also by later modifiers.
    """

    functions: Mapping[str, Callable[["Lowering", Applied, Scope], Draft]]
    modifiers: Mapping[str, Callable[["Lowering", Draft, Applied, Scope], Draft]]
    scopes: Mapping[str, Callable[[Scope, Applied], Scope]]
    objects: Mapping[str, Callable[[Scope, Sequence[Applied]], Scope]]


class Lowering:
    """Lowers the terms of one chain and notes which components it calls, and where.

    `when_max_wait` is the limit of a WHEN without its own, in milliseconds. `places` has start and
    end of each step in the chain's text by `id(node)`. `given` counts the characters that `.data`
    and `.bind` give to all steps; beyond `most_given` they are left out.
    """

    def __init__(self, rows: Rows, *, when_max_wait: int | None, most_given: int) -> None:
        self.rows = rows
        self.when_max_wait = when_max_wait
        self.components: dict[str, ComponentPolicy] = {}
        self.places: dict[int, tuple[int, int]] = {}
        self.given = 0
        self.most_given = most_given

    def node(self, term: Term, scope: Scope) -> PlanNode:
        """The plan node of a term."""
        if term.modifiers:
            return self.build(self.modified(term, scope))
        policy = term.subject
        if not isinstance(policy, ComponentPolicy) or scope.data is not None or scope.bound:
            return self.build(self.draft(term, scope))
        # Most terms are one component: the same as its draft would build.
        node = StepNode(component=policy.id)
        self.components[policy.id] = policy
        self.places[id(node)] = scope.within or (term.start, term.end)
        return node

    def build(self, draft: Draft) -> PlanNode:
        """The node of a draft."""
        if not isinstance(draft, StepDraft):
            return draft.build()
        if draft.data is not None or draft.bound:
            self.give(draft)
        node = draft.build()
        policy = draft.policy
        self.components[policy.id] = policy
        self.places[id(node)] = draft.place
        return node

    def give(self, draft: StepDraft) -> None:
        """Count what a step is given."""
        if self.given <= self.most_given:
            bound = draft.bound or _NO_BINDS
            characters = sum(map(len, bound)) + sum(map(len, bound.values()))
            self.given += len(draft.data or "") + characters
        if self.given > self.most_given:
            draft.data = draft.bound = None

    def modified(self, term: Term, scope: Scope) -> Draft:
        """The draft of a term with modifiers.

        A modifier gives its scope to all that stands before it: to the base and to the operands of
        earlier modifiers, not of later ones. What is bound to an object is for all of it.
        """
        rows, modifiers = self.rows, term.modifiers
        bind = None
        for applied in modifiers:
            bind = rows.objects.get(applied.row.name, bind)
        owned = objects(term) if bind is not None else {}
        if bind is not None:
            scope = bind(scope, owned[len(modifiers)])
        scopes: list[Scope] = []
        for index in range(len(modifiers) - 1, -1, -1):
            scopes.append(scope)
            applied = modifiers[index]
            if bind is not None and index in owned:
                scope = bind(scope, owned[index])
            change = rows.scopes.get(applied.row.name)
            scope = change(scope, applied) if change else scope
        draft = self.draft(term, scope)
        for applied in modifiers:
            scope = scopes.pop()
            modify = rows.modifiers.get(applied.row.name)
            draft = modify(self, draft, applied, scope) if modify else draft
        return draft

    def draft(self, term: Term, scope: Scope) -> Draft:
        """The draft of a term, before its modifiers."""
        subject = term.subject
        if isinstance(subject, Applied):
            return self.rows.functions[subject.row.name](self, subject, scope)
        place = scope.within or (term.start, term.end)
        if isinstance(subject, Unit):
            inner = Scope(scope.data, place, scope.bound, scope.fixed)
            return ChainDraft(subject.name, self.node(cast("Term", subject.body), inner))
        policy = subject.policy if isinstance(subject, StandIn) else subject
        return StepDraft(cast("ComponentPolicy", policy), place, scope.data, scope.bound)

    def items(self, applied: Applied, scope: Scope) -> list[PlanNode]:
        """The nodes of all operands."""
        # A comprehension would be one more frame for every level of nesting.
        nodes = []
        for arg in applied.args:
            nodes.append(self.node(arg, scope))
        return nodes
