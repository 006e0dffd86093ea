"""Writes `docs/lint.md` from the table of the lint.

For rule authors; run as `python -m rules.lint.page`. A test fails when the file is stale.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rules.lint.costs import ENTRY_BYTES, EVENTS_HINT, EVENTS_LIMIT, STACK_STEPS, WINDOW
from rules.lint.report import MOST
from rules.lint.table import RULES, Rule

PAGE: Final = Path(__file__).parents[2] / "docs" / "lint.md"

_HEAD: Final = f"""\
# The lint

<!-- Written by `python -m rules.lint.page` from rules/lint/table.py. Do not edit. -->

`chainsaga check` warns of chains that compile and may still not do what their author means once a
step fails. No finding keeps a chain from running. A *warning* is about money or time that may be
lost, an *info* about what one should know. Each names a place, a code, and what to do. What stands
in an included chain is shown where the chain is included. A component is named once, with the
number of its other places; a rule names {MOST} places at most, and says how many more there are.

A start does not run the lint.

"""

_TAIL: Final = f"""
## How events are estimated

A step on its own takes about 6 events: three of its activity, three of the workflow task behind it.
Steps side by side share workflow tasks, at best. A time limit or a `FINALLY` adds a timer. Of
several ways the dearest counts; a loop counts by its literal bound, else one pass; retries and undo
are left out. At {EVENTS_HINT:,} events Temporal suggests to continue as new, and a saga does so
between steps; a run would be terminated at {EVENTS_LIMIT:,}. An entry of the saga stack comes to
about {ENTRY_BYTES} bytes, so that about {STACK_STEPS:,} steps fit, fewer where undos ask for inputs
or outputs. A `WHEN` and a parallel loop run {WINDOW} branches at a time.

## What the lint cannot know

- **Which keys a step writes.** Components declare what they read of the context, not what they
  write. Every step with a parameter of the type `Step` may write through `step.context`; only
  those with a `Context` are looked at.
- **Which steps cannot fail.** Every step counts as one that may, except under `IGNORE`, in a
  `CATCH` and under `.ignoreError(true)`. Cancel, a chain's time limit and an operator's
  `compensate` undo a saga after any step: a last step without a compensation is not reported, and
  stays done then too.
- **What requests and tenants change.** The lint sees the policies of the components, not a
  request's overrides.
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "\n".join(_rows()) + "\n" + _TAIL


def _rows() -> Iterator[str]:
    yield "| code | | what it finds | what to do |"
    yield "|---|---|---|---|"
    for rule in RULES:
        yield _row(rule)


def _row(rule: Rule) -> str:
    return f"| `{rule.code}` | {rule.severity} | {rule.meaning} | {rule.mend} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
