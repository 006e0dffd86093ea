"""A process that serves one tenant's rules while they are edited, and one that starts only now."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import TypeVar

from rules.errors import RuleError
from rules.plan import ComponentPolicy, Kind
from rules.source.deployment import Deployments
from rules.source.edits import NO_EDITS
from rules.source.keeping import Touched
from rules.source.past import Levels, Once
from rules.source.plans import Plans
from rules.source.quarantine import failing, settle
from rules.source.reading import Changed, Everything
from rules.source.repository import ChainRow
from rules.source.revision import Stand
from rules.source.scripts import ScriptRow
from rules.source.served import Served, first_served, next_served, settled

R = TypeVar("R", ChainRow, ScriptRow)

SPACE, TENANT = "default", "1"
COMPONENTS = {id: ComponentPolicy(id=id, read_only=True) for id in ("a", "b", "c", "d")}

Edit = Mapping[str, ChainRow | ScriptRow | None]
"""Rows by name, as one transaction writes them; None for one that is deleted."""


class Engines:
    """A text with `((` is wrong."""

    languages = ("python",)

    def problem(self, language: str, kind: Kind, text: str) -> str | None:
        return "line 1: unbalanced" if "((" in text else None


def chain(name: str, text: str, **more: object) -> ChainRow:
    """A chain of the tenant; versions are counted when it is written."""
    return replace(ChainRow(tenant=TENANT, name=name, text=text), **more)  # type: ignore[arg-type]


def script(id: str, text: str, tenant: str = TENANT, **more: object) -> ScriptRow:
    """A script; as above."""
    made = ScriptRow(tenant=tenant, id=id, text=text, language="python")
    return replace(made, **more)  # type: ignore[arg-type]


class Book:
    """The rules as the database has them, with all their versions."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.chains_now: dict[str, ChainRow] = {}
        self.scripts_now: dict[str, ScriptRow] = {}
        self._chains: dict[str, list[Once[ChainRow]]] = {}
        self._scripts: dict[str, list[Once[ScriptRow]]] = {}

    def write(self, edit: Edit) -> Changed:
        """Write it down; what a poll then finds."""
        chains: dict[str, ChainRow | None] = {}
        scripts: dict[str, ScriptRow | None] = {}
        for name, row in edit.items():
            if name in self.scripts_now or isinstance(row, ScriptRow):
                assert not isinstance(row, ChainRow)
                scripts[name] = _kept(self._scripts, self.scripts_now, self._numbers, name, row)
            else:
                chains[name] = _kept(self._chains, self.chains_now, self._numbers, name, row)
        return Changed(Stand(1), {SPACE: {TENANT: chains}}, None, {TENANT: scripts})

    def everything(self) -> Everything:
        """What a process reads that starts now."""
        chains = {SPACE: tuple(self.chains_now.values())}
        return Everything(Stand(1), chains, NO_EDITS, tuple(self.scripts_now.values()))

    def chains(self, names: object) -> Mapping[str, Levels[ChainRow]]:
        return {name: [kept[::-1]] for name, kept in self._chains.items()}

    def scripts(self, ids: object) -> Mapping[str, Levels[ScriptRow]]:
        return {id: [kept[::-1]] for id, kept in self._scripts.items()}


def _kept(
    kept: dict[str, list[Once[R]]], now: dict[str, R], at: "count[int]", name: str, row: R | None
) -> R | None:
    made = name not in kept
    versions = kept.setdefault(name, [])
    written = None if row is None else replace(row, version=len(versions) + 1)
    versions.append(Once(next(at), written, made))
    if written is None:
        now.pop(name, None)
    else:
        now[name] = written
    return written


def started(book: Book) -> Served:
    """A process that has read all, and tried every chain."""
    read = first_served(book.everything(), Deployments(COMPONENTS, engines=Engines()), Plans())
    for chains in list(read.snapshots[SPACE].unsettled()):
        broken = failing(chains, chains.rows)
        read = settled(read, settle(chains, chains, broken, book, settled=True))
    return read


def followed(before: Served, book: Book, edit: Edit) -> Served:
    """A process that runs, after an edit."""
    read = book.write(edit)
    after, _ = next_served(before, read, Touched(read.chains, read.scripts), lambda *_: book)
    return after


def serves(served: Served) -> dict[str, object]:
    """What a start of each chain would run, and what its route is."""
    snapshot = served.snapshots[SPACE]
    found: dict[str, object] = {}
    for name in snapshot.chains(TENANT):
        try:
            plan = snapshot.compiled(TENANT, name).plan
        except RuleError as error:
            found[name] = type(error).__name__
        else:
            scripts = {id: one.script.text for id, one in plan.components.items() if one.script}
            options = snapshot.transactional(TENANT, name), snapshot.undo_policy(TENANT, name)
            found[name] = (plan.sha, plan.version, *sorted(plan.components), scripts, options)
    routes = snapshot.routes(TENANT).items()
    found["routes"] = {name: getattr(route, "sha", None) for name, route in routes}
    return found
