"""Drive one execution inside a Temporal workflow: input, freeze, cancel, continue-as-new, end.

For `workflows.chain`, whose class stays small because Temporal's sandbox loads it anew for every
run. What a saga does stands in `workflows.saga`.
"""

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NoReturn

from pydantic import JsonValue, ValidationError
from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError

from rules.execution import Status
from rules.plan import PLAN_FORMAT
from rules.wire import (
    FREEZE_ACTIVITY,
    REQUEST_SHA_MEMO,
    ChainInput,
    FreezeRequest,
    Frost,
    SagaRef,
    SagaResult,
    SagaState,
)
from workflows.details import render
from workflows.gate import Parked
from workflows.outcome import execution_of
from workflows.packing import pack, unpack
from workflows.saga import Saga
from workflows.temporal import TemporalRuntime, start_attributes
from workflows.undoing import reopened

TENANT_PATTERN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
EXECUTION_ID_LIMIT: Final = 128
# The API could not tell such an execution from the log of another one.
ADDRESSES: Final = ("/logs", "/undo-plan")


class PlanTooNewError(Exception):
    """The plan was made by a newer version; the workflow task waits for a worker of that one."""

    def __init__(self, format: int) -> None:
        super().__init__(f"plan format {format} is newer than {PLAN_FORMAT}; update this worker")


class ChainDriver:
    """Runs the chain that the workflow's type names, for the execution that its id names."""

    def __init__(self) -> None:
        self._saga: Saga | None = None
        self._undoes: SagaRef | None = None
        self._early: list[tuple[str, JsonValue]] = []

    def receive(self, kind: str, payload: JsonValue) -> None:
        """Take in a decision; its type is left open, since a typed handler drops what does not fit.

        One that comes before the chain is frozen waits until it is.
        """
        if self._saga is None:
            self._early.append((kind, payload))
        else:
            self._saga.receive(kind, payload)

    @property
    def saga(self) -> Saga:
        """The saga. Raises ApplicationError while its chain is not frozen yet."""
        if self._saga is None:
            raise ApplicationError("the chain is not frozen yet; ask again", type="NOT_STARTED")
        return self._saga

    def undo_input(self) -> RawValue:
        """What a workflow is started with that undoes this one, once it has completed.

        Raises ApplicationError.
        """
        saga = self.saga
        if saga.state.status is not Status.COMPLETED:
            words = f"the execution is {saga.state.status.value}, and undoes itself"
            raise ApplicationError(words, type="NOT_COMPLETED")
        ref = self._undoes or saga.ref
        return pack(ChainInput(frost=saga.frost, state=reopened(saga.state), undoes=ref))

    async def run(self, args: Sequence[RawValue]) -> SagaResult:
        """Run to the end, or continue as new. The workflow fails for all but COMPLETED."""
        tenant, execution_id = _identity(workflow.info().workflow_id)
        given = _given(args)
        start = given if isinstance(given, ChainInput) else await _freeze_by_hand(tenant, given)
        if start.frost.plan.format > PLAN_FORMAT:
            raise PlanTooNewError(start.frost.plan.format)
        state = start.state or SagaState(started_at=workflow.now())
        self._undoes = start.undoes
        self._saga = saga = _open(tenant, execution_id, start, state)
        for kind, payload in self._early:
            saga.receive(kind, payload)
        fresh_undo = start.undoes is not None and state.revision == 0
        try:
            result = await _to_the_end(saga, announce=start is not given or fresh_undo)
        except Parked:
            # An upserted memo would not be carried over by itself.
            workflow.continue_as_new(
                pack(start.model_copy(update={"state": state})),
                memo={REQUEST_SHA_MEMO: start.frost.request_sha},
            )
        if result.status is not Status.COMPLETED:
            _fail(result)
        return result


async def _to_the_end(saga: Saga, *, announce: bool) -> SagaResult:
    """Run the saga in a task of its own, so that a cancel stops it and does not tear it."""
    task = asyncio.create_task(saga.run(announce=announce))
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            # Not a cancel: Temporal takes the whole run out of its cache.
            if task.cancelled():
                raise
            saga.cancel(workflow.cancellation_reason())
    return task.result()


def _open(tenant: str, execution_id: str, start: ChainInput, state: SagaState) -> Saga:
    info, frost = workflow.info(), start.frost
    ref = SagaRef(
        tenant=tenant,
        execution_id=execution_id,
        chain=info.workflow_type,
        rule_version=frost.plan.version,
        first_run_id=info.first_execution_run_id,
    )
    runtime = TemporalRuntime(
        frost,
        lambda: execution_of(ref, frost, state),
        lambda: render(frost.plan, state),
        lambda: max(frost.plan.nodes, len(state.stack)),
    )
    return Saga(ref, frost, state, runtime, undoes=start.undoes)


def _given(args: Sequence[RawValue]) -> ChainInput | JsonValue:
    """The workflow's input: frozen by the API or an earlier run, or a bare request."""
    converter = workflow.payload_converter()
    packed = unpack(args[0].payload) if args else None
    raw: JsonValue = packed
    if args and packed is None:
        raw = converter.from_payload(args[0].payload)
    if not isinstance(raw, dict) or raw.get("chainsaga") != "input":
        return raw
    try:
        return ChainInput.model_validate(raw)
    except ValidationError as error:
        if raw.get("state") is not None:
            # A saga under way that this version cannot read waits for a version that can.
            raise
        raise ApplicationError(
            f"the input is marked as chainsaga's own but is not: {error}; "
            "give the chain's bare request instead",
            type="INPUT_INVALID",
            non_retryable=True,
        ) from error


async def _freeze_by_hand(tenant: str, request: JsonValue) -> ChainInput:
    frost = await _freeze(
        FreezeRequest(tenant=tenant, chain=workflow.info().workflow_type, request=request)
    )
    workflow.upsert_search_attributes(
        [pair.key.value_set(pair.value) for pair in start_attributes(tenant, frost)]
    )
    workflow.upsert_memo({REQUEST_SHA_MEMO: frost.request_sha})
    return ChainInput(frost=frost)


async def _freeze(request: FreezeRequest) -> Frost:
    """Freeze a start by hand; waits for rules that cannot be read yet."""
    try:
        frost: Frost = await workflow.execute_local_activity(
            FREEZE_ACTIVITY,
            request,
            result_type=Frost,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
        )
    except FailureError as error:
        raise error.cause or error from error
    return frost


def _identity(workflow_id: str) -> tuple[str, str]:
    """Tenant and execution id of a workflow id, split at its first colon."""
    tenant, colon, execution_id = workflow_id.partition(":")
    if not colon or not TENANT_PATTERN.fullmatch(tenant):
        raise ApplicationError(
            f"the workflow id '{workflow_id}' names no tenant: start chains with "
            "--workflow-id TENANT:EXECUTION, for example 1:order-42 "
            "(tenant: letters, digits, '_', '-', at most 64)",
            type="TENANT_MISSING",
            non_retryable=True,
        )
    fits = execution_id.isprintable() and 0 < len(execution_id) <= EXECUTION_ID_LIMIT
    if not fits or execution_id.endswith(ADDRESSES):
        raise ApplicationError(
            f"the execution id in '{workflow_id:.200}' must be 1 to {EXECUTION_ID_LIMIT} "
            f"printable characters, and must not end in {' or '.join(ADDRESSES)}",
            type="EXECUTION_ID_INVALID",
            non_retryable=True,
        )
    return tenant, execution_id


def _fail(result: SagaResult) -> NoReturn:
    """End the run as failed, so that Temporal's own lists show red what is red."""
    words = f"ended after {result.cause.value}" if result.cause else "ended"
    if result.failed_step is not None and result.error is not None:
        words = f"step {result.failed_step} failed: {result.error.message}"
    raise ApplicationError(words, result, type=result.status.value, non_retryable=True)
