"""Versions that somebody kept, in memory: the newest comes last, as they were written."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from rules.source.past import Levels, Once
from rules.source.repository import ChainRow
from rules.source.scripts import ScriptRow

R = TypeVar("R", ChainRow, ScriptRow)


class Told:
    """One tenant's; None is a deletion. What is given later was written later, of all names."""

    def __init__(
        self,
        chains: Mapping[str, Sequence[ChainRow | None]] | None = None,
        scripts: Mapping[str, Sequence[ScriptRow | None]] | None = None,
    ) -> None:
        self._chains = _levels(chains or {})
        self._scripts = _levels(scripts or {})

    def chains(self, names: Sequence[str]) -> Mapping[str, Levels[ChainRow]]:
        return {name: self._chains[name] for name in names if name in self._chains}

    def scripts(self, ids: Sequence[str]) -> Mapping[str, Levels[ScriptRow]]:
        return {id: self._scripts[id] for id in ids if id in self._scripts}


def _levels(given: Mapping[str, Sequence[R | None]]) -> dict[str, Levels[R]]:
    found: dict[str, Levels[R]] = {}
    at = 0
    for name, rows in given.items():
        level = [Once(at + number, row) for number, row in enumerate(rows)]
        at += len(rows)
        found[name] = [level[::-1]]
    return found
