"""Plans, states and stack entries by hand, for tests of what only computes."""

from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from rules.execution import EntryStatus, ErrorInfo, StackEntry
from rules.plan import ComponentPolicy, Plan, PlanNode, StepNode
from rules.wire import Frost, Produced, SagaRef, SagaState

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=5)
SAGA = SagaRef(
    tenant="acme", execution_id="order-1", chain="placeOrder", rule_version=3, first_run_id="run"
)
SOLD_OUT = ErrorInfo(type="Refused", message="sold out", code="OUT_OF_STOCK")


def state(*stack: StackEntry, **fields: object) -> SagaState:
    return SagaState.model_validate({"started_at": NOON, "stack": list(stack), **fields})


def plan(*components: ComponentPolicy, root: PlanNode | None = None, nodes: int = 1) -> Plan:
    return Plan(
        chain="placeOrder",
        version=3,
        sha="plan",
        root=root or StepNode(component="pay"),
        components={policy.id: policy for policy in components},
        nodes=nodes,
    )


def frost(*components: ComponentPolicy, request: JsonValue = None) -> Frost:
    return Frost(plan=plan(*components), request=request, request_sha="request")


def entry(
    status: EntryStatus = EntryStatus.COMPLETED,
    *,
    outcome: EntryStatus | None = None,
    component: str = "pay",
    path: str = "0",
    tag: str | None = None,
    seq: int = 1,
    ended: int | None = None,
    compensation: str | None = "refund",
    read_only: bool = False,
    attempts: int = 1,
    output: JsonValue = None,
    given: JsonValue = None,
    error: ErrorInfo | None = None,
    undo_error: ErrorInfo | None = None,
) -> StackEntry:
    forward = outcome or (None if status is EntryStatus.RUNNING else status)
    return StackEntry(
        seq=seq,
        path=path,
        component=component,
        tag=tag,
        status=status,
        outcome=forward,
        compensation=compensation,
        read_only=read_only,
        input=given,
        output=output,
        error=error,
        undo_error=undo_error,
        attempts=attempts,
        started_at=NOON,
        ended=(0 if forward is None else seq) if ended is None else ended,
    )


def produced(
    component: str, value: JsonValue, tag: str | None = None, path: str = "0.0"
) -> Produced:
    return Produced(path=path, component=component, tag=tag, value=value)
