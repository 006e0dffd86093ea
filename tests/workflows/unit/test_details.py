"""The chain as a tree, as Temporal's Web UI shows it."""

from rules.execution import EntryStatus, ErrorInfo, Status
from rules.plan import ChainNode, IfNode, StepNode, ThenNode, WhenNode
from rules.wire import Failure
from tests.workflows.unit.states import SOLD_OUT, entry, plan, state
from workflows.details import LINES, MARKS, render, render_all

ROOT = ThenNode(
    id="main",
    items=(
        StepNode(component="createOrder"),
        WhenNode(
            tag="both",
            items=(StepNode(component="deductStock", tag="vip"), StepNode(component="coupon")),
        ),
        IfNode(
            id="choice",
            test=StepNode(component="isVip"),
            then=ChainNode(chain="sub", tag="t", body=ThenNode(items=(StepNode(component="pay"),))),
            otherwise=StepNode(component="wait"),
        ),
        IfNode(test=StepNode(component="isLate"), then=StepNode(component="hurry")),
        StepNode(component="notify"),
    ),
)

STACK = [
    entry(EntryStatus.COMPLETED, path="0.0", component="createOrder"),
    entry(EntryStatus.COMPENSATED, outcome=EntryStatus.UNKNOWN, path="0.1.0", attempts=3),
    entry(EntryStatus.COMPENSATING, outcome=EntryStatus.COMPLETED, path="0.1.1"),
    entry(EntryStatus.RUNNING, path="0.2.0", attempts=0),
    entry(EntryStatus.UNKNOWN, path="0.2.1.0.0", error=SOLD_OUT, attempts=2),
    entry(EntryStatus.FAILED, path="0.3.0", error=SOLD_OUT),
    entry(
        EntryStatus.COMPENSATION_FAILED,
        outcome=EntryStatus.COMPLETED,
        path="0.3.1",
        undo_error=ErrorInfo(type="X", message="bank closed", code="X"),
    ),
    entry(EntryStatus.COMPENSATED, outcome=EntryStatus.COMPLETED, path="0.4"),
]

TREE = """\
- THEN id `main`
  - ✅ `createOrder` done
  - WHEN tag `both`
    - ↩️ `deductStock` tag `vip` undone (its outcome was unknown), 3 attempts
    - ⏳ `coupon` undoing
  - IF id `choice`
    - ⏳ `isVip` running
    - then chain `sub` tag `t`
      - THEN
        - ❓ `pay` outcome unknown, 2 attempts: sold out
    - else ▫️ `wait`
  - IF
    - ❌ `isLate` refused: sold out
    - then 🛑 `hurry` undo failed: bank closed
  - ↩️ `notify` undone"""


def test_the_tree_shows_each_node_with_its_state() -> None:
    assert render_all(plan(root=ROOT), state(*STACK)) == TREE


def test_the_details_have_a_headline() -> None:
    assert render(plan(root=ROOT), state(*STACK)) == (
        f"**placeOrder** version 3: **RUNNING**\n\n{TREE}"
    )


def test_the_headline_tells_the_failure() -> None:
    failed = state(
        status=Status.COMPENSATING,
        failure=Failure(path="0", component="pay", error=SOLD_OUT),
    )
    assert render(plan(), failed) == (
        "**placeOrder** version 3: **COMPENSATING**\n\n`pay`: sold out (OUT_OF_STOCK)\n\n- ▫️ `pay`"
    )


def test_a_long_chain_is_cut_in_the_details_only() -> None:
    nodes = LINES + 5
    root = ThenNode(items=tuple(StepNode(component=f"c{i}") for i in range(nodes - 1)))
    long = plan(root=root, nodes=nodes)
    lines = render(long, state()).splitlines()[2:]
    assert len(lines) == LINES + 1
    assert lines[-1] == f"- … {nodes} nodes in all; the query `tree` shows them"
    assert len(render_all(long, state()).splitlines()) == nodes


def test_a_chain_that_just_fits_is_not_cut() -> None:
    root = ThenNode(items=tuple(StepNode(component=f"c{i}") for i in range(LINES - 1)))
    assert len(render(plan(root=root, nodes=LINES), state()).splitlines()) == LINES + 2


def test_every_status_has_a_mark() -> None:
    assert set(MARKS) == set(EntryStatus)
