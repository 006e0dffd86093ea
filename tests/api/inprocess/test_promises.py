"""What every saga promises, whatever its operators: random plans, outcomes, cancels and parking.

Which steps run is the table's matter (`test_operators`); here each promise of design section 5 is
read off what the components did.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.execution import Cause, EntryStatus, Execution, StackEntry, Status
from rules.plan import (
    CatchNode,
    ChainNode,
    IfNode,
    LogicNode,
    LoopNode,
    NodeRetry,
    PlanNode,
    RetryNode,
    StepNode,
    SwitchNode,
    Target,
    ThenNode,
    WhenNode,
)
from tests.api.inprocess.scripted import Act, Ran, Script, run, run_cancelled, step

T = TypeVar("T")

HAPPENED = (EntryStatus.COMPLETED, EntryStatus.UNKNOWN)
WAITS = [1000, 2500, 4000, 30_000]

steps = st.builds(
    StepNode,
    component=st.sampled_from(["once", "once", "work", "again", "often", "plain", "look"]),
    retry=st.none() | st.none() | st.builds(NodeRetry, times=st.integers(0, 2)),
)
tests: st.SearchStrategy[PlanNode] = st.recursive(
    st.just(step("test")),
    lambda inner: st.one_of(
        st.builds(
            LogicNode,
            op=st.sampled_from(["and", "or"]),
            items=st.lists(inner, min_size=2, max_size=3).map(tuple),
        ),
        st.builds(LogicNode, op=st.just("not"), items=st.tuples(inner)),
    ),
    max_leaves=3,
)


def blocks(inner: st.SearchStrategy[PlanNode]) -> st.SearchStrategy[PlanNode]:
    items = st.lists(inner, min_size=1, max_size=3).map(tuple)
    then = st.builds(ThenNode, items=items)
    return st.one_of(
        then,
        st.builds(ThenNode, items=items, last=st.tuples(then)),
        st.builds(WhenNode, items=items),
        st.builds(
            WhenNode,
            items=items,
            any=st.sampled_from([None, True]),
            percentage=st.sampled_from([None, 0.5]),
            ignore_error=st.sampled_from([None, True]),
            max_wait=st.sampled_from([None, *WAITS]),
        ),
        st.builds(WhenNode, items=st.tuples(inner), max_wait=st.sampled_from(WAITS)),
        st.builds(IfNode, test=tests, then=inner, otherwise=st.none() | inner),
        st.builds(CatchNode, body=inner, handler=st.none() | inner),
        st.builds(RetryNode, body=inner, times=st.integers(0, 2)),
        st.builds(ChainNode, chain=st.just("sub"), body=then),
        st.builds(
            SwitchNode,
            head=st.just(step("pick")),
            targets=st.lists(st.builds(Target, node=inner, id=st.just("a")), max_size=2).map(tuple),
            default=st.none() | inner,
        ),
        st.builds(
            LoopNode,
            op=st.just("for"),
            head=st.integers(0, 3),
            body=inner,
            until=st.none() | tests,
            parallel=st.sampled_from([None, True]),
        ),
    )


plans = st.recursive(steps, blocks, max_leaves=8)
# Any path that a plan may come to have; the acts of a path are drawn when it is first asked for.
forward: st.SearchStrategy[list[Act]] = st.lists(
    st.sampled_from(["ok", "ok", "ok", "ok", "false", "refuse", "error", "hang"]),
    min_size=1,
    max_size=3,
)
undoing: st.SearchStrategy[list[Act]] = st.lists(
    st.sampled_from(["ok", "ok", "ok", "ok", "refuse", "error", "hang"]), min_size=1, max_size=2
)


class Drawn(Mapping[str, T]):
    """A value for every path, from a short list by the path's own letters."""

    def __init__(self, values: Sequence[T]) -> None:
        self._values = values

    def __getitem__(self, path: str) -> T:
        return self._values[sum(map(ord, path)) * 31 % len(self._values)]

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"Drawn({self._values!r})"


def script(
    acts: list[list[Act]], seconds: list[float], undos: list[list[Act]], answers: list[str]
) -> Script:
    return Script(Drawn(acts), Drawn(seconds), Drawn(undos), Drawn(answers))


scripts = st.builds(
    script,
    st.lists(forward, min_size=1, max_size=7),
    st.lists(st.integers(0, 9).map(float), min_size=1, max_size=7),
    st.lists(undoing, min_size=1, max_size=5),
    st.lists(st.sampled_from(["a", "z", ""]), min_size=1, max_size=3),
)


def final_status(execution: Execution) -> Status:
    """The truth table of design section 5."""
    if execution.cause is None:
        return Status.COMPLETED
    undone = any(entry.status is EntryStatus.COMPENSATED for entry in execution.stack)
    if any(map(left_behind, execution.stack)):
        return Status.PARTIALLY_COMPENSATED if undone else Status.FAILED
    if execution.cause is Cause.CANCEL:
        return Status.CANCELLED
    return Status.COMPENSATED if undone else Status.FAILED


def left_behind(entry: StackEntry) -> bool:
    undone = entry.status is EntryStatus.COMPENSATED
    return entry.outcome in HAPPENED and not entry.read_only and not undone


def must_be_undone(entry: StackEntry) -> bool:
    if entry.component == "often":
        return entry.attempts > 0
    return entry.component in ("once", "work", "again") and entry.outcome in HAPPENED


def check_promises(ran: Ran) -> None:
    execution, entries = ran.execution, ran.entries
    assert len(entries) == len(execution.stack)
    # Every attempt belongs to an entry that was there before, and every entry has come to an end.
    steps = [entry for entry in execution.stack if not entry.component.startswith("LOOP_")]
    assert set(ran.paths("start")) == {entry.path for entry in steps}
    assert len({entry.ended for entry in steps if entry.ended}) == len(steps)
    # An outcome is never better than what happened, and never worse than what was answered.
    for path in ran.paths("effect"):
        assert entries[path].outcome in HAPPENED
    for entry in steps:
        if entry.outcome is EntryStatus.COMPLETED:
            assert entry.path in ran.paths("effect")
    assert execution.status is final_status(execution)
    undos = ran.paths("undo")
    if execution.cause is None:
        assert not undos
        return
    assert set(undos) == {entry.path for entry in steps if must_be_undone(entry)}
    assert max(Counter(ran.paths("undone")).values(), default=0) <= 1
    ended = [entries[path].ended for path in dict.fromkeys(undos)]
    assert ended == sorted(ended, reverse=True)
    if undos:
        # Whatever runs has come to rest: no step begins, takes effect or ends after the first undo.
        kinds = [event.what for event in ran.events]
        assert {"start", "effect", "end"}.isdisjoint(kinds[kinds.index("undo") :])


@given(root=plans, script=scripts)
@settings(deadline=None)
def test_promises(root: PlanNode, script: Script) -> None:
    check_promises(run(root, script))


@given(root=plans, script=scripts, max_events=st.integers(20, 50))
@settings(deadline=None)
def test_promises_across_runs(root: PlanNode, script: Script, max_events: int) -> None:
    check_promises(run(root, script, max_events=max_events))


@given(
    root=plans,
    script=scripts,
    cancel_at=st.integers(0, 40),
    max_events=st.none() | st.integers(20, 50),
)
@settings(deadline=None)
def test_promises_when_cancelled(
    root: PlanNode, script: Script, cancel_at: int, max_events: int | None
) -> None:
    # Nothing else happens at a quarter second.
    check_promises(run_cancelled(root, script, at=cancel_at + 0.25, max_events=max_events))


@given(root=plans, script=scripts)
@settings(deadline=None)
def test_equal_cases_are_equal_runs(root: PlanNode, script: Script) -> None:
    first, second = run(root, script), run(root, script)
    assert first.execution == second.execution
    assert first.events == second.events
