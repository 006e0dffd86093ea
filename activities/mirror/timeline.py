"""The log of an execution: from its steps and its undo attempts to lines in time order.

For the reader. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from activities.mirror.views import LogLine
from rules.execution import EntryStatus, ErrorInfo, StackEntry
from rules.plan import Frozen

_Order = tuple[datetime, bool, int, int, bool]
_Placed = tuple[_Order, LogLine]


class UndoAttempt(Frozen):
    """A row of the compensation log."""

    path: str
    attempt: int
    component: str
    step_component: str
    status: EntryStatus
    error: ErrorInfo | None
    started_at: datetime
    ended_at: datetime | None


def timeline(
    stack: Sequence[StackEntry], undo_attempts: Iterable[UndoAttempt]
) -> tuple[LogLine, ...]:
    """All lines by time.

    At one time: forward before undo, forward in the order of starting, undo in the reverse, and
    a start before its end.
    """
    seqs = {entry.path: entry.seq for entry in stack}
    placed: list[_Placed] = []
    logged: set[str] = set()
    for undo in undo_attempts:
        logged.add(undo.path)
        placed += _undo_lines(undo, seqs.get(undo.path, 0))
    for entry in stack:
        placed += _forward_lines(entry)
        if entry.path not in logged and entry.undo_started_at is not None:
            placed += _undo_lines(_as_the_stack_tells(entry, entry.undo_started_at), entry.seq)
    return tuple(line for _, line in sorted(placed, key=lambda item: item[0]))


def _forward_lines(entry: StackEntry) -> Iterator[_Placed]:
    start = LogLine(
        at=entry.started_at,
        kind="step_started",
        path=entry.path,
        component=entry.component,
        step=entry.component,
        status=EntryStatus.RUNNING,
        attempt=1,
    )
    yield (start.at, False, entry.seq, 1, False), start
    if entry.ended_at is not None:
        end = LogLine(
            at=entry.ended_at,
            kind="step_ended",
            path=entry.path,
            component=entry.component,
            step=entry.component,
            status=entry.outcome or entry.status,
            attempt=entry.attempts,
            error=entry.error,
            note=entry.note,
        )
        yield (end.at, False, entry.seq, 1, True), end


def _undo_lines(undo: UndoAttempt, seq: int) -> Iterator[_Placed]:
    start = LogLine(
        at=undo.started_at,
        kind="undo_started",
        path=undo.path,
        component=undo.component,
        step=undo.step_component,
        status=EntryStatus.COMPENSATING,
        attempt=undo.attempt,
    )
    yield (start.at, True, -seq, undo.attempt, False), start
    if undo.ended_at is not None:
        end = LogLine(
            at=undo.ended_at,
            kind="undo_ended",
            path=undo.path,
            component=undo.component,
            step=undo.step_component,
            status=undo.status,
            attempt=undo.attempt,
            error=undo.error,
        )
        yield (end.at, True, -seq, undo.attempt, True), end


def _as_the_stack_tells(entry: StackEntry, started_at: datetime) -> UndoAttempt:
    """An undo whose own records were lost."""
    return UndoAttempt(
        path=entry.path,
        attempt=max(entry.undo_attempts, 1),
        component=entry.compensation or entry.component,
        step_component=entry.component,
        status=entry.status,
        error=entry.undo_error,
        started_at=started_at,
        ended_at=entry.undo_ended_at,
    )
