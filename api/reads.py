"""Read an execution from the mirror, or from its workflow where the mirror cannot answer.

For the saga router. Every answer says where it is from (the mirror's Redis, its SQL database, the
workflow), and as of when.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import structlog
from sqlalchemy.exc import SQLAlchemyError

from activities.mirror.reader import MirrorReader
from activities.mirror.timeline import timeline
from activities.mirror.views import Log
from api.errors import ApiError
from api.schemas import ExecutionView, UndoPlanView
from api.services import ApiServices
from api.stuck import Stuck
from rules.execution import Execution, steps_string
from workflows.outcome import unknown_effects
from workflows.stack import planned_undos

log = structlog.get_logger("chainsaga.api")

Source = Literal["redis", "sql", "workflow"]

QUIET: Final = timedelta(seconds=5)
"""Temporal is asked only about an execution that has told nothing for so long."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An execution, who says so, and as of when."""

    execution: Execution
    source: Source
    as_of: datetime


async def read_execution(
    services: ApiServices, tenant: str, execution_id: str, *, strong: bool
) -> ExecutionView:
    """One execution. Raises ExecutionUnknown, TemporalUnavailable, StateUnavailable."""
    found = None if strong else await _from_mirror(services, tenant, execution_id)
    if found is not None:
        return _view(services, found, await _stuck(services, found))
    try:
        return _view(services, await _from_workflow(services, tenant, execution_id))
    except ApiError:
        # The mirror may have been told of a fresh start while the workflow was asked in vain.
        found = None if strong else await _from_mirror(services, tenant, execution_id)
        if found is None:
            raise
    return _view(services, found)


async def read_undo_plan(services: ApiServices, tenant: str, execution_id: str) -> UndoPlanView:
    """The undo plan, of the workflow itself if it answers, else as the mirror last knew it."""
    try:
        found = await _from_workflow(services, tenant, execution_id)
    except ApiError:
        remembered = await _from_mirror(services, tenant, execution_id)
        if remembered is None:
            raise
        found = remembered
    return UndoPlanView(
        as_of=found.as_of,
        source=found.source,
        execution_id=execution_id,
        status=found.execution.status,
        undo=planned_undos(found.execution.stack),
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
    return Log(
        lines=timeline(execution.stack, ()),
        decisions=execution.decisions,
        source="workflow",
        as_of=datetime.now(UTC),
    )


def _log_of_mirror(reader: MirrorReader, tenant: str, execution_id: str) -> Log | None:
    if reader.find_request_sha(tenant, execution_id) is None:
        return None
    return reader.logs(tenant, execution_id)


async def _from_mirror(services: ApiServices, tenant: str, execution_id: str) -> _Found | None:
    """As of the last change that the mirror was told."""
    try:
        known = await asyncio.to_thread(services.reader.find, tenant, execution_id)
    except SQLAlchemyError as error:
        log.warning("the mirror does not answer, asking the workflow", why=str(error))
        return None
    return None if known is None else _Found(known.execution, known.source, known.as_of)


async def _from_workflow(services: ApiServices, tenant: str, execution_id: str) -> _Found:
    execution = await services.sagas.execution(tenant, execution_id)
    return _Found(execution, "workflow", datetime.now(UTC))


async def _stuck(services: ApiServices, found: _Found) -> Stuck | None:
    """What holds an open execution up of which nothing has been heard for a while."""
    execution = found.execution
    if execution.status.final or datetime.now(UTC) - found.as_of < QUIET:
        return None
    return await services.sagas.stuck(execution.tenant, execution.execution_id)


def _view(services: ApiServices, found: _Found, stuck: Stuck | None = None) -> ExecutionView:
    execution = found.execution
    return ExecutionView(
        as_of=found.as_of,
        source=found.source,
        tenant=execution.tenant,
        execution_id=execution.execution_id,
        chain=execution.chain,
        rule_version=execution.rule_version,
        status=execution.status,
        cause=execution.cause,
        failed_step=execution.failed_step,
        error=execution.error,
        business_key=execution.business_key,
        parent=execution.parent,
        request=execution.request,
        context=execution.context,
        output=execution.output,
        started_at=execution.started_at,
        ended_at=execution.ended_at,
        steps=steps_string(execution.stack),
        executionStack=execution.stack,
        unknown_effects=unknown_effects(execution.stack),
        stuck_since=stuck.since if stuck else None,
        stuck_why=stuck.why if stuck else None,
        waiting=execution.waiting,
        decisions=execution.decisions,
        links=services.links.of(execution.tenant, execution.execution_id),
    )
