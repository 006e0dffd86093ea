"""Holds back what does not compile: which chains, and what serves in their place.

For the rule source, when rows have changed. Two things can break a chain. Its own new text: then
the earlier text serves, also for the chains that include or extend it. Or other chains, of which
one is gone or has changed: then what it was last compiled to serves. Reads no database; earlier
versions are handed in.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, TypeAlias

from rules.compiler import Compiled
from rules.errors import ChainInvalid, Diagnostic, RuleError
from rules.jobs import RESERVED
from rules.source.chains import NONE_HELD, Held, TenantChains
from rules.source.repository import ChainRow

Stored: TypeAlias = Callable[[str], Iterable[ChainRow]]
"""Earlier versions of a chain that somebody has kept, the newest first."""

TEMPLATE: Final = "placeholder_missing"
MANY: Final = 50
"""Changes of one tenant at once; with more it is quicker to try all its chains."""


def nothing_stored(_chain: str) -> Iterable[ChainRow]:
    """No version was kept."""
    return ()


def settle(
    chains: TenantChains,
    before: TenantChains | None,
    suspects: Collection[str],
    stored: Stored = nothing_stored,
    *,
    settled: bool,
) -> TenantChains:
    """The chains with those of the suspects held back that do not compile; others stay as they are.

    `before` is what served until now. What is held back is a suspect, too: it may have healed.
    """
    return _Trial(chains, before, stored).run({*suspects, *chains.held}, settled=settled)


def suspects_of(chains: TenantChains, changed: Collection[str]) -> set[str]:
    """The changed chains, and those whose texts may lead to one of them; rather too many."""
    if len(changed) > MANY:
        return set(chains.rows)
    found, new = set(changed), set(changed)
    while new:
        # Looking for the bare characters first is ten times as fast, and mostly finds nothing.
        holds = re.compile("|".join(map(re.escape, sorted(new)))).search
        names = re.compile("|".join(map(_mention, sorted(new)))).search
        new = {
            name
            for name, text in chains.texts.items()
            if name not in found
            and ((holds(text.text) and names(text.text)) or text.extends in new)
        }
        found |= new
    return found


def _mention(name: str) -> str:
    """Finds a name in a text; rather in too many, but `pay` is not in `payNotify`."""
    word = re.escape(name)
    return rf"(?<!\w){word}(?!\w)" if re.fullmatch(r"\w+", name) else word


def failing(chains: TenantChains, names: Iterable[str]) -> set[str]:
    """Those of the chains that do not compile as they are; templates are meant not to."""
    return set(problems(chains, names))


def problems(chains: TenantChains, names: Iterable[str]) -> dict[str, tuple[Diagnostic, ...]]:
    """Why those of the chains do not compile that do not."""
    trial = _Trial(chains, None, nothing_stored)
    found = ((name, trial.problem(name)) for name in names if trial.serves(name))
    return {name: problem for name, problem in found if problem is not None}


class _Trial:
    """Rows that are tried: `chains` changes until what serves compiles."""

    def __init__(self, chains: TenantChains, before: TenantChains | None, stored: Stored) -> None:
        self.held_before = chains.held
        self.chains = chains
        self.before = before
        self.stored = stored
        self.earlier: dict[str, Iterator[ChainRow]] = {}
        self.left: dict[str, ChainRow] = {}

    def serves(self, name: str) -> bool:
        row = self.chains.rows.get(name)
        return row is not None and row.serving

    def run(self, suspects: set[str], *, settled: bool) -> TenantChains:
        suspects = {name for name in suspects if self.serves(name)}
        # As the rows are, without holding anything back.
        self.chains = self.chains.holding(NONE_HELD, settled=settled)
        held: dict[str, Held] = {}
        failed = self._failed(suspects)
        first = dict(failed)
        while roots := self._roots(failed):
            for name in roots:
                row = self.left.pop(name)
                held[name] = Held(self.chains.rows[name].version, first[name], row=row)
            self.chains = self.chains.holding(dict(held), settled=settled)
            failed = self._failed(suspects)
            first = {**failed, **first}
        for name in failed:
            held[name] = self._kept(name, first[name])
        return self.chains.holding({n: self._dated(n, h) for n, h in held.items()}, settled=settled)

    def _failed(self, names: Iterable[str]) -> dict[str, tuple[Diagnostic, ...]]:
        tried = ((name, self.problem(name)) for name in sorted(names))
        return {name: problem for name, problem in tried if problem is not None}

    def problem(self, name: str) -> tuple[Diagnostic, ...] | None:
        """Why a chain, or its route, does not compile with the texts that now count."""
        chains, made = self.chains, self.chains.deployment
        if name.startswith(RESERVED):
            return None
        try:
            if chains.plans.get(chains.scope, name, chains.texts, made) is None:
                compiled = made.compile(name, chains.texts)
                if self.before is not None:
                    chains.plans.keep(chains.scope, compiled, chains.texts, made)
            if chains.texts[name].routed:
                made.route(name, chains.texts)
        except ChainInvalid as error:
            found = error.diagnostics
            is_template = {one.category for one in found} == {TEMPLATE}
            return None if is_template and self._meant(name) else found
        return None

    def _meant(self, name: str) -> bool:
        """Whether an open placeholder is the author's will: it stands in the chain's own text."""
        return self.chains.texts[name].extends is None and "{{" in self.chains.texts[name].text

    def _roots(self, failed: Iterable[str]) -> tuple[str, ...]:
        """Chains whose own text is to blame, or else all for which there is an earlier one."""
        able = [name for name in failed if self._another(name)]
        texts = self.chains.texts
        own = [
            name
            for name in able
            if not any(
                other != name and (other in texts[name].text or other == texts[name].extends)
                for other in failed
            )
        ]
        return tuple(own or able)

    def _another(self, name: str) -> bool:
        """Whether there is a row that was not tried yet; it is then in `left`."""
        if name not in self.left:
            rows = self.earlier.setdefault(name, self._earlier(name))
            if (row := next(rows, None)) is not None:
                self.left[name] = row
        return name in self.left

    def _earlier(self, name: str) -> Iterator[ChainRow]:
        """Rows of before with other texts: what served, then what somebody kept."""
        row = self.chains.rows[name]
        if self.before is not None and name in self.before.rows:
            was, held = self.before.effective(name), self.before.held.get(name)
            good = held is None or held.serving_version is not None
            if good and was.serving and _text(was) != _text(row):
                yield was
            if self._served(name) is not None:
                # That is the last good version, whatever others somebody kept.
                return
        for kept in self.stored(name):
            if _text(kept) != _text(row):
                yield kept

    def _kept(self, name: str, found: tuple[Diagnostic, ...]) -> Held:
        """What a chain was compiled to before other chains broke it; itself if only its route is
        bad, since it can be started by its name.
        """
        version = self.chains.rows[name].version
        sound = self._sound(name)
        if sound is not None:
            return Held(version, found, kept=sound)
        kept = self._served(name)
        if self.before is None or kept is None:
            return Held(version, found)
        return Held(version, found, row=self.before.effective(name), kept=kept)

    def _sound(self, name: str) -> Compiled | None:
        try:
            return self.chains.deployment.compile(name, self.chains.texts)
        except ChainInvalid:
            return None

    def _served(self, name: str) -> Compiled | None:
        """What a start would have got before, if anything."""
        if self.before is None or name not in self.before.rows:
            return None
        try:
            return self.before.compiled(name)
        except RuleError:
            return None

    def _dated(self, name: str, held: Held) -> Held:
        """A chain that was held back before, for the same version, is so since then."""
        was = self.held_before.get(name)
        if was is None and self.before is not None:
            was = self.before.held.get(name)
        if was is None or was.version != held.version:
            return held
        return Held(held.version, held.diagnostics, held.row, held.kept, was.since)


def _text(row: ChainRow) -> tuple[str, str | None, str | None]:
    return row.text, row.extends, row.route
