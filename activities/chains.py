"""Sub-runs on Temporal: workflows that a step finds or starts, waits for, and cancels.

For the activities of components that run chains. A sub-run is an execution as any other; its id
says whose it is.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.errors import ChainCallInvalid
from activities.found_runs import (
    AGAIN_SECONDS,
    OPERATOR,
    Found,
    family,
    find,
    patiently,
    unless_closed,
)
from activities.mirror.interceptor import Sink
from rules.errors import RulesUnavailable
from rules.execution import Execution, Status, SubRun, steps_string
from rules.request_sha import request_sha
from rules.sizes import short
from rules.source.freeze import freeze_current
from rules.source.service import RuleSource
from rules.sub_runs import (
    STEPS_LIMIT,
    ChainCall,
    SubRunEnd,
    repeatable,
    sub_frost,
    sub_options,
    sub_run_id,
)
from rules.wire import (
    REQUEST_SHA_MEMO,
    ChainInput,
    Frost,
    MirrorChange,
    SagaState,
    StepRequest,
)

log = structlog.get_logger("chainsaga.chains")


Attributes = Callable[[str, Frost], list[SearchAttributePair[Any]]]
"""The search attributes of a new execution of a tenant."""


class Memory(Protocol):
    """Who remembers executions longer than Temporal does: the mirror."""

    def get(self, tenant: str, execution_id: str) -> Execution | None:
        """An execution, if it is remembered."""
        ...


@dataclass(frozen=True, slots=True)
class Chains:
    """What a worker's process needs to start chains; `attributes` are those of any execution.

    `memory` is asked for an id that Temporal does not know (design section 2).
    """

    rules: RuleSource
    sink: Sink
    memory: Memory
    attributes: Attributes


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
            found = await find(self.client, saga.tenant, id)
            if found is not None:
                await _check_same(found, call, sha)
            else:
                found = await self._remembered(call, id, sha) or await self._start(call, id)
            if found is None:
                continue  # somebody else has started it just now
            if found.open or not repeatable(run := (await found.ended()).run):
                return replace(found, earlier=tuple(earlier))
            earlier.append(run)

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
            await unless_closed(partial(found.handle.cancel, reason=json.dumps(why)))
        for found in running:
            await found.ended()

    async def _remembered(self, call: ChainCall, id: str, sha: str) -> Found | None:
        """A run that has ended so long ago that Temporal has forgotten it."""
        tenant = call.saga.tenant
        try:
            known = await asyncio.to_thread(self.chains.memory.get, tenant, id)
        except SQLAlchemyError as error:
            log.warning("the mirror cannot be asked before a start", why=str(error))
            return None
        if known is None or not known.status.final:
            return None
        if known.request_sha != sha:
            raise _another(call, known.chain)
        return Found(self.client, tenant, id, known.chain, remembered=_remembered_end(known))

    def _freeze(self, call: ChainCall) -> Frost:
        frost = freeze_current(
            self.chains.rules,
            call.saga.tenant,
            call.chain,
            call.request,
            namespace=call.terms.namespace,
            options=sub_options(call.terms),
        )
        return sub_frost(frost, call)

    async def _frozen(self, call: ChainCall) -> Frost:
        """The chain, as soon as the rules can be read. Raises RuleError."""
        while True:
            try:
                return await asyncio.to_thread(self._freeze, call)
            except RulesUnavailable as error:
                log.warning("a step waits for the rules", chain=call.chain, why=str(error))
                await asyncio.sleep(AGAIN_SECONDS)

    async def _start(self, call: ChainCall, id: str) -> Found | None:
        """Start a run; None if somebody else just has."""
        frost = await self._frozen(call)
        tenant, plan = call.saga.tenant, frost.plan
        now = datetime.now(UTC)
        state = SagaState(started_at=now, context=call.context)
        words = f"{plan.chain} version {plan.version}, run by {call.saga.execution_id}"
        try:
            await patiently(
                self.client.start_workflow,
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


async def _check_same(found: Found, call: ChainCall, sha: str) -> None:
    assert found.known is not None
    known_sha = await found.known.memo_value(REQUEST_SHA_MEMO, default=None, type_hint=str)
    if (found.chain, known_sha) != (call.chain, sha):
        raise _another(call, found.chain)


def _another(call: ChainCall, chain: str) -> ChainCallInvalid:
    return ChainCallInvalid(
        f"call {call.number} of '{call.path}' ran chain '{chain}' in an earlier attempt, "
        "and now another chain or request: the calls of a step must repeat"
    )


def _remembered_end(known: Execution) -> SubRunEnd:
    run = SubRun(
        execution_id=known.execution_id,
        chain=known.chain,
        status=known.status,
        steps=short(steps_string(known.stack), STEPS_LIMIT),
        undoable=any(entry.to_undo and not entry.status.undo_ended for entry in known.stack),
        left=any(entry.left_behind for entry in known.stack),
    )
    return SubRunEnd(run=run, output=known.output, context=known.context, error=known.error)


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
