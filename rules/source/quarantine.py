"""Holds back what does not compile: which chains, and what serves in their place.

For the rule source, when rows have changed. Three things can break a chain. A script that nobody
can use: then the chain is compiled with that script as it last could be. Its own new text: then the
earlier text serves, also for the chains that include or extend it. Or other chains and scripts, of
which one is gone or has changed: then what it was last compiled to serves. What was is what this
process served; what it never served, the kept versions tell. Reads no database; they are handed in.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Final

from rules.compiler import ChainText, Compiled
from rules.errors import ChainInvalid, Diagnostic, RuleError
from rules.jobs import RESERVED
from rules.source.chains import NONE_HELD, Held, TenantChains, Used
from rules.source.past import NOTHING_STORED, Mended, Past, Stored, used_by
from rules.source.repository import ChainRow

TEMPLATE: Final = "placeholder_missing"
MANY: Final = 50
"""Changes of one tenant at once; with more it is quicker to try all its chains."""


def settle(
    chains: TenantChains,
    before: TenantChains | None,
    suspects: Collection[str],
    stored: Stored = NOTHING_STORED,
    *,
    settled: bool,
) -> TenantChains:
    """The chains with those of the suspects held back that do not compile; others stay as they are.

    `before` is what served until now. What is held back is a suspect, too: it may have healed; and
    so are those that include it, which stand between it and others that do.
    """
    held = suspects_of(chains, chains.held.keys()) if chains.held else set()
    return _Trial(chains, before, stored).run({*suspects, *held}, settled=settled)


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
            and ((holds(_whole(text)) and names(_whole(text))) or text.extends in new)
        }
        found |= new
    return found


def _whole(text: ChainText) -> str:
    return text.text if text.route is None else f"{text.text}\n{text.route}"


def _mention(name: str) -> str:
    """Finds a name in a text; rather in too many, but `pay` is not in `payNotify`."""
    word = re.escape(name)
    return rf"(?<!\w){word}(?!\w)" if re.fullmatch(r"\w+", name) else word


def failing(chains: TenantChains, names: Iterable[str]) -> set[str]:
    """Those of the chains that do not compile as they are; templates are meant not to."""
    return set(problems(chains, names))


def problems(chains: TenantChains, names: Iterable[str]) -> dict[str, tuple[Diagnostic, ...]]:
    """Why those of the chains do not compile that do not."""
    trial = _Trial(chains, None, NOTHING_STORED)
    found = ((name, trial.problem(name)) for name in names if trial.serves(name))
    return {name: problem for name, problem in found if problem is not None}


class _Trial:
    """Rows that are tried: `chains` changes until what serves compiles."""

    def __init__(self, chains: TenantChains, before: TenantChains | None, stored: Stored) -> None:
        self.held_before = chains.held
        self.chains = chains
        self.before = before
        self.past = Past(stored)
        self.earlier: dict[str, Iterator[ChainRow]] = {}
        self.sound: dict[str, Mended] = {}
        self.good: dict[str, Mended | None] = {}

    def serves(self, name: str) -> bool:
        row = self.chains.rows.get(name)
        return row is not None and row.serving

    def run(self, suspects: set[str], *, settled: bool) -> TenantChains:
        suspects = {name for name in suspects if self.serves(name)}
        # As the rows are, without holding anything back.
        self.chains = self.chains.holding(NONE_HELD, settled=settled)
        held: dict[str, Held] = {}
        stuck: set[str] = set()
        failed = first = self._failed(suspects)
        while True:
            layer = self._layer(failed.keys() - self.sound.keys() - stuck)
            if not layer:
                break
            rows = {name: row for name in layer if (row := self._another(name)) is not None}
            stuck |= layer - rows.keys()
            for name, row in rows.items():
                held[name] = Held(self.chains.rows[name].version, first[name], row=row)
            if rows:
                self.chains = self.chains.holding(dict(held), settled=settled)
                failed = self._failed(suspects)
                first = {**failed, **first}
        for name in failed:
            held[name] = self._mended(name, first[name], held.get(name))
        self.chains = self.chains.holding(held, settled=settled)
        told = {name: self._told(name, one) for name, one in held.items()}
        return self.chains.holding(told, settled=settled)

    def _failed(self, names: Iterable[str]) -> dict[str, tuple[Diagnostic, ...]]:
        """Those that do not compile; `sound` are then those that do with other scripts."""
        tried = ((name, self.problem(name)) for name in sorted(names))
        failed = {name: problem for name, problem in tried if problem is not None}
        with_others = ((name, self.past.with_sound_scripts(self.chains, name)) for name in failed)
        self.sound = {name: found for name, found in with_others if found is not None}
        return failed

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

    def _layer(self, failed: set[str]) -> set[str]:
        """Chains that name no other failing one, or else all: their own texts come first."""
        texts = self.chains.texts
        own = {
            name
            for name in failed
            if not any(
                other != name and (other in texts[name].text or other == texts[name].extends)
                for other in failed
            )
        }
        return own or failed

    def _another(self, name: str) -> ChainRow | None:
        """A row of before that was not tried yet, if the chain's own text may be to blame."""
        return next(self.earlier.setdefault(name, self._earlier(name)), None)

    def _earlier(self, name: str) -> Iterator[ChainRow]:
        """Rows of before with other texts: what served or, if nothing did, what once compiled."""
        row = self.chains.rows[name]
        if self.before is not None and name in self.before.rows:
            was, held = self.before.effective(name), self.before.held.get(name)
            good = held is None or held.serving_version is not None
            if good and was.serving and _text(was) != _text(row):
                yield was
            if self._served_whole(self.before, name):
                # That is the last good version, whatever others somebody kept.
                return
        self.good[name] = good_then = self.past.last_good(self.chains, name)
        if good_then is not None and _text(good_then.row) != _text(self.chains.effective(name)):
            yield good_then.row

    def _mended(self, name: str, found: tuple[Diagnostic, ...], held: Held | None) -> Held:
        """What serves for a chain that does not compile, whatever text of it counts."""
        version = self.chains.rows[name].version
        row = held.row if held is not None else None
        if (sound := self.sound.get(name)) is not None:
            return _kept(version, found, row, sound)
        good = self.good.get(name)
        route = self.before.route(name) if self.before is not None else None
        if (compiled := self._by_name(name)) is not None:
            route = route or (good.route if good is not None else None)
            return Held(version, found, row=row, kept=compiled, route=route)
        served = self._served(name)
        if self.before is not None and served is not None:
            row, used = self.before.effective(name), self._used(self.before, name, served)
            return Held(version, found, row=row, kept=served, route=route, used=used)
        if good is not None:
            return _kept(version, found, good.row, good)
        return Held(version, found)

    def _by_name(self, name: str) -> Compiled | None:
        """A chain of which only the route is bad can be started by its name."""
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

    def _served_whole(self, before: TenantChains, name: str) -> bool:
        """Whether it served before, and was chosen by its route if it has one."""
        if self._served(name) is None:
            return False
        text = before.texts.get(name)
        return text is None or not text.routed or before.route(name) is not None

    def _used(self, before: TenantChains, name: str, served: Compiled) -> Used:
        """What the chain was compiled with."""
        held = before.held.get(name)
        if held is not None and held.kept is served:
            return held.used
        return used_by(served, before.route(name), before.texts, before.deployment.scripts)

    def _told(self, name: str, held: Held) -> Held:
        """With what it serves; who was held back before, for the same version, is so since then."""
        was = self.held_before.get(name)
        if was is None and self.before is not None:
            was = self.before.held.get(name)
        since = was.since if was is not None and was.version == held.version else held.since
        others = self.chains.differing(held.used)
        return replace(held, since=since, others=others, serves=_serves(self.chains, name))


def _kept(version: int, found: tuple[Diagnostic, ...], row: ChainRow | None, one: Mended) -> Held:
    return Held(version, found, row=row, kept=one.compiled, route=one.route, used=one.used)


def _serves(chains: TenantChains, name: str) -> str:
    """What a chain that is held back serves, in a word; empty for nothing."""
    held, row = chains.held[name], chains.effective(name)
    if held.serving_version is None:
        return ""
    try:
        sha = chains.compiled(name).plan.sha
    except ChainInvalid:
        # A template: only others take it in.
        sha = row.sha
    route = chains.route(name)
    parts = (sha, row.transactional, row.undo_policy, route and route.sha)
    return sha256(repr(parts).encode()).hexdigest()


def _text(row: ChainRow) -> tuple[str, str | None, str | None]:
    return row.text, row.extends, row.route
