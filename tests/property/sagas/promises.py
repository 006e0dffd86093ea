"""What every saga promises, read off the ledger of its world: one function for each promise.

A promise gives back what breaks it, in words; nothing if it holds. Only a saga that has ended is
judged. (Design section 5.)
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Final

from rules.decisions import Verdict
from rules.execution import Cause, EntryStatus, Execution, StackEntry, Status
from rules.plan import ComponentPolicy, NodeRetry
from tests.property.sagas.cases import RandomSaga
from tests.property.sagas.ledger import Ledger
from tests.property.sagas.places import known_before, node_at
from workflows.requests import UNDO_LOST_ATTEMPTS

HAPPENED: Final = (EntryStatus.COMPLETED, EntryStatus.UNKNOWN)
UNSEEN: Final = ("CANCELLED", "ATTEMPTS_LOST", "NOT_ACCESSIBLE")
"""Errors of steps that may have ended later than their last call, in a pause or without a call."""
FORWARD: Final = ("begin", "effect", "answer")


@dataclass(frozen=True)
class Ended:
    """A saga that has ended: what was asked for, what it says of itself, what its world says.

    `mirrored` is what readers are told, where there is a mirror.
    """

    saga: RandomSaga
    execution: Execution
    ledger: Ledger
    mirrored: Execution | None = None

    @cached_property
    def steps(self) -> list[StackEntry]:
        """The entries of components; a literal head leaves one, too, and is none."""
        ours = self.saga.plan.components
        return [entry for entry in self.execution.stack if entry.component in ours]

    @cached_property
    def entries(self) -> dict[str, StackEntry]:
        return {entry.path: entry for entry in self.steps}

    def policy(self, entry: StackEntry) -> ComponentPolicy:
        return self.saga.plan.components[entry.component]

    def has_undo(self, entry: StackEntry) -> bool:
        policy = self.policy(entry)
        return policy.compensate is not None and not policy.read_only

    def first(self, what: str) -> dict[str, int]:
        """When it first came in the ledger, by path."""
        found: dict[str, int] = {}
        for number, event in enumerate(self.ledger.events):
            if event.what == what:
                found.setdefault(event.path, number)
        return found

    def last(self, what: str) -> dict[str, int]:
        """When it last came in the ledger, by path."""
        return {e.path: n for n, e in enumerate(self.ledger.events) if e.what == what}

    def count(self, what: str, path: str) -> int:
        return sum(event == (what, path) for event in self.ledger.events)

    def effects(self, entry: StackEntry) -> int:
        return len(self.ledger.effects.get(entry.path, ()))


Promise = Callable[[Ended], Iterator[str]]


def each_step_has_one_entry(ended: Ended) -> Iterator[str]:
    paths = [entry.path for entry in ended.execution.stack]
    if len(set(paths)) < len(paths):
        yield f"paths stand on the stack twice: {sorted(paths)}"
    called = {event.path for event in ended.ledger.events if event.what == "begin"}
    if missing := called - set(paths):
        yield f"called, and not on the stack: {sorted(missing)}"
    for entry in ended.steps:
        if entry.outcome is None or not entry.ended:
            yield f"{entry.path} has come to no end: {entry.status}"


def a_completed_step_took_effect_once(ended: Ended) -> Iterator[str]:
    for entry in ended.steps:
        if entry.outcome is EntryStatus.COMPLETED and ended.effects(entry) != 1:
            yield f"{entry.path} is COMPLETED, and took effect {ended.effects(entry)} times"


def a_failed_step_took_no_effect(ended: Ended) -> Iterator[str]:
    for entry in ended.steps:
        nothing = entry.outcome in (EntryStatus.FAILED, EntryStatus.SKIPPED)
        if nothing and ended.effects(entry) != 0:
            yield f"{entry.path} is {entry.outcome}, and took effect"


def an_unknown_step_took_effect_at_most_once(ended: Ended) -> Iterator[str]:
    for entry in ended.steps:
        if entry.outcome is EntryStatus.UNKNOWN and ended.effects(entry) > 1:
            yield f"{entry.path} is UNKNOWN, and took effect {ended.effects(entry)} times"


def a_step_that_answered_is_not_called_again(ended: Ended) -> Iterator[str]:
    answered = set()
    for what, path in ended.ledger.events:
        if what == "answer":
            answered.add(path)
        if what == "begin" and path in answered:
            yield f"{path} was called again after it had answered"


def undone_means_that_nothing_is_left(ended: Ended) -> Iterator[str]:
    if ended.execution.status not in (Status.COMPENSATED, Status.CANCELLED):
        return
    for path in ended.ledger.standing.values():
        if path in ended.entries and not ended.policy(ended.entries[path]).read_only:
            yield f"{ended.execution.status}, and the effect of {path} stands"


def each_effect_is_undone_once(ended: Ended) -> Iterator[str]:
    undoes = ended.execution.cause is not None and ended.saga.options.saga
    for entry in ended.steps:
        asked, undone = ended.count("undo", entry.path), ended.count("undone", entry.path)
        always = ended.policy(entry).compensate_when == "always" and entry.attempts > 0
        due = undoes and ended.has_undo(entry) and (entry.outcome in HAPPENED or always)
        if bool(asked) is not due:
            yield f"{entry.path} ({entry.outcome}) was {'' if asked else 'not '}undone"
        if undone > 1:
            yield f"{entry.path} was undone {undone} times"
        if undone != (entry.status is EntryStatus.COMPENSATED):
            yield f"{entry.path} is {entry.status}, and was undone {undone} times"


def an_undo_that_answered_is_not_called_again(ended: Ended) -> Iterator[str]:
    answered = set()
    for what, path in ended.ledger.events:
        if what == "undone":
            answered.add(path)
        if what == "undo" and path in answered:
            yield f"the undo of {path} was called again after it had answered"


def undos_are_a_reverse_linear_extension(ended: Ended) -> Iterator[str]:
    """What had ended before another step began is undone after that one."""
    begins, ends = ended.first("begin"), ended.last("end")
    undos, last_undos = ended.first("undo"), ended.last("undo ends")
    stops = ended.saga.options.undo_policy == "stop" and not ended.saga.options.unattended
    for one, other in combinations(sorted(undos, key=lambda path: undos[path]), 2):
        if ends.get(one, 0) < begins.get(other, 0) and _in_turn(ended, one, other):
            yield f"{one} ended before {other} began, and was undone before it"
        if last_undos[one] > undos[other] and stops:
            yield f"the undo of {other} began before that of {one} had ended"


def _in_turn(ended: Ended, one: str, other: str) -> bool:
    """On Temporal a step may have ended and the saga does not know yet, and begins another one."""
    error = ended.entries[one].error
    if error is not None and error.code in UNSEEN:
        return False
    virtual = ended.saga.pace.name == "memory"
    return virtual or known_before(ended.saga.plan.root, one, other)


def nothing_is_undone_that_never_started(ended: Ended) -> Iterator[str]:
    begins, undos = ended.first("begin"), ended.first("undo")
    for path, at in undos.items():
        if begins.get(path, at) >= at:
            yield f"{path} was undone and had not started"


def no_step_runs_after_undoing_began(ended: Ended) -> Iterator[str]:
    undos = ended.first("undo")
    start = min(undos.values(), default=len(ended.ledger.events))
    for event in ended.ledger.events[start:]:
        if event.what in FORWARD:
            yield f"{event.path}: {event.what} after undoing began"


def the_status_is_what_the_world_says(ended: Ended) -> Iterator[str]:
    wanted = _final_status(ended)
    if ended.execution.status is not wanted:
        yield f"the status is {ended.execution.status}, by the ledger it is {wanted}"


def _final_status(ended: Ended) -> Status:
    """The truth table of design section 5, by what the components did."""
    cause = ended.execution.cause
    if cause is None:
        return Status.COMPLETED
    undone = ended.first("undone")
    left = any(
        entry.outcome in HAPPENED and not ended.policy(entry).read_only and path not in undone
        for path, entry in ended.entries.items()
    )
    if left:
        return Status.PARTIALLY_COMPENSATED if undone else Status.FAILED
    if cause is Cause.CANCEL:
        return Status.CANCELLED
    return Status.COMPENSATED if undone else Status.FAILED


def the_stack_is_in_order(ended: Ended) -> Iterator[str]:
    stack, steps = ended.execution.stack, ended.steps
    if [entry.seq for entry in stack] != list(range(1, len(stack) + 1)):
        yield "the stack is not numbered in the order of starting"
    if len({entry.ended for entry in steps}) < len(steps):
        yield "two steps ended at the same place in the order of completion"
    undone = [e.path for e in sorted(steps, key=lambda entry: entry.undone) if e.undone]
    at = ended.last("undone")
    if undone != sorted(at, key=lambda path: at[path]):
        yield f"by the stack {undone} were undone, by the ledger {sorted(at, key=at.__getitem__)}"
    if ended.execution.waiting:
        yield f"it has ended, and waits at {[wait.path for wait in ended.execution.waiting]}"


def the_mirror_agrees(ended: Ended) -> Iterator[str]:
    if ended.mirrored is None:
        return
    for name in ("status", "cause", "failed_step", "revision", "output", "context", "decisions"):
        told, known = getattr(ended.mirrored, name), getattr(ended.execution, name)
        if told != known:
            yield f"the mirror says of {name}: {told!r}, the saga {known!r}"
    mirrored = {entry.path: entry for entry in ended.mirrored.stack}
    for entry in ended.execution.stack:
        told = mirrored.pop(entry.path, None)
        # The mirror keeps every output, the stack only what an undo declares. An undo begins when
        # the mirror knows that there will be one: by Temporal's clock that is another moment for
        # who replays.
        spared = {"output": entry.output, "undo_started_at": entry.undo_started_at}
        if told is None or told.model_copy(update=spared) != entry:
            yield f"the mirror says {told!r}, the stack {entry!r}"
    if mirrored:
        yield f"only the mirror knows {sorted(mirrored)}"


def attempts_are_bounded(ended: Ended) -> Iterator[str]:
    for path, entry in ended.entries.items():
        policy, rounds = ended.policy(entry), 1 + _decided(ended, "retry", path)
        if policy.on_failure.strategy == "RETRY":
            rounds += policy.on_failure.rounds
        node = node_at(ended.saga.plan.root, path)
        most = rounds * (_answers(policy, getattr(node, "retry", None)) + policy.lost_attempts)
        if ended.ledger.calls[path] > most:
            yield f"{path} was called {ended.ledger.calls[path]} times, and {most} are allowed"
        undo = ended.saga.plan.components["undo"]
        tries = 1 + _decided(ended, "retry", f"{path}!")
        most = tries * (_answers(undo) + UNDO_LOST_ATTEMPTS)
        if ended.ledger.undo_calls[path] > most:
            yield f"{path} was undone {ended.ledger.undo_calls[path]} times, {most} are allowed"


def _answers(policy: ComponentPolicy, more: NodeRetry | None = None) -> int:
    return (policy.retry.attempts if policy.retry else 1) * (1 + (more.times if more else 0))


def _decided(ended: Ended, action: str, path: str) -> int:
    """How often a person decided so."""
    return sum(
        record.verdict is Verdict.ACCEPTED
        and record.path == path
        and action in (record.kind, record.action)
        for record in ended.execution.decisions
    )


PROMISES: Final[Sequence[Promise]] = (
    each_step_has_one_entry,
    a_completed_step_took_effect_once,
    a_failed_step_took_no_effect,
    an_unknown_step_took_effect_at_most_once,
    a_step_that_answered_is_not_called_again,
    undone_means_that_nothing_is_left,
    each_effect_is_undone_once,
    an_undo_that_answered_is_not_called_again,
    undos_are_a_reverse_linear_extension,
    nothing_is_undone_that_never_started,
    no_step_runs_after_undoing_began,
    the_status_is_what_the_world_says,
    the_stack_is_in_order,
    the_mirror_agrees,
    attempts_are_bounded,
)


def broken(ended: Ended) -> list[str]:
    """Every promise that does not hold, with what breaks it."""
    return [f"{promise.__name__}: {why}" for promise in PROMISES for why in promise(ended)]
