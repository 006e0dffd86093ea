"""Writes `docs/language.md` from the table of operators.

For rule authors; run as `python -m rules.el.reference`. A test fails when the file is stale.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rules.el.operators.rows import Operator
from rules.el.operators.table import OPERATORS

PAGE: Final = Path(__file__).parents[2] / "docs" / "language.md"

_HEAD: Final = """\
# The language of chains

<!-- Written by `python -m rules.el.reference` from rules/el/operators. Do not edit. -->

A chain is text such as

    THEN(createOrder, WHEN(deductStock, freezeCoupon), pay, notify)

It follows LiteFlow's EL, as data: calls, modifiers, names, literals and assignments. There is no
`if`, no function, no comparison; what is computed are literals (`"a" + "b"`, `2 * 3`), once, when
the chain is compiled.

| | |
|---|---|
| statements | end with `;` or the line; the last one is the chain. Others that are not assigned \
are discarded, with a warning |
| variables | `both = WHEN(a, b); THEN(both, c)`. Every use is a copy. An operand may assign one, \
and stands for its value: `THEN(a, both = WHEN(b, c))` |
| names | a variable, else a component, else a chain of that name. `currChainId` is the chain's \
own name |
| strings | `"..."` or `'...'`, with `\\"`, `\\'`, `\\\\`, `\\n`, `\\t`, `\\uXXXX`; they may span \
lines |
| numbers | `3`, `-3`, `0.5`, `0.6f`; integers have 32 bits, division cuts towards zero |
| comments | `// to the end of the line`, `/* over lines */` |
| a chain | must be an expression: `THEN(a)`, not `a` |
| chains in chains | a chain's name includes it. Chains must not run in a circle |
| templates | `{{key}}` is filled by chains that extend this one: [definitions.md](definitions.md) |

Names of operators are case sensitive. In the examples `a` to `d` are common components, `x` and
`y` boolean ones, `s` is a switch, `n` a for and `it` an iterator component, and `sub` is a chain.

## What is special

- `PRE` and `FINALLY` belong to the `THEN` in which they stand; where, does not matter. `.retry` and
  `.maxWait...` on them keep that place. Elsewhere they run like a `THEN`, with a warning; directly
  in a `WHEN`, or as the target of `IF` or `SWITCH`, they are an error.
- `AND`, `OR` and `NOT` are conditions. As a step they are asked, with a warning, and their answer
  is lost.
- The order of modifiers matters: what stands behind `.retry` or `.maxWait...` is said of the block
  that it makes. `a.tag("t").retry(2)` gives the tag to `a`; `a.retry(2).tag("t")` does not. For
  `SWITCH` and `must` both have the id `a` and the tag `t`.
- An expression without `.id` has the id `condition-` and its operator: `condition-then`.
- Of `.any`, `.must` and `.percentage` the last one holds; `.any(false)` waits for all branches.
- `.retry(2).retry(1)` on a component multiplies: 6 attempts in all. Numbers below 0 count as 0.
- `.bind` with a blank value is as if it were not there.

## All operators

"""


def page() -> str:
    """The whole page as Markdown."""
    return _HEAD + "".join(_lines())


def _lines() -> Iterator[str]:
    yield "| operator | also | stands behind | operands | |\n|---|---|---|---|---|\n"
    for row in OPERATORS:
        also = ", ".join(f"`{alias}`" for alias in row.aliases)
        yield f"| `{_name(row)}` | {also} | {row.behind} | {_arity(row)} | {row.summary} |\n"
    for row in OPERATORS:
        yield f"\n## {_name(row)}\n\n{row.summary}\n\n"
        for index, slot in enumerate(row.slots):
            need = "" if index < row.at_least else ", may be left out"
            more = ", any number" if row.repeats and index == len(row.slots) - 1 else ""
            yield f"{index + 1}. {slot.words}{more}{need}\n"
        yield f"\n    {row.example}\n"


def _name(row: Operator) -> str:
    return f".{row.name}" if row.form == "modifier" else row.name


def _arity(row: Operator) -> str:
    if row.repeats:
        return f"{row.at_least} or more"
    most = len(row.slots)
    return str(most) if row.at_least == most else f"{row.at_least} to {most}"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
