"""Sub-runs on Temporal that are there already: looked for, waited for, stopped, undone.

For the launcher that finds them before it starts any, and for the activity that undoes them. Knows
neither rules nor the mirror.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, Final, TypeVar

from pydantic import JsonValue
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.common import RawValue, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from rules.execution import Status, SubRun
from rules.sub_runs import UNDO_SUFFIX, SubRunEnd, end_of, sub_run_id
from rules.wire import REQUEST_SHA_MEMO, UNDO_INPUT_QUERY, SagaRef, SagaResult

AGAIN_SECONDS: Final = 1.0
"""Between two tries to hear of a sub-run's end while Temporal does not answer."""
OPERATOR: Final = "chainsaga"
PASSING: Final = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.UNKNOWN,
    RPCStatusCode.INTERNAL,
    RPCStatusCode.ABORTED,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A sub-run that is there; `known` is what Temporal said of it."""

    client: Client
    tenant: str
    execution_id: str
    chain: str
    known: WorkflowExecutionDescription | None = None
    earlier: tuple[SubRun, ...] = ()
    remembered: SubRunEnd | None = None

    @property
    def open(self) -> bool:
        """Whether it ran when it was found."""
        if self.remembered is not None:
            return False
        return self.known is None or self.known.status is WorkflowExecutionStatus.RUNNING

    @property
    def handle(self) -> WorkflowHandle[Any, SagaResult]:
        """Temporal's handle of it."""
        id = f"{self.tenant}:{self.execution_id}"
        return self.client.get_workflow_handle(id, result_type=SagaResult)

    async def ended(self) -> SubRunEnd:
        """Wait for its end, whether Temporal answers meanwhile or not."""
        if self.remembered is not None:
            return self.remembered
        try:
            return end_of(await patiently(self.handle.result))
        except WorkflowFailureError as failure:
            return end_of(_result(self, failure))

    async def told(self) -> SubRun:
        """What is to be remembered of it now."""
        if not self.open:
            return (await self.ended()).run
        return SubRun(
            execution_id=self.execution_id,
            chain=self.chain,
            status=Status.RUNNING,
            undoable=True,
            left=True,
        )


async def family(client: Client, saga: SagaRef, path: str, first: int = 1) -> AsyncIterator[Found]:
    """The sub-runs of a step, in order: their numbers have no gaps."""
    for number in count(first):
        for again in count(1):
            id = sub_run_id(saga.execution_id, path, number, again)
            found = await find(client, saga.tenant, id)
            if found is None:
                break
            yield found
        if again == 1:
            return


async def find(client: Client, tenant: str, execution_id: str) -> Found | None:
    """The sub-run of an id, if Temporal knows it. Raises RPCError."""
    try:
        known = await patiently(client.get_workflow_handle(f"{tenant}:{execution_id}").describe)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return Found(client, tenant, execution_id, known.workflow_type, known)


async def undone(found: Found) -> SubRun:
    """Have a sub-run undone, whatever its state, and wait for it. Raises RPCError."""
    if found.open:
        decision: dict[str, JsonValue] = {
            "decision_id": f"undo of {found.execution_id[:100]}",
            "operator": OPERATOR,
            "reason": "the step that ran it is undone",
        }
        await unless_closed(partial(found.handle.signal, "compensate", decision))
    end = await found.ended()
    if end.run.status is not Status.COMPLETED or not end.run.undoable:
        return end.run
    after = (await (await _undo_of(found)).ended()).run
    told = {"status": after.status, "undoable": after.undoable, "left": after.left}
    return end.run.model_copy(update=told)


async def _undo_of(found: Found) -> Found:
    """The workflow that undoes a sub-run that has completed: its stack comes from there."""
    id = f"{found.execution_id}{UNDO_SUFFIX}"
    known = await found.handle.describe()
    given = await found.handle.query(UNDO_INPUT_QUERY, result_type=RawValue)
    # By an earlier attempt it may have been started.
    with suppress(WorkflowAlreadyStartedError):
        await found.client.start_workflow(
            known.workflow_type,
            given,
            id=f"{found.tenant}:{id}",
            task_queue=known.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo={REQUEST_SHA_MEMO: await known.memo_value(REQUEST_SHA_MEMO, default="")},
            search_attributes=known.typed_search_attributes,
            static_summary=f"undo of {found.execution_id}"[:200],
        )
    return Found(found.client, found.tenant, id, found.chain)


async def unless_closed(ask: Callable[[], Awaitable[None]]) -> None:
    """Ask a workflow for something, which may have ended meanwhile. Raises RPCError."""
    try:
        await patiently(ask)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def patiently(
    call: Callable[..., Awaitable[T]],
    *arguments: Any,  # noqa: ANN401 - the call's own
    **named: Any,  # noqa: ANN401
) -> T:
    """A call of Temporal, again until it answers: a step that waits has time. Raises RPCError."""
    while True:
        try:
            return await call(*arguments, **named)
        except RPCError as error:
            if error.status not in PASSING:
                raise
            await asyncio.sleep(AGAIN_SECONDS)


def _result(found: Found, failure: WorkflowFailureError) -> SagaResult:
    cause = failure.cause
    if isinstance(cause, ApplicationError) and cause.details:
        return SagaResult.model_validate(cause.details[0])
    return SagaResult(
        execution_id=found.execution_id,
        chain=found.chain,
        rule_version=0,
        status=Status.ABORTED,
    )
