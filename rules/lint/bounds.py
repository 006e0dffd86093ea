"""Rules about length: loops without a bound, and what a chain costs against the limits.

For `rules.lint.table`. Each is a pure function from the survey to its findings.
"""

from collections.abc import Callable, Iterator
from typing import Final

from rules.lint.costs import (
    EVENTS_HINT,
    EVENTS_LIMIT,
    FINALLY_SECONDS,
    PENDING_LIMIT,
    STACK_STEPS,
    WINDOW,
    Cost,
)
from rules.lint.finding import Finding
from rules.lint.survey import Survey
from rules.plan import LoopNode, PlanNode
from rules.sizes import COMPENSABLE_LIMIT
from rules.tree import children, first_step

_MOST: Final = 10**9


def endless_loop(found: Survey) -> Iterator[Finding]:
    """WHILE(true) without BREAK."""
    for loop in found.loops:
        if _endless(loop):
            yield Finding(
                first_step(loop),
                "WHILE(true) without BREAK ends only with a failure, or with a step that ends "
                f"the flow; {_lasting(found.costs.one_pass(loop))}",
            )


def unbounded_loop(found: Survey) -> Iterator[Finding]:
    """A loop whose head, a component, alone knows how many passes there are."""
    for loop in found.loops:
        asked = not isinstance(loop.head, int) and loop.op in ("for", "while")
        if asked or (loop.head is True and loop.until is not None):
            yield Finding(
                first_step(loop),
                f"nothing in the chain says how often this {loop.op.upper()} goes round; "
                f"{_lasting(found.costs.one_pass(loop))}",
            )


def many_events(found: Survey) -> Iterator[Finding]:
    """More events than one run holds."""
    events = found.costs.of(found.plan.root).events
    if events > EVENTS_HINT:
        heaviest = _heaviest(found, lambda cost: cost.events > EVENTS_HINT)
        yield Finding(
            first_step(heaviest),
            f"about {_shown(events)} events in Temporal when nothing fails: the saga continues as "
            f"new about {_shown(events // EVENTS_HINT)} times, every {EVENTS_HINT:,} events "
            f"(a run must not reach {EVENTS_LIMIT:,})",
        )


def too_wide(found: Survey) -> Iterator[Finding]:
    """More steps at a time than a run may have under way."""
    width = found.costs.of(found.plan.root).width
    if width > PENDING_LIMIT:
        heaviest = _heaviest(found, lambda cost: cost.width > PENDING_LIMIT)
        yield Finding(
            first_step(heaviest),
            f"up to {_shown(width)} steps under way at a time, since blocks side by side stand in "
            f"one another ({WINDOW} of each run at a time); Temporal allows a run {PENDING_LIMIT:,}"
            f" activities at a time and {EVENTS_LIMIT:,} events",
        )


def large_stack(found: Survey) -> Iterator[Finding]:
    """More steps than the saga stack can keep."""
    steps = found.costs.of(found.plan.root).steps
    if steps > STACK_STEPS:
        heaviest = _heaviest(found, lambda cost: cost.steps > STACK_STEPS)
        yield Finding(
            first_step(heaviest),
            f"up to {_shown(steps)} steps; after about {STACK_STEPS:,} the saga carries "
            f"{COMPENSABLE_LIMIT:,} bytes, and the next step that can be undone fails with "
            "STACK_TOO_LARGE",
        )


def long_finally(found: Survey) -> Iterator[Finding]:
    """A FINALLY whose steps may take longer than it is given."""
    for block in found.lasts:
        seconds = found.costs.of(block).seconds
        if seconds > FINALLY_SECONDS:
            yield Finding(
                first_step(block),
                f"by the time-outs of its steps this FINALLY may take {seconds:g} s; after "
                f"{FINALLY_SECONDS:g} s it is given up as failed (FINALLY_TIMEOUT)",
            )


def _endless(loop: LoopNode) -> bool:
    return loop.head is True and loop.until is None


def _lasting(each: Cost) -> str:
    """How many passes fit, in words."""
    run = max(EVENTS_HINT // max(each.events, 1), 1)
    stack = STACK_STEPS // max(each.steps, 1)
    return (
        f"a pass is about {_shown(each.events)} events, so a run holds about {run:,} of them, and "
        f"the saga stack about {stack:,} in all"
    )


def _heaviest(found: Survey, heavy: Callable[[Cost], bool]) -> PlanNode:
    """The innermost block that is too much by itself."""
    node = found.plan.root
    while True:
        inner = next((one for one in children(node) if heavy(found.costs.of(one))), None)
        if inner is None:
            return node
        node = inner


def _shown(count: int) -> str:
    return f"{count:,}" if count <= _MOST else "more than a billion"
