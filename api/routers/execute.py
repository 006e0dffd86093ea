"""`POST /api/execute/{chain}`: run a chain in this process, LiteFlow's way.

Not durable, nothing is mirrored, and no undo unless asked for. `api.routers.routes` runs its chains
the same way.
"""

import asyncio
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Body, Query
from pydantic import JsonValue

from api.inprocess.execute import execute
from api.schemas import InMemoryAnswer, RequestData, refusals
from api.services import ApiServices, Services
from api.tenant import Tenant
from rules.execution import Status, steps_string
from rules.source.freeze import freeze_current
from rules.wire import Frost, SagaOptions
from workflows.outcome import unknown_effects

router = APIRouter(prefix="/api/execute", tags=["in memory"])


@router.post(
    "/{chain}",
    response_model=InMemoryAnswer,
    responses=refusals(400, 404, 409, 422, 503),
)
async def run_in_memory(
    chain: str,
    tenant: Tenant,
    services: Services,
    request: Annotated[
        RequestData, Body(openapi_examples={"order": {"value": {"item": "book", "quantity": 1}}})
    ] = None,
    *,
    saga: Annotated[bool, Query(description="undo what was done when a step fails")] = False,
) -> InMemoryAnswer:
    """Run a chain in memory and wait for it; `success` is false when a step failed.

    A chain's route plays no part here. A chain of the name `route` cannot be run this way.
    """
    return await in_memory(services, tenant, chain, request, saga=saga)


async def in_memory(
    services: ApiServices,
    tenant: str,
    chain: str,
    request: JsonValue,
    *,
    saga: bool,
    namespace: str | None = None,
) -> InMemoryAnswer:
    """The answer of a chain that ran in this process. Raises what `freeze_current` raises."""

    async def find(chain: str, request: JsonValue, options: SagaOptions) -> Frost:
        return await asyncio.to_thread(
            freeze_current,
            services.rules,
            tenant,
            chain,
            request,
            namespace=namespace,
            options=options,
        )

    frost = await find(chain, request, SagaOptions(saga=saga, unattended=True))
    request_id = uuid4().hex
    execution = await execute(
        tenant,
        request_id,
        frost,
        services.components,
        services.runner,
        chains=find,
    )
    return InMemoryAnswer(
        success=execution.status is Status.COMPLETED,
        chain=chain,
        request_id=request_id,
        code=execution.error.code if execution.error else None,
        message=execution.error.message if execution.error else None,
        step=execution.failed_step,
        steps=steps_string(execution.stack),
        output=execution.output if execution.status is Status.COMPLETED else None,
        context=execution.context,
        unknown_effects=unknown_effects(execution.stack),
        execution=execution,
    )
