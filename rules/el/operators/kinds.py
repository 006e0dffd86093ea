"""The kinds of things that a chain's text speaks of, and what messages call them.

For the rows of the table and the checks. A kind decides where something may stand and which
modifiers may follow it.
"""

from collections.abc import Mapping
from typing import Final

UNKNOWN: Final = "unknown"
"""The kind of what was already reported; it fits everywhere, so that one error stays one."""

MISSING: Final = "missing"
"""A component that does not exist; the fallback of the kind that its place needs stands in."""

COMPONENTS: Final = frozenset({"common", "boolean", "switch", "for", "iterator"})
HEADS: Final = COMPONENTS - {"common"}

INCOMPLETE: Final[Mapping[str, str]] = {
    "open_choice": "choice",
    "open_loop": "loop",
}
"""Expressions that lack a part, with what they are once they have it."""

PRES: Final = frozenset({"pre", "pre_limit"})
FINALLIES: Final = frozenset({"finally", "finally_limit"})
HOISTED: Final = PRES | FINALLIES
"""Blocks that have a place of their own in a THEN."""

LIMITED: Final = frozenset({"limit", "pre_limit", "finally_limit"})
"""What `.maxWait...` makes of anything but a WHEN."""

RUNNABLE: Final = frozenset(
    {"then", "when", "if", "choice", "loop", "catch", "retry", "limit", "marked"}
)
EXPRESSIONS: Final = RUNNABLE | HOISTED | {"logic", "asked"}
"""What can be the body of a chain."""

KIND_WORDS: Final[Mapping[str, str]] = {
    "common": "a common component",
    "boolean": "a boolean component",
    "switch": "a switch component",
    "for": "a for component",
    "iterator": "an iterator component",
    "missing": "a component",
    "then": "a THEN expression",
    "when": "a WHEN expression",
    "if": "an IF expression",
    "choice": "a SWITCH expression",
    "open_choice": "a SWITCH expression",
    "loop": "a loop",
    "open_loop": "a loop",
    "catch": "a CATCH expression",
    "logic": "an AND, OR or NOT expression",
    "pre": "a PRE expression",
    "pre_limit": "a PRE expression",
    "finally": "a FINALLY expression",
    "finally_limit": "a FINALLY expression",
    "retry": "an expression with .retry",
    "limit": "an expression with a time limit",
    "asked": "a condition with .retry or a time limit",
    "chain": "a chain",
    "marked": "a chain with .tag or .bind",
    "string": "a string",
    "integer": "an integer",
    "float": "a decimal number",
    "truth": "a truth value",
    "null": "null",
}
