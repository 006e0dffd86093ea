"""The syntax tree of a chain: what stands in the text, not what it means.

For the parser, the printer and the checks. Nodes are frozen and carry the offsets of their text
(`start` inclusive, `end` exclusive, in characters). Knows no operator names.
"""

from typing import NamedTuple


class Name(NamedTuple):
    """A reference to a variable, a component or a chain."""

    text: str
    start: int
    end: int


class Literal(NamedTuple):
    """A string, integer, float, `true`, `false` or `null`."""

    value: str | int | float | bool | None
    start: int
    end: int


class Arithmetic(NamedTuple):
    """`1 + 2 * 3`, flat: `signs[i]` stands between `operands[i]` and the next one.

    Parentheses in the text are a nested `Arithmetic`.
    """

    operands: tuple["Expr", ...]
    signs: tuple[str, ...]
    start: int
    end: int


class Call(NamedTuple):
    """`NAME(args)`; as a modifier, the part after the dot."""

    name: str
    args: tuple["Expr", ...]
    start: int
    end: int


class Chained(NamedTuple):
    """An expression with its modifiers, in the order of the text: `a.tag("x").retry(2)`.

    Flat, so that a long row of modifiers is not deep.
    """

    base: "Expr"
    modifiers: tuple[Call, ...]
    start: int
    end: int


class Assignment(NamedTuple):
    """`target = value` in an operand's place, where it stands for its value."""

    target: Name
    value: "Expr"
    start: int
    end: int


class Broken(NamedTuple):
    """What could not be read; its error has been reported."""

    start: int
    end: int


Expr = Name | Literal | Arithmetic | Call | Chained | Assignment | Broken


class Statement(NamedTuple):
    """`value` or `target = value`.

    `names` are all references in `value`, in order, but for variables that an operand has assigned.
    """

    target: Name | None
    value: Expr
    names: tuple[Name, ...]


class Script(NamedTuple):
    """All statements of a chain; the last one is the chain."""

    statements: tuple[Statement, ...]
