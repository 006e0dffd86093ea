"""Brings the script nodes of rule files into the table of components: what would change. And back.

For `chainsaga import` and `export`, beside `bringing`, whose words hold here too. Pure.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from rules.files.definitions import OLD_TYPES, SCRIPTS, USUAL_LANGUAGE, NodeDefinition, tidy
from rules.scripts import Components, ScriptText, language_of
from rules.source.bringing import Outcome, Target, outcome_of, status_of
from rules.source.repository import PUBLISHED
from rules.source.scripts import ScriptRow
from rules.source.tenant_scripts import Scripts

_COMPARED: Final = ("text", "type", "language", "name", "status", "enabled")


@dataclass(frozen=True, slots=True)
class BroughtScript:
    """A script of the files, what becomes of it, and what the table had and is to have.

    `problem` is why no chain could use it.
    """

    node: NodeDefinition
    outcome: Outcome
    row: ScriptRow
    before: ScriptRow | None = None
    changes: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def guessed(self) -> bool:
        """Whether nobody says in which language it is."""
        return self.before is None and self.node.language is None


def bring_scripts(
    nodes: Iterable[NodeDefinition], kept: Iterable[ScriptRow], target: Target
) -> tuple[BroughtScript, ...]:
    """Compare the script nodes with the tenant's rows; other nodes are left out."""
    rows = {row.id: row for row in kept}
    return tuple(
        _brought(node, rows.get(node.id), target) for node in nodes if node.type in SCRIPTS
    )


def scripts_after(
    scripts: Iterable[BroughtScript], kept: Iterable[ScriptRow], tenant: str
) -> Mapping[str, ScriptText]:
    """What the tenant's chains may use if all that is not disabled served; `kept` are all rows."""
    rows = {one.row.id: replace(one.row, status=PUBLISHED) for one in scripts}
    return Scripts(kept).changed({tenant: rows}).of(tenant)


def judged(
    scripts: Iterable[BroughtScript], components: Components, languages: Collection[str]
) -> tuple[BroughtScript, ...]:
    """The scripts with their problems, by what chains would know of them.

    That nothing runs a language here breaks the chains, not the script: it may be run elsewhere.
    """
    found = []
    for one in scripts:
        problem = components[one.row.id].problem if one.row.id in components.scripts else None
        here = language_of(one.row.language) in languages
        outcome: Outcome = "broken" if problem is not None and here else one.outcome
        found.append(replace(one, outcome=outcome, problem=problem))
    return tuple(found)


def node_of(row: ScriptRow) -> NodeDefinition | None:
    """A row as a file has it; None for what no file can say: no text, or no type of scripts."""
    type = OLD_TYPES.get(row.type, row.type)
    script = tidy(row.text)
    if type not in SCRIPTS or not script:
        return None
    return NodeDefinition(
        id=row.id,
        type=type,
        name=row.name or None,
        language=row.language or None,
        script=script,
        enabled=row.enabled,
        status=None if row.status == PUBLISHED else row.status,
    )


def _brought(node: NodeDefinition, before: ScriptRow | None, target: Target) -> BroughtScript:
    wanted = _row(node, before, target)
    changes = tuple(
        name
        for name in _COMPARED
        if before is not None and getattr(before, name) != getattr(wanted, name)
    )
    return BroughtScript(node, outcome_of(before, wanted, target, changes), wanted, before, changes)


def _row(node: NodeDefinition, before: ScriptRow | None, target: Target) -> ScriptRow:
    """What the table is to have; what the file does not say stays as it is."""
    text, type = node.script or "", node.type or "script"
    row = before or ScriptRow(tenant=target.tenant, id=node.id, text=text, language=USUAL_LANGUAGE)
    return replace(
        row,
        text=row.text if tidy(row.text) == text else text,
        type=row.type if OLD_TYPES.get(row.type, row.type) == type else type,
        language=node.language or row.language,
        name=row.name if node.name is None else node.name,
        status=status_of(node.status, before.status if before else None, target),
        enabled=node.enabled,
    )
