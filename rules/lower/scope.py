"""What is given to everything inside an expression: data, bound values, a place in the text.

For the lowering. `.data` of the outermost wins, `.bind` of the innermost (EL reference sections 3
and 6).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rules.checks.terms import Applied, Constant, Term, text


class Scope(NamedTuple):
    """What comes from further out.

    `within` is the place, in the text of the compiled chain, of the included chain that we are in.
    `bound` are the values of `.bind` by key, `fixed` the keys that nothing inside may bind again.
    """

    data: str | None = None
    within: tuple[int, int] | None = None
    bound: Mapping[str, str] | None = None
    fixed: frozenset[str] = frozenset()


def scope_data(scope: Scope, applied: Applied) -> Scope:
    """data: for everything before it that has none from further out."""
    return scope if scope.data is not None else scope._replace(data=text(applied))


def scope_bind(scope: Scope, binds: Sequence[Applied]) -> Scope:
    """bind: the ones of one object. Of the same key the last counts, also if it is blank."""
    if not binds:
        return scope
    values: dict[str, str] = {}
    final: set[str] = set()
    for applied in binds:
        key = text(applied)
        values[key] = text(applied, 1)
        if len(applied.args) > 2:  # noqa: PLR2004 - the third operand is optional
            override = applied.args[2].subject
            if isinstance(override, Constant) and override.value is True:
                final.add(key)
    bound = dict(scope.bound or {})
    for key, value in values.items():
        if key not in scope.fixed and value.strip():
            bound[key] = value
    return scope._replace(bound=bound, fixed=scope.fixed | final)


def objects(term: Term) -> dict[int, list[Applied]]:
    """The binds of each object in a row of modifiers.

    A modifier that puts a block around what stands before it ends an object; the key is its index,
    for the outermost object the number of modifiers.
    """
    found: dict[int, list[Applied]] = {}
    begun: list[Applied] = []
    branched = isinstance(term.subject, Applied) and term.subject.row.name == "WHEN"
    for index, applied in enumerate(term.modifiers):
        row = applied.row
        if row.around and not (row.names_branches and branched):
            found[index] = begun
            begun = []
            branched = row.names_branches
        elif row.name == "bind":
            begun.append(applied)
    found[len(term.modifiers)] = begun
    return found
