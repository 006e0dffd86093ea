"""Every operator of the language, alone and in its interplay with failure, cancel and undo.

Plans by hand on virtual time, whole and parked at every length: what ran, what was undone, and how
the saga ended must be as the table says. (Design section 5; EL reference sections 4, 7 and 13.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from pydantic import JsonValue

from rules.execution import Status
from rules.plan import (
    CatchNode,
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
from tests.api.inprocess.scripted import Act, Ran, Script, branch, run, run_cancelled, step, then

DONE, FAILED = Status.COMPLETED, Status.FAILED
UNDONE, CANCELLED = Status.COMPENSATED, Status.CANCELLED

W = step("once")
T = step("test")
AGAIN = step("again")


@dataclass(frozen=True)
class Case:
    """One saga. `starts` and `undos` are paths in order, without the leading `0`.

    `bad` are steps that are refused each time, `lost` those whose answer is lost; `acts` says more.
    A step takes a second unless `seconds` says otherwise. `cancel` is a moment of virtual time.
    """

    root: PlanNode
    starts: str
    bad: str = ""
    lost: str = ""
    no: str = ""
    acts: Mapping[str, Sequence[Act]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    answers: Mapping[str, JsonValue] = field(default_factory=dict)
    status: Status = DONE
    undos: str = ""
    code: str | None = None
    cancel: float | None = None
    width: int = 50

    @property
    def script(self) -> Script:
        acts: dict[str, Sequence[Act]] = {f"0{path}": acts for path, acts in self.acts.items()}
        acts |= dict.fromkeys(paths(self.bad), ("refuse",))
        acts |= dict.fromkeys(paths(self.lost), ("error",))
        acts |= dict.fromkeys(paths(self.no), ("false",))
        return Script(
            acts=acts,
            seconds={f"0{path}": seconds for path, seconds in self.seconds.items()},
            answers={f"0{path}": answer for path, answer in self.answers.items()},
        )


def paths(words: str) -> list[str]:
    return [f"0{word}" if word != "-" else "0" for word in words.split()]


def catch(body: PlanNode, handler: PlanNode | None = None) -> CatchNode:
    return CatchNode(body=body, handler=handler)


def retry(body: PlanNode, times: int = 1, *types: str) -> RetryNode:
    return RetryNode(body=body, times=times, types=types)


def last(*items: PlanNode, owed: Sequence[PlanNode]) -> ThenNode:
    return ThenNode(items=items, last=tuple(owed))


def when(*items: PlanNode, **how: object) -> WhenNode:
    return WhenNode.model_validate({"items": items, **how})


def switch(*targets: tuple[str, PlanNode], default: PlanNode | None = None) -> SwitchNode:
    named = tuple(
        Target(node=node, id=name.partition(":")[0] or None, tag=name.partition(":")[2] or None)
        for name, node in targets
    )
    return SwitchNode(head=step("pick"), targets=named, default=default)


def loop(op: str, head: PlanNode | bool | int, body: PlanNode, **how: object) -> LoopNode:
    return LoopNode.model_validate({"op": op, "head": head, "body": body, **how})


def logic(op: str, *items: PlanNode) -> LogicNode:
    return LogicNode.model_validate({"op": op, "items": items})


ONE_AFTER_THE_OTHER = {".0#0.0": 1.0, ".0#1.0": 1.1, ".0#2.0": 1.2}
PICKS = switch(("a", W), ("b:t", W), (":u", W), default=W)

CASES = {
    # CATCH
    "catch: nothing fails": Case(then(catch(W, W), W), ".0.0 .1"),
    "catch: absorbed, handler runs": Case(then(catch(W, W), W), ".0.0 .0.1 .1", bad=".0.0"),
    "catch: without a handler": Case(then(catch(W), W), ".0.0 .1", bad=".0.0"),
    "catch: what it absorbed is undone later": Case(
        then(catch(then(W, W), W), W), ".0.0.0 .0.0.1 .0.1 .1", bad=".1", lost=".0.0.1",
        status=UNDONE, undos=".0.1 .0.0.1 .0.0.0",
    ),
    "catch: the handler fails": Case(
        then(W, catch(W, W), W), ".0 .1.0 .1.1", bad=".1.0 .1.1", status=UNDONE, undos=".0",
    ),
    "catch: a cancel is not absorbed": Case(
        then(catch(then(W, W), W), W), ".0.0.0", cancel=0.5, status=CANCELLED, undos=".0.0.0",
    ),
    "catch: a cancel while the handler runs": Case(
        then(catch(W, W), W), ".0.0 .0.1", bad=".0.0", cancel=1.5, status=CANCELLED, undos=".0.1",
    ),
    # retry
    "retry: of a node keeps path and entry": Case(
        then(StepNode(component="once", retry=NodeRetry(times=2))), ".0 .0 .0",
        acts={".0": ("refuse", "refuse", "ok")},
    ),
    "retry: of a node multiplies with its component's": Case(
        then(StepNode(component="work", retry=NodeRetry(times=1))), ".0 .0 .0 .0",
        bad=".0", status=FAILED,
    ),
    "retry: of a node for other types only": Case(
        then(StepNode(component="work", retry=NodeRetry(times=5, types=("ValueError",)))),
        ".0 .0", lost=".0", status=UNDONE, undos=".0",
    ),
    "retry: of a node for a base type": Case(
        then(StepNode(component="work", retry=NodeRetry(times=1, types=("OSError",)))),
        ".0 .0 .0 .0", lost=".0", status=UNDONE, undos=".0",
    ),
    "retry: of a block is a new pass": Case(
        then(retry(then(W, W))), ".0~1.0 .0~1.1 .0~2.0 .0~2.1", bad=".0~1.1",
    ),
    "retry: every pass is undone": Case(
        then(retry(then(W, W), 2)), ".0~1.0 .0~1.1 .0~2.0 .0~2.1 .0~3.0 .0~3.1",
        bad=".0~1.1 .0~2.1 .0~3.1", status=UNDONE, undos=".0~3.0 .0~2.0 .0~1.0",
    ),
    "retry: in a retry": Case(
        then(retry(then(retry(then(W)), W))), ".0~1.0~1.0 .0~1.0~2.0 .0~2.0~1.0 .0~2.1",
        bad=".0~1.0~1.0 .0~1.0~2.0",
    ),
    "retry: types of the failure": Case(
        then(retry(then(W), 3, "ConnectionError")), ".0~1.0", bad=".0~1.0", status=FAILED,
    ),
    "retry: of what ignores errors never happens": Case(
        then(retry(when(W, W, ignore_error=True), 3)), ".0~1.0 .0~1.1", bad=".0~1.0",
    ),
    "retry: a cancel ends it": Case(
        then(retry(then(W), 9)), ".0~1.0 .0~2.0", cancel=1.5,
        bad=".0~1.0 .0~2.0", status=CANCELLED,
    ),
    # PRE and FINALLY: PRE is only first, FINALLY runs in any case
    "finally: after success": Case(then(last(W, owed=[then(W)]), W), ".0.0 .0.1.0 .1"),
    "finally: after a failure, before the undo": Case(
        then(W, last(W, W, owed=[then(W), then(W)]), W), ".0 .1.0 .1.2.0 .1.3.0", bad=".1.0",
        status=UNDONE, undos=".1.3.0 .1.2.0 .0",
    ),
    "finally: its failure replaces the error": Case(
        last(W, W, owed=[then(W, W), then(W)]), ".0 .1 .2.0", bad=".1 .2.0",
        status=UNDONE, undos=".0",
    ),
    "finally: after a cancel, innermost first": Case(
        last(last(W, W, owed=[then(W)]), W, owed=[then(W)]), ".0.0 .0.2.0 .2.0", cancel=0.5,
        status=CANCELLED, undos=".2.0 .0.2.0 .0.0",
    ),
    "finally: not of a block that never began": Case(
        then(W, last(W, owed=[then(W)])), ".0", cancel=0.5, status=CANCELLED, undos=".0",
    ),
    "finally: shielded from a cancel in its midst": Case(
        last(W, owed=[then(W, W)]), ".0 .1.0 .1.1", cancel=1.5, status=CANCELLED,
        undos=".1.1 .1.0 .0",
    ),
    "finally: the rounds of its steps, also when cancelled": Case(
        last(W, owed=[then(AGAIN, W)]), ".0 .1.0 .1.0 .1.0 .1.0", cancel=0.5, status=CANCELLED,
        bad=".1.0", undos=".0",
    ),
    "finally: each at most a minute": Case(
        last(W, owed=[then(*(W,) * 9)]), ".0 " + " ".join(f".1.{i}" for i in range(7)),
        seconds={f".1.{i}": 9.0 for i in range(9)}, status=UNDONE, code="FINALLY_TIMEOUT",
        undos=" ".join(f".1.{i}" for i in reversed(range(7))) + " .0",
    ),
    "finally: under retry it ends every pass": Case(
        then(retry(last(W, owed=[then(W)]))), ".0~1.0 .0~1.1.0 .0~2.0 .0~2.1.0", bad=".0~1.0",
    ),
    "finally: in a CATCH": Case(
        then(catch(last(W, owed=[then(W)]), W)), ".0.0.0 .0.0.1.0 .0.1", bad=".0.0.0",
    ),
    # WHEN: how many branches are enough
    "any: the first that is done": Case(
        then(when(W, W, W, any=True), W), ".0.0 .0.1 .0.2 .1", seconds={".0.0": 3, ".0.2": 3},
    ),
    "any: a loser starts no further step, and is undone": Case(
        then(when(then(W, W), W, any=True), W), ".0.0.0 .0.1 .1", seconds={".0.0.0": 4},
        bad=".1", status=UNDONE, undos=".0.0.0 .0.1",
    ),
    "any: a loser is awaited before the end": Case(
        then(when(W, W, any=True)), ".0.0 .0.1", seconds={".0.0": 9},
    ),
    "any: a loser's failure changes nothing": Case(
        then(when(W, W, any=True), W), ".0.0 .0.1 .1", seconds={".0.0": 5}, lost=".0.0",
    ),
    "any: done by a failing branch": Case(
        then(when(W, W, any=True), W), ".0.0 .0.1", seconds={".0.0": 3}, bad=".0.1",
        status=UNDONE, undos=".0.0",
    ),
    "any: done by a failing branch, ignored": Case(
        then(when(W, W, any=True, ignore_error=True), W), ".0.0 .0.1 .1", seconds={".0.0": 3},
        bad=".0.1",
    ),
    "any: what a loser's FINALLY owes": Case(
        then(when(last(W, W, owed=[then(W)]), W, any=True), W), ".0.0.0 .0.1 .1 .0.0.2.0",
        seconds={".0.0.0": 3}, bad=".1", status=UNDONE, undos=".0.0.2.0 .0.0.0 .0.1",
    ),
    "must: waits for those": Case(
        then(when(W, W, W, must=(0, 2)), W), ".0.0 .0.1 .0.2 .1",
        seconds={".0.1": 9, ".0.2": 2},
    ),
    "must: a failure that came in time counts": Case(
        then(when(W, W, must=(0,)), W), ".0.0 .0.1", seconds={".0.0": 3}, bad=".0.1",
        status=UNDONE, undos=".0.0",
    ),
    "percentage: half of three is two": Case(
        then(when(W, W, W, percentage=0.5), W), ".0.0 .0.1 .0.2 .1",
        seconds={".0.0": 9, ".0.1": 2},
    ),
    "percentage: nought is one": Case(
        then(when(W, W, percentage=0.0), W), ".0.0 .0.1 .1", seconds={".0.0": 9},
    ),
    "ignoreError: failures are swallowed": Case(
        then(when(then(W, W), W, ignore_error=True), W), ".0.0.0 .0.1 .1", bad=".0.0.0 .0.1",
    ),
    "ignoreError: what it absorbed is undone later": Case(
        then(when(W, W, ignore_error=True), W), ".0.0 .0.1 .1", lost=".0.0", bad=".1",
        seconds={".0.0": 2}, status=UNDONE, undos=".0.0 .0.1",
    ),
    # maxWait
    "maxWait: in time": Case(then(when(W, max_wait=2000, wraps=True), W), ".0.0 .1"),
    "maxWait: too late is a failure, and the step is awaited": Case(
        then(when(then(W, W), max_wait=2000, wraps=True), W), ".0.0.0", seconds={".0.0.0": 5},
        status=UNDONE, undos=".0.0.0", code="BRANCH_TIMEOUT",
    ),
    "maxWait: a late refusal counts": Case(
        then(W, when(W, max_wait=2000, wraps=True)), ".0 .1.0", seconds={".1.0": 5}, bad=".1.0",
        status=UNDONE, undos=".0", code="BRANCH_TIMEOUT",
    ),
    "maxWait: absorbed by CATCH": Case(
        then(catch(when(W, max_wait=2000, wraps=True), W), W), ".0.0.0 .0.1 .1",
        seconds={".0.0.0": 5},
    ),
    "maxWait: retried as a block": Case(
        then(retry(when(W, max_wait=2000, wraps=True))), ".0~1.0 .0~2.0",
        seconds={".0~1.0": 5},
    ),
    "maxWait: FINALLY runs at the time-out": Case(
        then(when(last(W, W, owed=[then(W)]), max_wait=2000, wraps=True)), ".0.0.0 .0.0.2.0",
        seconds={".0.0.0": 5}, status=UNDONE, undos=".0.0.2.0 .0.0.0", code="BRANCH_TIMEOUT",
    ),
    "maxWait: of one branch": Case(
        then(when(W, W, max_wait=2000, ignore_error=True), W), ".0.0 .0.1 .1",
        seconds={".0.0": 5},
    ),
    # Losers in losers, limits in limits
    "limits that end together": Case(
        then(when(then(when(AGAIN, max_wait=2500, wraps=True)), max_wait=2500, wraps=True)),
        ".0.0.0.0 .0.0.0.0", bad=".0.0.0.0", status=FAILED, code="BRANCH_TIMEOUT",
    ),
    "any in any: what the inner loser owes": Case(
        then(when(when(last(W, owed=[then(W)]), W, any=True), W, W, any=True)),
        ".0.1 .0.2 .0.0.0.0 .0.0.1 .0.0.0.1.0",
        seconds={".0.0.0.0": 3, ".0.0.1": 2, ".0.1": 2.5, ".0.2": 4},
    ),
    "any: a loser that fails at last changes nothing": Case(
        then(when(W, then(W, W), W, any=True)), ".0.0 .0.1.0 .0.2 .0.1.1",
        seconds={".0.0": 2, ".0.2": 5, ".0.1.1": 3}, bad=".0.2",
    ),
    "any: the rounds of what a loser owes": Case(
        then(when(last(W, owed=[then(AGAIN, W)]), W, any=True), W),
        ".0.0.0 .0.1 .0.0.1.0 .1 .0.0.1.0 .0.0.1.0 .0.0.1.0",
        seconds={".0.1": 2.5}, bad=".0.0.1.0",
    ),
    "any: a back-off ends when its branch has lost": Case(
        then(when(AGAIN, W, any=True), W), ".0.0 .0.1 .1", seconds={".0.1": 1.5}, bad=".0.0",
    ),
    "maxWait: the time of a branch begins with the branch": Case(
        then(when(then(W, W), then(W, W), W, max_wait=3500)),
        ".0.0.0 .0.0.1 .0.1.0 .0.1.1 .0.2", width=1,
    ),
    # SWITCH
    "switch: by id": Case(then(PICKS), ".0.0 .0.1", answers={".0.0": "a"}),
    "switch: by id and tag": Case(then(PICKS), ".0.0 .0.2", answers={".0.0": "b:t"}),
    "switch: by tag": Case(then(PICKS), ".0.0 .0.3", answers={".0.0": "tag:u"}),
    "switch: by tag alone": Case(then(PICKS), ".0.0 .0.2", answers={".0.0": ":t"}),
    "switch: nothing fits": Case(then(PICKS), ".0.0 .0.4", answers={".0.0": "b:u"}),
    "switch: null": Case(then(PICKS), ".0.0 .0.4"),
    "switch: a colon": Case(then(PICKS), ".0.0 .0.4", answers={".0.0": ":"}),
    "switch: no target": Case(
        then(W, switch(("a", W))), ".0 .1.0", answers={".1.0": "z"}, status=UNDONE, undos=".0",
        code="NO_SWITCH_TARGET",
    ),
    # Conditions
    "and: stops at the first no": Case(
        then(branch(logic("and", T, T, T), W, W)), ".0.0.0 .0.0.1 .0.2", no=".0.0.1",
    ),
    "or: stops at the first yes": Case(
        then(branch(logic("or", T, T, T), W, W)), ".0.0.0 .0.0.1 .0.1", no=".0.0.0",
    ),
    "not": Case(then(branch(logic("not", T), W, W)), ".0.0.0 .0.1", no=".0.0.0"),
    "nested": Case(
        then(branch(logic("or", logic("not", T), logic("and", T, T)), W)),
        ".0.0.0.0 .0.0.1.0 .0.0.1.1 .0.1",
    ),
    "a failing operand": Case(
        then(W, branch(logic("and", T, T), W)), ".0 .1.0.0", bad=".1.0.0", status=UNDONE,
        undos=".0",
    ),
    # Loops
    "for: a number": Case(then(loop("for", 3, W), W), ".0#0 .0#1 .0#2 .1"),
    "for: a head": Case(
        then(loop("for", step("count"), then(W))), ".0.0 .0#0.0 .0#1.0", answers={".0.0": 2},
    ),
    "for: nought": Case(then(loop("for", 0, W), W), ".1"),
    "for: every pass is undone": Case(
        then(loop("for", 3, W), W), ".0#0 .0#1 .0#2 .1", bad=".1", status=UNDONE,
        undos=".0#2 .0#1 .0#0",
    ),
    "for: a failure leaves the loop": Case(
        then(loop("for", 3, W)), ".0#0 .0#1", bad=".0#1", status=UNDONE, undos=".0#0",
    ),
    "for: CATCH goes on with the next pass": Case(
        then(loop("for", 3, catch(W))), ".0#0.0 .0#1.0 .0#2.0", bad=".0#1.0",
    ),
    "for: break": Case(
        then(loop("for", 9, W, until=T), W), ".0#0 .0.2#0 .0#1 .0.2#1 .1", no=".0.2#0",
    ),
    "while": Case(
        then(loop("while", T, W), W), ".0.0#0 .0#0 .0.0#1 .0#1 .0.0#2 .1", no=".0.0#2",
    ),
    "while: true until break": Case(
        then(loop("while", True, W, until=T)), ".0#0 .0.2#0 .0#1 .0.2#1", no=".0.2#0",
    ),
    "iterator": Case(
        then(loop("iterator", step("each"), W)), ".0.0 .0#0 .0#1", answers={".0.0": ["x", "y"]},
    ),
    "a loop in a loop": Case(
        then(loop("for", 2, loop("for", 2, W))), ".0#0#0 .0#0#1 .0#1#0 .0#1#1",
    ),
    "a cancel leaves the loop": Case(
        then(loop("for", 99, W)), ".0#0 .0#1 .0#2", cancel=2.5, status=CANCELLED,
        undos=".0#2 .0#1 .0#0",
    ),
    "parallel: all at once": Case(
        then(loop("for", 3, then(W, W), parallel=True)),
        ".0#0.0 .0#1.0 .0#2.0 .0#0.1 .0#1.1 .0#2.1", seconds=ONE_AFTER_THE_OTHER,
    ),
    "parallel: a failed pass lets the others end": Case(
        then(loop("for", 3, then(W, W), parallel=True)),
        ".0#0.0 .0#1.0 .0#2.0 .0#1.1 .0#2.1", bad=".0#0.0", status=UNDONE,
        undos=".0#2.1 .0#1.1 .0#2.0 .0#1.0", seconds=ONE_AFTER_THE_OTHER,
    ),
    "parallel: break is asked when a pass has begun": Case(
        then(loop("for", 9, W, until=T, parallel=True)), ".0.2#0 .0#0 .0.2#1 .0#1",
        no=".0.2#0", seconds={".0#0": 9, ".0#1": 9},
    ),
    "a loop that begins nothing has an end": Case(
        then(W, loop("while", True, catch(loop("for", 0, W)))), ".0", status=UNDONE,
        code="IDLE_LOOP", undos=".0",
    ),
    "retry in a loop": Case(
        then(loop("for", 2, retry(then(W)))), ".0#0~1.0 .0#0~2.0 .0#1~1.0", bad=".0#0~1.0",
    ),
}  # fmt: skip


def ran(case: Case, max_events: int | None) -> Ran:
    if case.cancel is None:
        return run(case.root, case.script, max_events=max_events, max_parallel=case.width)
    return run_cancelled(case.root, case.script, at=case.cancel, max_events=max_events)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_operator(case: Case) -> None:
    found = ran(case, None)
    assert found.paths("start") == paths(case.starts)
    assert found.paths("undo") == paths(case.undos)
    assert found.execution.status is case.status
    if case.code is not None:
        assert found.execution.error is not None
        assert found.execution.error.code == case.code


# Parked after every few steps: nothing runs twice and nothing is forgotten; only times differ.
@pytest.mark.parametrize("max_events", range(20, 50, 6))
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_operator_parked(case: Case, max_events: int) -> None:
    found = ran(case, max_events)
    assert sorted(found.paths("start")) == sorted(paths(case.starts))
    assert sorted(found.paths("undo")) == sorted(paths(case.undos))
    assert found.execution.status is case.status
