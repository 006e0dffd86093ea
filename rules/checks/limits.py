"""How large a chain may be, and the checks of it.

For the compiler. The limits keep a plan within what Temporal's history and the JSON reader take.
"""

from dataclasses import dataclass
from typing import Final

from rules.checks.terms import Term
from rules.el.findings import Findings
from rules.el.parser import DEPTH

PLAN_LIMIT: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a chain.

    `text` in bytes of UTF-8; `depth` in parentheses inside one another; `nodes` in plan nodes with
    all included chains; `levels` bounds JSON arrays and objects inside one another: an ELIF counts
    one, TO three, any other operator and an included chain two; `marks` in modifiers, once for each
    use of a variable or chain; `given` in characters that `.data` and `.bind` give to all steps;
    `plan` in bytes of the plan as JSON, with the policies of its components.
    """

    text: int = 64 * 1024
    depth: int = DEPTH
    nodes: int = 10_000
    # pydantic refuses JSON of more than 200 levels; the messages around a plan need some.
    levels: int = 180
    plan: int = PLAN_LIMIT
    marks: int = 100_000
    given: int = 512 * 1024


DEFAULT_LIMITS: Final = Limits()


def check_text(findings: Findings, limits: Limits) -> None:
    """Report a text that is blank (`empty`) or longer than the limit (`limit`)."""
    text = findings.text
    if not text.strip():
        findings.error("empty", "the chain is empty", 0, len(text))
    # A character takes at most 4 bytes, so most texts need not be encoded.
    elif len(text) * 4 > limits.text:
        size = len(text.encode("utf-8", "replace"))
        if size > limits.text:
            message = f"the text has {size} bytes; at most {limits.text} are allowed"
            findings.error("limit", message, 0, 1)


def check_size(term: Term, findings: Findings, limits: Limits) -> None:
    """Report a chain that is too large once its variables and chains are put in (`limit`)."""
    if term.size > limits.nodes:
        message = f"the chain has more than {limits.nodes} nodes, included chains counted"
        findings.error("limit", message, term.start, term.end, hint="start a chain of its own")
    elif term.levels > limits.levels:
        message = f"the chain is nested too deeply, included chains counted: {term.levels} levels"
        hint = (
            f"at most {limits.levels}; an ELIF counts one, TO three, other operators and chains two"
        )
        findings.error("limit", message, term.start, term.end, hint=hint)
    elif term.marks > limits.marks:
        message = f"the chain has more than {limits.marks} modifiers, variables put in"
        findings.error("limit", message, term.start, term.end)


def check_given(given: int, findings: Findings, limits: Limits) -> None:
    """Report a chain whose steps get too much from `.data` and `.bind` (`limit`)."""
    if given > limits.given:
        message = f".data and .bind give more than {limits.given} characters to all steps together"
        hint = "what is given to an expression counts for each step in it"
        findings.error("limit", message, 0, 1, hint=hint)


def check_plan(size: int, findings: Findings, limits: Limits) -> None:
    """Report a chain whose plan, of so many bytes, an execution could not carry (`limit`)."""
    if size > limits.plan:
        message = f"the chain's plan has {size} bytes, included chains counted"
        hint = f"at most {limits.plan} are allowed; start parts of it as chains of their own"
        findings.error("limit", message, 0, 1, hint=hint)
