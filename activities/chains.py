"""Sub-runs on Temporal: workflows that a step finds or starts, waits for, cancels, or has undone.

For the activities of components that run chains, and the one that undoes what they ran. A sub-run
is an execution as any other; its id says whose it is. Nothing of the mirror has a say.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from pydantic import JsonValue
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.common import (
    RawValue,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.errors import ChainCallInvalid
from activities.mirror.interceptor import Sink
from rules.execution import Execution, Status, SubRun
from rules.repeats import request_sha
from rules.source.freeze import freeze_current
from rules.source.service import RuleSource
from rules.sub_runs import (
    UNDO_SUFFIX,
    ChainCall,
    SubRunEnd,
    end_of,
    repeatable,
    sub_frost,
    sub_options,
    sub_run_id,
)
from rules.wire import (
    REQUEST_SHA_MEMO,
    UNDO_INPUT_QUERY,
    ChainInput,
    Frost,
    MirrorChange,
    SagaRef,
    SagaResult,
    SagaState,
    StepRequest,
)

AGAIN_SECONDS: Final = 1.0
"""Between two tries to hear of a sub-run's end while Temporal does not answer."""
OPERATOR: Final = "chainsaga"

Attributes = Callable[[str, Frost], list[SearchAttributePair[Any]]]
"""The search attributes of a new execution of a tenant."""


@dataclass(frozen=True, slots=True)
class Chains:
    """What a worker's process needs to start chains; `attributes` are those of any execution."""

    rules: RuleSource
    sink: Sink
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Found:
    """A sub-run that is there; `known` is what Temporal said of it."""

    client: Client
    tenant: str
    execution_id: str
    chain: str
    known: WorkflowExecutionDescription | None = None
    earlier: tuple[SubRun, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it ran when it was found."""
        return self.known is None or self.known.status is WorkflowExecutionStatus.RUNNING

    @property
    def handle(self) -> WorkflowHandle[Any, SagaResult]:
        """Temporal's handle of it."""
        id = f"{self.tenant}:{self.execution_id}"
        return self.client.get_workflow_handle(id, result_type=SagaResult)

    async def ended(self) -> SubRunEnd:
        """Wait for its end, whether Temporal answers meanwhile or not."""
        while True:
            try:
                return end_of(await self.handle.result())
            except WorkflowFailureError as failure:
                return end_of(_result(self, failure))
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(AGAIN_SECONDS)

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


@dataclass(frozen=True, slots=True)
class TemporalLauncher:
    """Finds and starts the sub-runs of steps; `task_queue` is that of their workflows."""

    client: Client
    chains: Chains
    task_queue: str

    async def launch(self, call: ChainCall) -> Found:
        """Find or start the run of a call. Raises RuleError, ChainCallInvalid, RPCError."""
        sha = request_sha(call.chain, call.request)
        saga = call.saga
        earlier: list[SubRun] = []
        while True:
            id = sub_run_id(saga.execution_id, call.path, call.number, len(earlier) + 1)
            found = await find(self.client, saga.tenant, id) or await self._start(call, id)
            if found is None:
                continue  # somebody else has started it just now
            if found.known is not None:
                await _check_same(found, call, sha)
                if not found.open and repeatable(run := (await found.ended()).run):
                    earlier.append(run)
                    continue
            return replace(found, earlier=tuple(earlier))

    async def beyond(self, request: StepRequest, number: int) -> Sequence[SubRun]:
        """What earlier attempts of a step have run in calls after the `number`th."""
        runs = family(self.client, request.saga, request.path, number + 1)
        return [await found.told() async for found in runs]

    async def cancel(self, request: StepRequest) -> None:
        """Cancel what a step runs, and wait until it has ended."""
        runs = family(self.client, request.saga, request.path)
        running = [found async for found in runs if found.open]
        for found in running:
            why = {"operator": OPERATOR, "reason": "the step that runs it is cancelled"}
            await unless_closed(found.handle.cancel(reason=json.dumps(why)))
        for found in running:
            await found.ended()

    def _freeze(self, call: ChainCall) -> Frost:
        frost = freeze_current(
            self.chains.rules,
            call.saga.tenant,
            call.chain,
            call.request,
            options=sub_options(call.terms),
        )
        return sub_frost(frost, call)

    async def _start(self, call: ChainCall, id: str) -> Found | None:
        """Start a run; None if somebody else just has."""
        frost = await asyncio.to_thread(self._freeze, call)
        tenant, plan = call.saga.tenant, frost.plan
        now = datetime.now(UTC)
        state = SagaState(started_at=now, context=call.context)
        words = f"{plan.chain} version {plan.version}, run by {call.saga.execution_id}"
        try:
            await self.client.start_workflow(
                plan.chain,
                ChainInput(frost=frost, state=state),
                id=f"{tenant}:{id}",
                task_queue=self.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo={REQUEST_SHA_MEMO: frost.request_sha},
                search_attributes=TypedSearchAttributes(self.chains.attributes(tenant, frost)),
                static_summary=words[:200],
            )
        except WorkflowAlreadyStartedError:
            return None
        self.chains.sink.put(MirrorChange(execution=_first(tenant, id, frost, now)))
        return Found(self.client, tenant, id, plan.chain)


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
        known = await client.get_workflow_handle(f"{tenant}:{execution_id}").describe()
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
        await unless_closed(found.handle.signal("compensate", decision))
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


async def unless_closed(asked: Any) -> None:  # noqa: ANN401 - a coroutine of the client
    """Await a request to a workflow, which may have ended meanwhile. Raises RPCError."""
    try:
        await asked
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def _check_same(found: Found, call: ChainCall, sha: str) -> None:
    assert found.known is not None
    known_sha = await found.known.memo_value(REQUEST_SHA_MEMO, default=None, type_hint=str)
    if (found.chain, known_sha) != (call.chain, sha):
        raise ChainCallInvalid(
            f"call {call.number} of '{call.path}' ran chain '{found.chain}' in an earlier attempt, "
            "and now another chain or request: the calls of a step must repeat"
        )


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


def _first(tenant: str, execution_id: str, frost: Frost, now: datetime) -> Execution:
    """The mirror's first record of a sub-run; every later one beats it."""
    return Execution(
        tenant=tenant,
        execution_id=execution_id,
        chain=frost.plan.chain,
        rule_version=frost.plan.version,
        plan_sha=frost.plan.sha,
        status=Status.RUNNING,
        request_sha=frost.request_sha,
        request=frost.request,
        started_at=now,
        parent=frost.parent,
    )
