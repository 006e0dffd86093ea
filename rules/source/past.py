"""What a tenant's chains and scripts were, as their kept versions tell it.

For the quarantine, which looks for what a chain that does not compile was compiled to last. Looks
versions up one name at a time, when the compiler asks for it. Pure: versions are handed in.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
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

MOST_TRIED: Final = 500
"""How often it is compiled for one chain, chains in it included."""
MOST_MOMENTS: Final = 50
MOST_VERSIONS: Final = 10
"""Moments and versions that are tried of a chain or script that another one names."""

R = TypeVar("R", ChainRow, ScriptRow)
V = TypeVar("V")


class Once(NamedTuple, Generic[R]):
    """What something was from a moment on; `row` is None for what was deleted.

    `at` counts in the order in which versions were written. `made`: before, there was none.
    """

    at: int
    row: R | None
    made: bool = False


class Came(NamedTuple):
    """A version of a chain, and since when it is known."""

    at: float
    row: ChainRow


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
        self._good: dict[tuple[str, float, float], bool] = {}
        self._asking: frozenset[str] = frozenset()
        self._left = 0

    def with_sound_scripts(self, chains: TenantChains, name: str) -> Mended | None:
        """The chain as it is, where scripts that can be used by nobody were taken as they last
        could be; None if it does not compile even so.
        """
        if not chains.deployment.scripts:
            return None
        found = _Moment(self, chains, inf, now=True).mended(name, chains.effective(name))
        return found if found is not None and chains.differing(found.used) else None

    def last_good(self, chains: TenantChains, name: str) -> Mended | None:
        """The chain as it last compiled, with what it then included; None if nobody knows.

        Its newest version that was good while it was the newest; of that, back from now from one
        change of what it names to the one before, but not to before it came.
        """
        self._left, until = MOST_TRIED, inf
        for one in self._versions(chains, name):
            if until == inf or self.was_good(chains, name, one, until):
                found = self._then(chains, name, one, inf, MOST_MOMENTS)
                if found is not None:
                    return found
            until = one.at
        return None

    def was_good(self, chains: TenantChains, name: str, one: Came, before: float) -> bool:
        """Whether a version compiled at some moment until then; of chains that include each other
        it is assumed.
        """
        key = (name, one.at, before)
        if key not in self._good:
            if name in self._asking or not self._left:
                return True
            self._good[key] = self._then(chains, name, one, before, MOST_VERSIONS) is not None
        return self._good[key]

    def _then(
        self, chains: TenantChains, name: str, one: Came, before: float, most: int
    ) -> Mended | None:
        """The version as it last compiled before a moment, one change of what it names earlier
        each time, but not before it came.
        """
        changed: set[int] = set()
        asking = self._asking
        self._asking = asking | {name}
        try:
            for _ in range(min(most, self._left)):
                self._left -= 1
                moment = _Moment(self, chains, before)
                if (found := moment.mended(name, one.row)) is not None:
                    return found
                changed |= moment.changes
                earlier = [at for at in changed if one.at < at < before]
                if not earlier:
                    break
                before = max(earlier)
        finally:
            self._asking = asking
        return None

    def _versions(self, chains: TenantChains, name: str) -> list[Came]:
        """The chain's own that served, the newest first."""
        own = next(iter(self.of_chain(name)), ())
        if not own:
            return [Came(-inf, chains.effective(name))]
        return [Came(one.at, one.row) for one in own if one.row is not None and one.row.serving]

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
        self._rows: dict[str, ChainRow | None] = {}
        self.changes: set[int] = set()

    def mended(self, name: str, row: ChainRow) -> Mended | None:
        """The chain as this text of it compiled then, if it did."""
        made, self._rows[name] = self._deployment(), row
        texts = _Asked(self._chains.texts.get if self._now else self._text)
        try:
            compiled = made.compile(name, texts)
            route = made.route(name, texts) if row.route is not None else None
        except ChainInvalid:
            return None
        return Mended(row, compiled, route, used_by(compiled, route, texts, made.scripts))

    def _deployment(self) -> Deployment:
        made = self._chains.deployment
        scripts = _Asked(self._script)
        return replace(made, components=_Known(made.registered, scripts, made.engines))

    def _text(self, name: str) -> ChainText | None:
        if name not in self._rows:
            present = self._chains.texts.get(name)
            if present is None and name in self._chains.deployment.components:
                # A component: chains of its name that are gone were hidden by it.
                return None
            levels = self._past.of_chain(name)
            if not any(levels):
                return present
            self._rows[name] = self._then(levels, partial(self._sound, name))
        row = self._rows[name]
        return text_of(row) if row is not None and row.serving else None

    def _sound(self, name: str, one: Once[ChainRow], row: ChainRow, until: float) -> bool:
        return self._past.was_good(self._chains, name, Came(one.at, row), until)

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
        row = self._then(levels, lambda _, row, __: self._past.usable(row.script, made))
        was = row.script if row is not None and row.serving else None
        if self._now and (was is None or not self._past.usable(was, made)):
            return present
        return was

    def _then(self, levels: Levels[R], sound: Callable[[Once[R], R, float], bool]) -> R | None:
        """The row that counted; one that was not sound while it was the newest only if none was."""
        for level in levels:
            self.changes.update(one.at for one in level)
            known = [one for one in level if one.at < self._before]
            if not known and level and not level[-1].made:
                # Kept later than it was made; nobody knows what was before.
                known = [level[-1]]
            if not known or (newest := known[0].row) is None:
                continue
            if not newest.serving:
                return newest
            until = self._before
            for one in known[:MOST_VERSIONS]:
                if one.row is not None and one.row.serving and sound(one, one.row, until):
                    return one.row
                until = one.at
            return newest
        return None


class _Asked(Mapping[str, V]):
    """Finds what somebody asks for. It lists nothing: nobody reads what might have been meant."""

    def __init__(self, find: Callable[[str], V | None]) -> None:
        self._find = find

    def __getitem__(self, name: str) -> V:
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


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
