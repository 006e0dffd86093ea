"""What names mean: near names, which chains a text refers to, in which order they are checked.

For the checks and the compiler. Names are looked up in the order local variable, component,
chain (EL reference section 1).
"""

from collections.abc import Collection, Container, Iterable, Mapping
from difflib import get_close_matches
from typing import Final, NamedTuple

from rules.el.ast import Name, Script

CURRENT_CHAIN: Final = "currChainId"
"""A variable that every chain has: its own name, as a string."""

_LONGEST: Final = 64


def near_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant; upper and lower case count as nearly equal."""
    if len(name) > _LONGEST:
        return None
    spellings = {spelling.casefold(): spelling for spelling in known}
    close = get_close_matches(name.casefold(), spellings, n=1, cutoff=0.7)
    return spellings[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint with the near name, if there is one."""
    near = near_name(name, known)
    return f"did you mean '{near}'?" if near else None


def references(
    script: Script, components: Container[str], chains: Container[str]
) -> tuple[Name, ...]:
    """The names in a text that mean chains: neither variables set before nor components."""
    found: list[Name] = []
    variables = {CURRENT_CHAIN}
    for statement in script.statements:
        for name in statement.names:
            text = name.text
            if text not in components and text in chains and text not in variables:
                found.append(name)
        if statement.target is not None:
            variables.add(statement.target.text)
    return tuple(found)


class Order(NamedTuple):
    """`chains` with every chain behind those that it refers to; the last one is the root.

    `cycles` has, for a chain that closes a circle, the path from it back to itself by the chain
    that it must not refer to: `cycles["b"]["a"] == ("a", "b", "a")`.
    """

    chains: tuple[str, ...]
    cycles: Mapping[str, Mapping[str, tuple[str, ...]]]


def order(root: str, referred: Mapping[str, Collection[str]]) -> Order:
    """Sort the chains that `root` reaches. Not recursive: chains may refer to chains at length."""
    if not referred[root]:
        return Order((root,), {})
    done: dict[str, None] = {}
    path: dict[str, None] = {root: None}
    cycles: dict[str, dict[str, tuple[str, ...]]] = {}
    pending = [iter(referred[root])]
    while pending:
        chain = next(reversed(path))
        following = next(pending[-1], None)
        if following is None:
            pending.pop()
            path.popitem()
            done[chain] = None
        elif following in path:
            steps = [*path, following]
            circle = tuple(steps[steps.index(following) :])
            cycles.setdefault(chain, {})[following] = circle
        elif following not in done:
            path[following] = None
            pending.append(iter(referred[following]))
    return Order(tuple(done), cycles)
