"""Read an execution from the mirror, or from its workflow where the mirror cannot answer.

For the saga router. Every answer says which of the two it is, and as of when.
"""

import asyncio
from datetime import UTC, datetime
from typing import Literal

import structlog
from sqlalchemy.exc import SQLAlchemyError

from activities.mirror.reader import MirrorReader
from activities.mirror.timeline import timeline
from activities.mirror.views import Log
from api.errors import ApiError
from api.schemas import ExecutionView, UndoPlanView
from api.services import ApiServices
from rules.execution import Execution, steps_string
from workflows.stack import planned_undos

log = structlog.get_logger("chainsaga.api")

Source = Literal["mirror", "workflow"]


async def read_execution(
    services: ApiServices, tenant: str, execution_id: str, *, strong: bool
) -> ExecutionView:
    """One execution. Raises ExecutionUnknown, TemporalUnavailable, StateUnavailable."""
    if not strong:
        found = await _from_mirror(services, tenant, execution_id)
        if found is not None:
            return _view(services, found, "mirror")
    try:
        execution = await services.sagas.execution(tenant, execution_id)
    except ApiError:
        # The mirror may have been told of a fresh start while the workflow was asked in vain.
        found = None if strong else await _from_mirror(services, tenant, execution_id)
        if found is None:
            raise
        return _view(services, found, "mirror")
    return _view(services, execution, "workflow")


async def read_undo_plan(services: ApiServices, tenant: str, execution_id: str) -> UndoPlanView:
    """The undo plan, of the workflow itself if it answers, else as the mirror last knew it."""
    source: Source = "workflow"
    try:
        execution = await services.sagas.execution(tenant, execution_id)
    except ApiError:
        found = await _from_mirror(services, tenant, execution_id)
        if found is None:
            raise
        source, execution = "mirror", found
    return UndoPlanView(
        as_of=_as_of(execution, source),
        source=source,
        execution_id=execution_id,
        status=execution.status,
        undo=planned_undos(execution.stack),
    )


async def read_log(services: ApiServices, tenant: str, execution_id: str) -> Log:
    """The log of an execution; of its workflow while the mirror has not heard of it.

    Raises ExecutionUnknown, TemporalUnavailable, StateUnavailable.
    """
    try:
        found = await asyncio.to_thread(_log_of_mirror, services.reader, tenant, execution_id)
    except SQLAlchemyError as error:
        log.warning("the mirror does not answer, asking the workflow", why=str(error))
        found = None
    if found is not None:
        return found
    execution = await services.sagas.execution(tenant, execution_id)
    return Log(lines=timeline(execution.stack, ()), as_of=datetime.now(UTC))


def _log_of_mirror(reader: MirrorReader, tenant: str, execution_id: str) -> Log | None:
    if reader.find_request_sha(tenant, execution_id) is None:
        return None
    return reader.logs(tenant, execution_id)


async def _from_mirror(services: ApiServices, tenant: str, execution_id: str) -> Execution | None:
    try:
        return await asyncio.to_thread(services.reader.get, tenant, execution_id)
    except SQLAlchemyError as error:
        log.warning("the mirror does not answer, asking the workflow", why=str(error))
        return None


def _as_of(execution: Execution, source: Source) -> datetime:
    """The mirror is as of the last change that it was told, a workflow as of now."""
    told = execution.changed_at or execution.started_at
    return told if source == "mirror" else datetime.now(UTC)


def _view(services: ApiServices, execution: Execution, source: Source) -> ExecutionView:
    return ExecutionView(
        as_of=_as_of(execution, source),
        source=source,
        tenant=execution.tenant,
        execution_id=execution.execution_id,
        chain=execution.chain,
        rule_version=execution.rule_version,
        status=execution.status,
        cause=execution.cause,
        failed_step=execution.failed_step,
        error=execution.error,
        business_key=execution.business_key,
        request=execution.request,
        context=execution.context,
        output=execution.output,
        started_at=execution.started_at,
        ended_at=execution.ended_at,
        steps=steps_string(execution.stack),
        executionStack=execution.stack,
        links=services.links.of(execution.tenant, execution.execution_id),
    )
