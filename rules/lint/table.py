"""The table of the lint: one row per rule, with its code, how grave it is, and how to mend it.

For `rules.lint.report`, which runs the rows, and `rules.lint.page`, which documents them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from rules.lint import bounds, sharing, undoing
from rules.lint.finding import Finding
from rules.lint.survey import Survey


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. `meaning` says what it finds and why that matters, `mend` what to do about it.

    `of_components`: it would only guess where nobody told what the components are.
    """

    code: str
    severity: Literal["warning", "info"]
    meaning: str
    mend: str
    look: Callable[[Survey], Iterable[Finding]]
    of_components: bool = False


RULES: Final = (
    Rule(
        "no_undo",
        "warning",
        "A step that is neither read-only nor irreversible has no compensation, and something that "
        "may fail comes after it, or beside it. Its effect stays when the saga is undone.",
        "give it a compensation (compensate=...), say read_only=True or irreversible=True, or "
        "move it behind what may fail",
        undoing.no_undo,
        of_components=True,
    ),
    Rule(
        "irreversible_not_last",
        "warning",
        "A step that is declared irreversible is not last: a failure after it, or beside it, "
        "undoes the other steps and leaves this one.",
        "move it behind what may fail, or let what follows not fail the saga: on_failure IGNORE, "
        "or a CATCH around it",
        undoing.irreversible_not_last,
    ),
    Rule(
        "undo_absorbed",
        "warning",
        "A step with a compensation stands in a `CATCH` or under `.ignoreError(true)`. Its own "
        "failure, or one behind it, is absorbed: the saga goes on, and what was done in there "
        "stays done unless the saga fails later; then it is undone with the rest.",
        "put it before the block, or let the handler (CATCH(...).DO(...)) bring things in order",
        undoing.undo_absorbed,
    ),
    Rule(
        "undo_of_loser",
        "warning",
        "A step with a compensation stands in a branch that may lose: under `.any`, beside "
        "`.must`, under `.percentage`, or under `.maxWait…`. A loser's running step is awaited, "
        "its output and its writes are dropped; what it did stays done unless the saga fails "
        "later, and is undone then.",
        "let branches that may lose only read, or act on the answer behind the block",
        undoing.undo_of_loser,
    ),
    Rule(
        "endless_loop",
        "warning",
        "`WHILE(true)` without `BREAK`.",
        "add .BREAK(...), or ask a component: WHILE(...)",
        bounds.endless_loop,
    ),
    Rule(
        "unbounded_loop",
        "info",
        "A `WHILE` or `FOR` whose head is a component, or `WHILE(true)` with `BREAK`: the chain "
        "gives no bound. The finding says how many passes fit.",
        "let the head stop in time, use FOR with a number, or start a chain for each object",
        bounds.unbounded_loop,
    ),
    Rule(
        "unknown_component",
        "warning",
        "A component, or what undoes one, is served by no worker of this deployment. (A name that "
        "nothing explains is an error, `unknown_ref`; a fallback that stands in is the compiler's "
        "warning `fallback`.)",
        "deploy the package that has it (setting `components`) before the chain is published",
        undoing.unknown_component,
    ),
    Rule(
        "many_events",
        "info",
        "The way on which nothing fails takes more events than Temporal's hint: the saga "
        "continues as new by itself, and its history is several runs.",
        "nothing has to be done; several chains that start one another are easier to read",
        bounds.many_events,
    ),
    Rule(
        "too_wide",
        "warning",
        "Blocks side by side in blocks side by side start more steps at a time than Temporal "
        "lets one run have under way, or than its history can take before all have ended.",
        "run the outer or the inner block one after the other",
        bounds.too_wide,
    ),
    Rule(
        "large_stack",
        "warning",
        "There are more steps than the saga stack can keep; the count assumes steps whose undo "
        "asks for neither input nor output.",
        "split the loop: start a chain of its own for each part",
        bounds.large_stack,
    ),
    Rule(
        "shared_context",
        "warning",
        "A step with a parameter of the type `Context` runs side by side with another one that "
        "uses the context: in a `WHEN`, or as passes of a parallel loop.",
        "bind single keys (Ctx), return an output, or write with add and append, which do not "
        "depend on the order",
        sharing.shared_context,
    ),
    Rule(
        "whole_context",
        "info",
        "A component has a parameter of the type `Context`, which sends all of the context.",
        'bind the keys that it needs: Annotated[T, Ctx("key")]; writes go through Step.context',
        sharing.whole_context,
    ),
    Rule(
        "manual_in_loser",
        "warning",
        "A step that asks a person when it fails (`MANUAL`, or `RETRY` with `MANUAL` afterwards) "
        "stands in a branch that may lose. Losers never wait for a person.",
        "take it out of the block, or give it another on_failure",
        sharing.manual_in_loser,
    ),
    Rule(
        "long_finally",
        "warning",
        "The time-outs of the steps in a `FINALLY`, one after the other and all attempts counted "
        "(of parallel branches the longest), come to more than the 60 s that each block has.",
        "lower the steps' timeout or attempts, or do less in FINALLY",
        bounds.long_finally,
        of_components=True,
    ),
    Rule(
        "retry_compensable",
        "info",
        "Steps with a compensation stand in a block with `.retry`: each pass has its own stack "
        "entries, and each is undone for itself when the saga is undone.",
        "retry the single step (a.retry(2)), which keeps its key and its entry",
        undoing.retry_compensable,
    ),
)

CODES: Final = frozenset(rule.code for rule in RULES)
