"""Brings what rule files define into the table: what would change, and what speaks against it.

For `chainsaga import`. Pure: compares definitions with rows and asks the compiler; who reads the
files, reads the rows and writes is the command. And back: rows as definitions, for the export.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

from rules.compiler import ChainText, check_chain
from rules.el.findings import Findings
from rules.errors import Diagnostic
from rules.files.definitions import ChainDefinition, tidy
from rules.jobs import RESERVED
from rules.plan import ComponentPolicy
from rules.source.repository import PUBLISHED, ChainRow

DRAFT: Final = "DRAFT"

Outcome = Literal["added", "changed", "unchanged", "held", "broken"]
"""`held` is a chain that serves, or would, and may be replaced by `publish` only."""

_COMPARED: Final = (
    "text",
    "route",
    "extends",
    "description",
    "status",
    "enabled",
    "transactional",
    "undo_policy",
)


class Servable(Protocol):
    """A row, of whatever kind."""

    @property
    def serving(self) -> bool:
        """Whether it serves."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where chains are brought to; chains that name no namespace go to `namespace`.

    `further` are the namespaces that are served beside it; `when_max_wait` is the limit, in
    milliseconds, of a WHEN that says none itself. With `publish` what is brought serves at
    once; without, nothing that serves is touched, and what is new is a draft.
    """

    tenant: str
    namespace: str
    further: Sequence[str] = ()
    publish: bool = False
    when_max_wait: int | None = None

    def namespace_of(self, chain: ChainDefinition) -> str:
        """The namespace that the chain goes to."""
        return chain.namespace or self.namespace


@dataclass(frozen=True, slots=True)
class Brought:
    """A chain of the files, what becomes of it, and what was found in it.

    `row` is what the table is to have, `before` what it had. `changes` names what differs.
    """

    chain: ChainDefinition
    namespace: str
    outcome: Outcome
    row: ChainRow
    before: ChainRow | None = None
    changes: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Endangered:
    """A chain of the table, not of the files, that compiles now and then would no longer."""

    name: str
    namespace: str
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Bringing:
    """All that would happen. Nothing serves the namespaces in `unserved`."""

    chains: tuple[Brought, ...]
    endangered: tuple[Endangered, ...]
    unserved: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.endangered and all(one.outcome != "broken" for one in self.chains)


def bring(
    chains: Sequence[ChainDefinition],
    kept: Mapping[str, Sequence[ChainRow]],
    components: Mapping[str, ComponentPolicy],
    target: Target,
    components_before: Mapping[str, ComponentPolicy] | None = None,
) -> Bringing:
    """Compare the chains with the tenant's rows by namespace, and check them all.

    They are checked as they would serve together: with each other, and with the chains of the table
    that serve. What is disabled is told about and not held against anybody. `components` are those
    that there would be; `components_before` are those that there are, unless it is the same.
    """
    known = (components if components_before is None else components_before, components)
    by_namespace: dict[str, dict[str, ChainDefinition]] = {target.namespace: {}}
    for chain in chains:
        by_namespace.setdefault(target.namespace_of(chain), {})[chain.id] = chain
    # What lies above a chain may include it, too.
    for namespace in kept:
        by_namespace.setdefault(namespace, {})
    base_before = _texts(kept.get(target.namespace, ()))
    base_after = _overlaid(base_before, by_namespace[target.namespace])
    found: list[Brought] = []
    endangered: list[Endangered] = []
    for namespace, own in by_namespace.items():
        here = _texts(kept.get(namespace, ()))
        before, after = base_before | here, _overlaid(base_after | here, own)
        if namespace == target.namespace:
            after = base_after
        rows = {row.name: row for row in kept.get(namespace, ())}
        found += [
            _brought(chain, namespace, rows.get(chain.id), after, components, target=target)
            for chain in own.values()
        ]
        others = {name: row for name, row in rows.items() if name not in own and row.serving}
        endangered += _endangered(namespace, others, (before, after), known)
    served = {target.namespace, *target.further}
    order = {id(chain): index for index, chain in enumerate(chains)}
    found.sort(key=lambda one: order[id(one.chain)])
    unserved = tuple(name for name, own in by_namespace.items() if own and name not in served)
    return Bringing(tuple(found), tuple(endangered), unserved)


def outcome_of(
    before: Servable | None, wanted: Servable, target: Target, changes: Sequence[str]
) -> Outcome:
    """What becomes of something sound, with these changes."""
    if before is None:
        return "added"
    if not changes:
        return "unchanged"
    if (before.serving or wanted.serving) and not target.publish:
        return "held"
    return "changed"


def status_of(said: str | None, before: str | None, target: Target) -> str:
    """The status that the table is to have, by what a file says; `PUBLISHED` says nothing."""
    given = None if said == PUBLISHED else said
    return given or (PUBLISHED if target.publish else before or DRAFT)


def definition_of(row: ChainRow, namespace: str | None) -> ChainDefinition:
    """A row as a file has it; what is as usual is left unsaid."""
    return ChainDefinition(
        id=row.name,
        text=tidy(row.text),
        route=tidy(row.route) if row.route and row.route.strip() else None,
        namespace=namespace,
        extends=row.extends,
        enabled=row.enabled,
        description=row.description or None,
        transactional=None if row.transactional else False,
        undo_policy=row.undo_policy,
        status=None if row.status == PUBLISHED else row.status,
    )


def _brought(
    chain: ChainDefinition,
    namespace: str,
    row: ChainRow | None,
    texts: Mapping[str, ChainText],
    components: Mapping[str, ComponentPolicy],
    *,
    target: Target,
) -> Brought:
    wanted = _row(chain, row, target)
    changes = tuple(
        name
        for name in _COMPARED
        if row is not None and getattr(row, name) != getattr(wanted, name)
    )
    diagnostics = _check(chain, texts, components, target.when_max_wait)
    outcome = outcome_of(row, wanted, target, changes)
    if any(one.severity == "error" for one in diagnostics):
        outcome = "broken"
    return Brought(chain, namespace, outcome, wanted, row, changes, diagnostics)


def _row(chain: ChainDefinition, before: ChainRow | None, target: Target) -> ChainRow:
    """What the table is to have. Texts that differ in blanks around them only stay as they are."""
    status = status_of(chain.status, before.status if before else None, target)
    row = before or ChainRow(tenant=target.tenant, name=chain.id, text=chain.text)
    return replace(
        row,
        text=row.text if tidy(row.text) == chain.text else chain.text,
        route=row.route if tidy(row.route or "") == (chain.route or "") else chain.route,
        extends=chain.extends,
        description=row.description if chain.description is None else chain.description,
        status=status,
        enabled=chain.enabled,
        transactional=row.transactional if chain.transactional is None else chain.transactional,
        undo_policy=row.undo_policy if chain.undo_policy is None else chain.undo_policy,
    )


def _check(
    chain: ChainDefinition,
    texts: Mapping[str, ChainText],
    components: Mapping[str, ComponentPolicy],
    when_max_wait: int | None,
) -> tuple[Diagnostic, ...]:
    if chain.id.startswith(RESERVED):
        findings = Findings(chain.id, chain.text)
        words = f"names of chains that begin with '{RESERVED}' are reserved"
        findings.error("reserved_name", words, 0, 1, hint="give the chain another name")
        return findings.diagnostics()
    if chain.enabled:
        return check_chain(
            chain.id, chains=texts, components=components, when_max_wait=when_max_wait
        )
    alone = {**texts, chain.id: _text(chain)}
    found = check_chain(chain.id, chains=alone, components=components)
    return tuple(replace(one, severity="info") for one in found if one.severity == "error")


def _endangered(
    namespace: str,
    rows: Mapping[str, ChainRow],
    texts: tuple[Mapping[str, ChainText], Mapping[str, ChainText]],
    components: tuple[Mapping[str, ComponentPolicy], Mapping[str, ComponentPolicy]],
) -> Iterator[Endangered]:
    """Texts and components as they are, and as they would be."""
    for name in _reached(_differing(*texts) | _differing(*components), rows):
        if any(_errors(name, texts[0], components[0])):
            continue
        errors = tuple(_errors(name, texts[1], components[1]))
        if errors:
            yield Endangered(name, namespace, errors)


def _differing(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    if before is after:
        return set()
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def _reached(touched: set[str], rows: Mapping[str, ChainRow]) -> list[str]:
    """The rows whose texts may name what is touched, directly or through others."""
    found: set[str] = set()
    pending = set(touched)
    while pending:
        near = {
            name
            for name, row in rows.items()
            if name not in found
            and (row.extends in pending or any(one in row.text for one in pending))
        }
        found |= near
        pending = near
    return sorted(found)


def _errors(
    name: str, texts: Mapping[str, ChainText], components: Mapping[str, ComponentPolicy]
) -> Iterator[Diagnostic]:
    found = check_chain(name, chains=texts, components=components)
    return (one for one in found if one.severity == "error")


def _texts(rows: Sequence[ChainRow]) -> dict[str, ChainText]:
    """What serves, tidy, so that a difference is one of content."""
    return {row.name: _text(definition_of(row, None)) for row in rows if row.serving}


def _overlaid(
    texts: Mapping[str, ChainText], own: Mapping[str, ChainDefinition]
) -> dict[str, ChainText]:
    """The texts with those of the files, of which the disabled ones serve nobody."""
    kept = {name: text for name, text in texts.items() if name not in own}
    return kept | {chain.id: _text(chain) for chain in own.values() if chain.enabled}


def _text(chain: ChainDefinition) -> ChainText:
    return ChainText(chain.id, chain.text, 1, chain.extends, chain.route)
