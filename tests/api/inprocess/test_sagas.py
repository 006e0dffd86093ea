"""What every saga promises, for plans and failures that nobody thought of.

Random small plans run in memory on virtual time with random outcomes; each promise of design
section 5 is then read off what the components did.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.execution import Cause, EntryStatus, Execution, StackEntry, Status
from rules.plan import IfNode, PlanNode, StepNode, ThenNode, WhenNode
from tests.api.inprocess.scripted import (
    Act,
    Ran,
    Script,
    branch,
    run,
    run_cancelled,
    step,
    steps_of,
    then,
    visited,
    when,
)

HAPPENED = (EntryStatus.COMPLETED, EntryStatus.UNKNOWN)

steps = st.builds(step, st.sampled_from(["work", "work", "often", "plain", "look"]))
blocks: st.SearchStrategy[PlanNode] = st.recursive(
    steps,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda items: then(*items)),
        st.lists(inner, min_size=1, max_size=4).map(lambda items: when(*items)),
        st.builds(branch, st.just(step("test")), inner, st.none() | inner),
    ),
    max_leaves=9,
)
forward: st.SearchStrategy[list[Act]] = st.lists(
    st.sampled_from(["ok", "ok", "ok", "false", "refuse", "error", "hang"]), min_size=1, max_size=3
)
undoing: st.SearchStrategy[list[Act]] = st.lists(
    st.sampled_from(["ok", "ok", "ok", "refuse", "error", "hang"]), min_size=1, max_size=2
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[PlanNode, Script]:
    """A plan, and for each of its steps what its attempts and its undo do, and for how long."""
    root = draw(blocks)
    paths = list(steps_of(root))
    return root, Script(
        acts={path: draw(forward) for path in paths},
        seconds={path: draw(st.integers(0, 9)) for path in paths},
        undos={path: draw(undoing) for path in paths},
    )


def unanswered(entry: StackEntry) -> bool:
    return entry.error is not None and entry.error.code in ("TIMEOUT", "ATTEMPTS_LOST")


def left_behind(entry: StackEntry) -> bool:
    undone = entry.status is EntryStatus.COMPENSATED
    return entry.outcome in HAPPENED and not entry.read_only and not undone


def statuses(ran: Ran) -> Status:
    """The final status by design section 5, from what the components did."""
    if ran.execution.cause is None:
        return Status.COMPLETED
    some_undone = any(e.status is EntryStatus.COMPENSATED for e in ran.execution.stack)
    if any(left_behind(e) for e in ran.execution.stack):
        return Status.PARTIALLY_COMPENSATED if some_undone else Status.FAILED
    return Status.COMPENSATED if some_undone else Status.FAILED


def undone_by_need(ran: Ran) -> set[str]:
    """The paths that must be undone: what happened or may have, and `often` whatever it said."""
    return {
        entry.path
        for entry in ran.execution.stack
        if (entry.component == "work" and entry.outcome in HAPPENED) or entry.component == "often"
    }


def siblings(node: PlanNode, path: str = "0") -> Iterator[list[tuple[str, PlanNode]]]:
    """The branches of every WHEN that is reached unconditionally at its own place."""
    if isinstance(node, WhenNode):
        yield [(f"{path}.{index}", item) for index, item in enumerate(node.items)]
    if isinstance(node, ThenNode | WhenNode):
        for index, item in enumerate(node.items):
            yield from siblings(item, f"{path}.{index}")


def first_step(node: PlanNode, path: str) -> str:
    while not isinstance(node, StepNode):
        if isinstance(node, ThenNode | WhenNode):
            node = node.items[0]
        else:
            assert isinstance(node, IfNode)
            node = node.test
        path += ".0"
    return path


def check_promises(ran: Ran) -> None:
    entries, execution = ran.entries, ran.execution
    starts, undos = ran.paths("start"), ran.paths("undo")
    # Every step that started has one entry, and the other way round.
    assert set(starts) == set(entries)
    assert len(execution.stack) == len(entries)
    assert [e.seq for e in execution.stack] == list(range(1, len(entries) + 1))
    assert sorted(e.ended for e in execution.stack) == list(range(1, len(entries) + 1))
    # An outcome is never better than what happened.
    for path in ran.paths("effect"):
        assert entries[path].outcome in HAPPENED
    assert (execution.cause is None) == (root_failure(ran.root, "0", entries) is None)
    assert execution.status is statuses(ran)
    # What a step wrote is in the context in order of completion, if its last attempt answered.
    completed = sorted(execution.stack, key=lambda e: e.ended)
    assert visited(execution) == [e.path for e in completed if not unanswered(e)]
    if execution.cause is None:
        assert undos == []
        return
    # What has to be undone is undone once: again only after an undo that gave no good answer.
    assert set(undos) == undone_by_need(ran)
    assert len(ran.paths("undone")) == len(set(ran.paths("undone")))
    # Reverse order of completion.
    ended = [entries[path].ended for path in dict.fromkeys(undos)]
    assert ended == sorted(ended, reverse=True)
    order = [e.path for e in sorted(execution.stack, key=lambda e: e.undone) if e.undone]
    assert order == [path for path in dict.fromkeys(undos) if path in ran.paths("undone")]
    # No forward step starts after the first undo.
    if undos:
        kinds = [event.what for event in ran.events]
        assert "start" not in kinds[kinds.index("undo") :]
    check_undo_statuses(entries, set(undos), set(ran.paths("undone")))


def check_undo_statuses(entries: dict[str, StackEntry], undos: set[str], undone: set[str]) -> None:
    for path, entry in entries.items():
        if path not in undos:
            assert entry.status is entry.outcome
            assert entry.undo_attempts == 0
        elif path in undone:
            assert entry.status is EntryStatus.COMPENSATED
        else:
            assert entry.status is EntryStatus.COMPENSATION_FAILED
            assert entry.undo_error is not None


def root_failure(node: PlanNode, path: str, entries: dict[str, StackEntry]) -> str | None:
    """The path of the failure that goes up from `node`, by the outcomes of its steps."""
    if isinstance(node, StepNode):
        return None if entries[path].outcome is EntryStatus.COMPLETED else path
    if isinstance(node, WhenNode):
        failures = [root_failure(n, f"{path}.{i}", entries) for i, n in enumerate(node.items)]
        return next((failure for failure in failures if failure is not None), None)
    if isinstance(node, ThenNode):
        for index, item in enumerate(node.items):
            if (failure := root_failure(item, f"{path}.{index}", entries)) is not None:
                return failure
        return None
    assert isinstance(node, IfNode)
    if (failure := root_failure(node.test, f"{path}.0", entries)) is not None:
        return failure
    # Which branch ran is seen by which has begun; both never.
    taken = [
        (part, at)
        for part, at in ((node.then, f"{path}.1"), (node.otherwise, f"{path}.2"))
        if part is not None and any(p == at or p.startswith(f"{at}.") for p in entries)
    ]
    assert len(taken) <= 1
    return root_failure(*taken[0], entries) if taken else None


@given(case=cases())
@settings(deadline=None)
def test_promises(case: tuple[PlanNode, Script]) -> None:
    check_promises(run(*case))


@given(case=cases(), max_events=st.integers(20, 40))
@settings(deadline=None)
def test_promises_hold_across_runs(case: tuple[PlanNode, Script], max_events: int) -> None:
    check_promises(run(*case, max_events=max_events))


@given(case=cases(), max_events=st.integers(20, 40))
@settings(deadline=None)
def test_parking_changes_nothing_but_times(case: tuple[PlanNode, Script], max_events: int) -> None:
    whole, parked = run(*case), run(*case, max_events=max_events)
    assert parked.outcomes == whole.outcomes
    assert parked.execution.status is whole.execution.status
    assert parked.execution.cause is whole.execution.cause
    assert parked.execution.failed_step == whole.execution.failed_step
    assert parked.execution.error == whole.execution.error
    assert sorted(map(str, visited(parked.execution))) == sorted(map(str, visited(whole.execution)))
    assert sorted(e.path for e in parked.events) == sorted(e.path for e in whole.events)


@given(
    root=st.lists(steps, min_size=1, max_size=12).map(lambda items: then(*items)),
    data=st.data(),
)
@settings(deadline=None)
def test_a_sequence_that_parks_is_the_same_in_everything(
    root: ThenNode, data: st.DataObject
) -> None:
    script = Script(acts={path: data.draw(forward) for path in steps_of(root)})
    whole, parked = run(root, script), run(root, script, max_events=20)
    assert parked.execution == whole.execution
    assert parked.events == whole.events


@given(case=cases())
@settings(deadline=None)
def test_a_failed_branch_lets_its_siblings_run_to_their_end(
    case: tuple[PlanNode, Script],
) -> None:
    ran = run(*case)
    for branches in siblings(ran.root):
        begun = [first_step(node, path) in ran.entries for path, node in branches]
        assert all(begun) or not any(begun)
    for entry in ran.execution.stack:
        assert entry.outcome is not None
        assert entry.ended_at is not None


@given(case=cases())
@settings(deadline=None)
def test_without_saga_nothing_is_undone(case: tuple[PlanNode, Script]) -> None:
    root, script = case
    ran = run(root, script, saga=False)
    assert ran.paths("undo") == []
    assert all(entry.status is entry.outcome for entry in ran.execution.stack)
    assert ran.execution.status is (
        Status.COMPLETED if ran.execution.cause is None else Status.FAILED
    )
    assert ran.outcomes.keys() == run(root, script).outcomes.keys()


@given(case=cases())
@settings(deadline=None)
def test_equal_cases_are_equal_runs(case: tuple[PlanNode, Script]) -> None:
    first, second = run(*case), run(*case)
    assert first.execution == second.execution
    assert first.events == second.events


def stack(execution: Execution) -> list[str]:
    return [f"{entry.path} {entry.status.value}" for entry in execution.stack]


TEN = then(*(step("work") for _ in range(10)))


@dataclass(frozen=True)
class Known:
    """A saga whose end is known: its stack in any order, its undos in theirs."""

    root: PlanNode
    script: Script
    status: Status
    stack: list[str]
    undos: list[str] | None = None


KNOWN = {
    "all is well": Known(TEN, Script(), Status.COMPLETED, [f"0.{i} COMPLETED" for i in range(10)]),
    "the last is refused": Known(
        TEN,
        Script(acts={"0.9": ["refuse"]}),
        Status.COMPENSATED,
        [*(f"0.{i} COMPENSATED" for i in range(9)), "0.9 FAILED"],
        [f"0.{i}" for i in reversed(range(9))],
    ),
    "an undo fails and the others go on": Known(
        TEN,
        Script(acts={"0.9": ["error"]}, undos={"0.8": ["error"]}),
        Status.PARTIALLY_COMPENSATED,
        [*(f"0.{i} COMPENSATED" for i in (0, 1, 2, 3, 4, 5, 6, 7, 9)), "0.8 COMPENSATION_FAILED"],
        ["0.9", "0.8", "0.8", *(f"0.{i}" for i in reversed(range(8)))],
    ),
    "a branch fails": Known(
        when(then(step("work"), step("plain")), *(step("work") for _ in range(4))),
        Script(acts={"0.0.1": ["refuse"]}),
        Status.COMPENSATED,
        [
            "0.0.0 COMPENSATED",
            *(f"0.{i} COMPENSATED" for i in range(1, 5)),
            "0.0.1 FAILED",
        ],
    ),
    "the other branch": Known(
        then(branch(step("test"), step("work"), step("often")), *(step("look"),) * 5),
        Script(acts={"0.0.0": ["false"], "0.5": ["refuse"]}),
        Status.COMPENSATED,
        [
            "0.0.0 COMPLETED",
            "0.0.2 COMPENSATED",
            *(f"0.{i} COMPLETED" for i in range(1, 5)),
            "0.5 FAILED",
        ],
        ["0.0.2"],
    ),
    "no other branch": Known(
        then(branch(step("test"), step("work")), step("work")),
        Script(acts={"0.0.0": ["false"]}),
        Status.COMPLETED,
        ["0.0.0 COMPLETED", "0.1 COMPLETED"],
    ),
    "what cannot be undone is left": Known(
        then(step("plain"), step("work")),
        Script(acts={"0.1": ["refuse"]}),
        Status.FAILED,
        ["0.0 COMPLETED", "0.1 FAILED"],
    ),
    "a refused step is undone where it says so": Known(
        step("often"),
        Script(acts={"0": ["refuse"]}),
        Status.COMPENSATED,
        ["0 COMPENSATED"],
        ["0"],
    ),
    "only looked": Known(
        step("look"), Script(acts={"0": ["error"]}), Status.FAILED, ["0 UNKNOWN"], []
    ),
}


@pytest.mark.parametrize("max_events", [None, 20, 30])
@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
def test_known_sagas(known: Known, max_events: int | None) -> None:
    ran = run(known.root, known.script, max_events=max_events)
    assert ran.execution.status is known.status
    assert sorted(stack(ran.execution)) == sorted(known.stack)
    if known.undos is not None:
        assert ran.paths("undo") == known.undos


def test_branches_are_undone_in_reverse_order_of_completion() -> None:
    root = then(when(step("work"), step("work"), step("work")), step("plain"))
    script = Script(acts={"0.1": ["refuse"]}, seconds={"0.0.0": 2, "0.0.1": 3, "0.0.2": 1})
    assert run(root, script).paths("undo") == ["0.0.1", "0.0.0", "0.0.2"]


def test_the_first_failed_branch_in_the_text_is_the_failure() -> None:
    root = when(step("work"), step("work"))
    ran = run(root, Script(acts={"0.0": ["error"], "0.1": ["refuse"]}, seconds={"0.0": 9}))
    assert ran.execution.failed_step == "work"
    assert ran.execution.error is not None
    assert ran.execution.error.type == "ConnectionError"


@given(case=cases(), cancel_at=st.integers(0, 60), max_events=st.none() | st.integers(20, 40))
@settings(deadline=None)
def test_a_cancelled_saga_starts_nothing_and_undoes_what_happened(
    case: tuple[PlanNode, Script], cancel_at: int, max_events: int | None
) -> None:
    # Nothing else happens at a half second.
    at = cancel_at + 0.5
    ran = run_cancelled(*case, at=at, max_events=max_events)
    undos = ran.paths("undo")
    assert all(ran.at("start", path)[0] < at for path in ran.entries)
    if ran.execution.cause is Cause.CANCEL:
        assert set(undos) == undone_by_need(ran)
        assert len(ran.paths("undone")) == len(set(ran.paths("undone")))
        ended = [ran.entries[path].ended for path in dict.fromkeys(undos)]
        assert ended == sorted(ended, reverse=True)
        assert ran.execution.output is None
        left = [e for e in ran.execution.stack if left_behind(e)]
        some = any(e.status is EntryStatus.COMPENSATED for e in ran.execution.stack)
        assert ran.execution.status is (
            Status.CANCELLED
            if not left
            else Status.PARTIALLY_COMPENSATED
            if some
            else Status.FAILED
        )
    else:
        # It came after the end, or after the first undo: as if it had not been.
        whole = run(*case, max_events=max_events)
        assert (ran.execution.status, ran.outcomes) == (whole.execution.status, whole.outcomes)


@pytest.mark.parametrize("max_events", [None, 20])
def test_a_cancel_lets_the_running_step_end_and_undoes_it(max_events: int | None) -> None:
    ran = run_cancelled(TEN, Script(), at=4.5, max_events=max_events)
    assert ran.execution.status is Status.CANCELLED
    assert ran.paths("start") == [f"0.{i}" for i in range(5)]
    assert ran.paths("undo") == [f"0.{i}" for i in reversed(range(5))]


def test_a_second_cancel_while_undoing_is_ignored() -> None:
    slow = Script(acts={"0.9": ["refuse"]}, undos={"0.8": ["hang", "ok"]})
    ran = run_cancelled(TEN, slow, at=13.5)
    assert ran.execution.cause is Cause.FAILURE
    assert ran.execution.status is Status.COMPENSATED


def test_a_cancel_is_known_to_the_next_run() -> None:
    # Four branches start, the fifth is parked when the cancel comes.
    ran = run_cancelled(when(*(step("work"),) * 5), Script(), at=0.5, max_events=20)
    assert ran.execution.status is Status.CANCELLED
    assert ran.paths("start") == [f"0.{i}" for i in range(4)]
    assert sorted(ran.paths("undo")) == [f"0.{i}" for i in range(4)]


def test_a_step_that_fails_after_the_cancel_changes_no_cause() -> None:
    ran = run_cancelled(then(step("work"), step("work")), Script(acts={"0.1": ["refuse"]}), at=1.5)
    assert (ran.execution.cause, ran.execution.status) == (Cause.CANCEL, Status.CANCELLED)
    assert ran.execution.failed_step == "work"
