"""Rules about undo: what stays behind, and where something is undone later than one may think.

For `rules.lint.table`. Each is a pure function from the survey to its findings.
"""

from collections.abc import Iterable, Iterator

from rules.el.findings import quoted
from rules.lint.finding import Finding
from rules.lint.survey import Occurrence, Survey
from rules.plan import CatchNode, PlanNode


def no_undo(found: Survey) -> Iterator[Finding]:
    """A step that changes something and cannot be undone, before one that may fail."""
    for policy, one, more in _by_component(
        one
        for one in found.steps
        if one.followed and not (one.undoable or one.policy.read_only or one.policy.irreversible)
    ):
        words = f"{quoted(policy)} has no compensation, and a step after it may fail"
        yield Finding(one.step, f"{words}: its effect would stay{more}")


def irreversible_not_last(found: Survey) -> Iterator[Finding]:
    """A step that cannot be taken back, before one whose failure undoes the rest."""
    for policy, one, more in _by_component(
        one for one in found.steps if one.followed and one.policy.irreversible
    ):
        words = f"{quoted(policy)} is irreversible, and a step after it may fail"
        yield Finding(one.step, f"{words}: the others would be undone, this one not{more}")


def undo_absorbed(found: Survey) -> Iterator[Finding]:
    """A compensation where failures are absorbed, so that none of them starts it."""
    for block, steps in _by_block((one.around.absorber, one) for one in found.steps):
        where = "in a CATCH" if isinstance(block, CatchNode) else "under ignoreError(true)"
        yield Finding(
            steps[0].step,
            f"{_names(steps)} can be undone, but stands {where}: a failure in there is "
            "absorbed and undoes nothing; what was done before it stays, and is undone only if "
            "the saga fails later",
        )


def undo_of_loser(found: Survey) -> Iterator[Finding]:
    """A compensation in a branch that may lose: the step stays done though its output is lost."""
    for _, steps in _by_block((one.around.loser, one) for one in found.steps):
        yield Finding(
            steps[0].step,
            f"{_names(steps)} can be undone, but stands in a branch that the chain may go on "
            "without: the step under way is awaited and stays done, its output and its writes are "
            "dropped, and it is undone only if the saga fails later",
        )


def retry_compensable(found: Survey) -> Iterator[Finding]:
    """Steps that can be undone in a block that runs again."""
    for _, steps in _by_block((one.around.retry, one) for one in found.steps):
        yield Finding(
            steps[0].step,
            f"{_names(steps)} can be undone, and stands in a block that is retried: each pass "
            "does it again under a key of its own, and what a failed pass did stays on the stack "
            "until the saga itself is undone, pass by pass",
        )


def unknown_component(found: Survey) -> Iterator[Finding]:
    """A component, or what undoes it, that no worker of this deployment serves."""
    for name, one, more in _by_component(
        one for one in found.steps if one.step.component not in found.deployed
    ):
        yield Finding(one.step, f"{quoted(name)} is no component of this deployment{more}")
    for name, one, more in _by_component(
        one
        for one in found.steps
        if one.policy.compensate is not None and one.policy.compensate not in found.deployed
    ):
        words = f"{quoted(one.policy.compensate or '')}, which undoes {quoted(name)}"
        yield Finding(one.step, f"{words}, is no component of this deployment{more}")


def _by_component(steps: Iterable[Occurrence]) -> Iterator[tuple[str, Occurrence, str]]:
    """Each component once: where it stands first, and words for where else."""
    places: dict[str, list[Occurrence]] = {}
    for one in steps:
        places.setdefault(one.step.component, []).append(one)
    for name, here in places.items():
        more = len(here) - 1
        yield name, here[0], f" (also in {more} more {_plural('place', more)})" if more else ""


def _by_block(
    steps: Iterable[tuple[PlanNode | None, Occurrence]],
) -> Iterator[tuple[PlanNode, list[Occurrence]]]:
    """Each block once, with the steps in it that can be undone."""
    blocks: dict[int, tuple[PlanNode, list[Occurrence]]] = {}
    for block, one in steps:
        if block is not None and one.undoable:
            blocks.setdefault(id(block), (block, []))[1].append(one)
    yield from blocks.values()


def _names(steps: list[Occurrence]) -> str:
    more = len({one.step.component for one in steps}) - 1
    name = quoted(steps[0].step.component)
    return f"{name} (and {more} more {_plural('component', more)})" if more else name


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
