"""What a rule of the lint has found, before it gets a place in the text.

For the rules and for `rules.lint.report`.
"""

from dataclasses import dataclass

from rules.plan import StepNode


@dataclass(frozen=True, slots=True)
class Finding:
    """Words about a step, or about the block that begins with it."""

    step: StepNode
    words: str
