"""What a tenant's chains and scripts were, as their kept versions tell it.

For the quarantine, which looks for what a chain that does not compile was compiled to last. Looks
versions up one name at a time, when the compiler asks for it. Pure: versions are handed in.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from rules.compiler import ChainText, Compiled
from rules.errors import ChainInvalid
from rules.plan import Plan
from rules.scripts import Components, ScriptText, compensation_names, problem_of
from rules.source.chains import TenantChains, Used, text_of
from rules.source.deployment import Deployment
from rules.source.repository import ChainRow
from rules.source.scripts import ScriptRow

MOST_STATES: Final = 50
"""Moments of the past that one chain is tried in."""
MOST_SCRIPTS: Final = 20
"""Versions of a script that are looked at for one that can be used."""

R = TypeVar("R", ChainRow, ScriptRow)
V = TypeVar("V")


class Once(NamedTuple, Generic[R]):
    """What something was from a moment on; `row` is None for what was deleted.

    `at` counts in the order in which versions were written. `made`: before, there was none.
    """

    at: int
    row: R | None
    made: bool = False


Levels: TypeAlias = Sequence[Sequence[Once[R]]]
"""What a name was, the newest first: the tenant's own, then what counts while it has none."""


class Stored(Protocol):
    """The versions that somebody kept, as one tenant in one namespace has them, by name.

    What is not asked for may be left out. Both may raise SQLAlchemyError.
    """

    def chains(self, names: Sequence[str]) -> Mapping[str, Levels[ChainRow]]:
        """Of chains."""
        ...

    def scripts(self, ids: Sequence[str]) -> Mapping[str, Levels[ScriptRow]]:
        """Of script components."""
        ...


class NothingStored:
    """No version was kept."""

    def chains(self, names: Sequence[str]) -> Mapping[str, Levels[ChainRow]]:  # noqa: ARG002
        """None."""
        return {}

    def scripts(self, ids: Sequence[str]) -> Mapping[str, Levels[ScriptRow]]:  # noqa: ARG002
        """None."""
        return {}


NOTHING_STORED: Final = NothingStored()


@dataclass(frozen=True, slots=True)
class Mended:
    """A chain that compiles with its own text `row`, and with others that it `used`."""

    row: ChainRow
    compiled: Compiled
    route: Plan | None
    used: Used


class Past:
    """What is known of one tenant's past; remembers what it was told."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._chains: dict[str, Levels[ChainRow]] = {}
        self._scripts: dict[str, Levels[ScriptRow]] = {}
        self._usable: dict[ScriptText, bool] = {}

    def with_sound_scripts(self, chains: TenantChains, name: str) -> Mended | None:
        """The chain as it is, where scripts that can be used by nobody were taken as they last
        could be; None if it does not compile even so.
        """
        if not chains.deployment.scripts:
            return None
        found = _Moment(self, chains, inf, now=True).mended(name)
        return found if found is not None and chains.differing(found.used) else None

    def last_good(self, chains: TenantChains, name: str) -> Mended | None:
        """The chain as it last compiled, with what it then included; None if nobody knows.

        Goes back from one change to the one before it, of the chain and of all that it names. Of
        a chain that is held back, only what serves now and what was before counts; so of scripts.
        """
        before, changed = inf, set[int]()
        for _ in range(MOST_STATES):
            moment = _Moment(self, chains, before)
            if (found := moment.mended(name)) is not None:
                return found
            changed |= moment.changes
            if not (earlier := [at for at in changed if at < before]):
                return None
            before = max(earlier)
        return None

    def of_chain(self, name: str) -> Levels[ChainRow]:
        """What is kept of a chain."""
        if name not in self._chains:
            self._chains[name] = self._stored.chains([name]).get(name, ())
        return self._chains[name]

    def of_script(self, id: str) -> Levels[ScriptRow]:
        """What is kept of a script."""
        if id not in self._scripts:
            # The compiler asks for what may undo it next.
            asked = [id, *(one for one in compensation_names(id) if one not in self._scripts)]
            found = self._stored.scripts(asked)
            self._scripts |= {one: found.get(one, ()) for one in asked}
        return self._scripts[id]

    def usable(self, script: ScriptText, deployment: Deployment) -> bool:
        """Whether chains could use such a script."""
        if script not in self._usable:
            taken = script.id in deployment.registered
            problem = None if taken else problem_of(script, deployment.engines)
            self._usable[script] = not taken and problem is None
        return self._usable[script]


class _Moment:
    """The chains and scripts before a change. `changes` are those of what the compiler asked for.

    With `now` it is the present, but for scripts that cannot be used.
    """

    def __init__(
        self, past: Past, chains: TenantChains, before: float, *, now: bool = False
    ) -> None:
        self._past = past
        self._chains = chains
        self._before = before
        self._now = now
        self.changes: set[int] = set()

    def mended(self, name: str) -> Mended | None:
        """The chain as it compiled then, if it did."""
        row = self._chains.effective(name) if self._now else self._row(name, own=True)
        if row is None or not row.serving:
            return None
        made = self._deployment()
        texts: Mapping[str, ChainText] = self._chains.texts
        if not self._now:
            texts = _Asked(texts, lambda one: text_of(row) if one == name else self._text(one))
        try:
            compiled = made.compile(name, texts)
            route = made.route(name, texts) if texts[name].routed else None
        except ChainInvalid:
            return None
        return Mended(row, compiled, route, used_by(compiled, route, texts, made.scripts))

    def _deployment(self) -> Deployment:
        made = self._chains.deployment
        scripts = _Asked(made.scripts, self._script)
        return replace(made, components=_Known(made.registered, scripts, made.engines))

    def _text(self, name: str) -> ChainText | None:
        present = self._chains.texts.get(name)
        if present is None and name in self._chains.deployment.components:
            # A component: chains of its name that are gone were hidden by it.
            return None
        row = self._row(name) if self._past.of_chain(name) else None
        if row is None and not self._past.of_chain(name):
            return present
        return text_of(row) if row is not None and row.serving else None

    def _row(self, name: str, *, own: bool = False) -> ChainRow | None:
        levels = self._past.of_chain(name)
        levels = levels[:1] if own else levels
        if own and not any(levels):
            return self._chains.effective(name)
        held = self._chains.held.get(name)
        newest = held.row.version if held is not None and held.row is not None else inf
        counting = [[one for one in level if _up_to(one, newest)] for level in levels]
        return self._then(counting, lambda _: True)

    def _script(self, id: str) -> ScriptText | None:
        made = self._chains.deployment
        present = made.scripts.get(id)
        if present is None and (self._now or id in made.registered or id in self._chains.texts):
            return None
        if self._now and present is not None and self._past.usable(present, made):
            return present
        levels = self._past.of_script(id)
        if not any(levels):
            return present
        row = self._then(levels, lambda one: self._past.usable(one.script, made))
        was = row.script if row is not None and row.serving else None
        if self._now and (was is None or not self._past.usable(was, made)):
            return present
        return was

    def _then(self, levels: Levels[R], usable: Callable[[R], bool]) -> R | None:
        """The row that counted; one that could not be used only if there was no other."""
        for level in levels:
            self.changes.update(one.at for one in level)
            known = [one for one in level if one.at < self._before]
            if not known and level and not level[-1].made:
                # Kept later than it was made; nobody knows what was before.
                known = [level[-1]]
            if not known or known[0].row is None:
                continue
            newest = known[0].row
            if newest.serving and not usable(newest):
                older = (one.row for one in known[1:MOST_SCRIPTS])
                return next((row for row in older if row and row.serving and usable(row)), newest)
            return newest
        return None


class _Asked(Mapping[str, V]):
    """Finds what somebody asks for; lists the names of now."""

    def __init__(self, names: Mapping[str, V], find: Callable[[str], V | None]) -> None:
        self._names = names
        self._find = find

    def __getitem__(self, name: str) -> V:
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _Known(Components):
    """Registered components, and scripts that are looked up; of these it lists none."""

    def __iter__(self) -> Iterator[str]:
        yield from self.registered

    def __len__(self) -> int:
        return len(self.registered)


def used_by(
    compiled: Compiled,
    route: Plan | None,
    texts: Mapping[str, ChainText],
    scripts: Mapping[str, ScriptText],
) -> Used:
    """The chains in a chain, and the scripts that it calls, with what may undo them."""
    called = {**compiled.plan.components, **(route.components if route is not None else {})}
    ids = [id for id, policy in called.items() if policy.script is not None]
    named = {*ids, *(undoing for id in ids for undoing in compensation_names(id))}
    used: dict[tuple[Literal["chain", "component"], str], ChainText | ScriptText | None] = {}
    used |= {("chain", name): texts.get(name) for name in compiled.includes}
    used |= {("component", id): scripts.get(id) for id in named}
    return used


def _up_to(one: Once[ChainRow], newest: float) -> bool:
    return one.row is None or not one.row.serving or one.row.version <= newest
