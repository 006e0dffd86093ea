"""`POST /api/execute/route`, `POST /api/saga/execute/route`: chains chosen by their routes.

HTTP in and out only; choosing and starting is `api.routes`. Mounted before `/api/execute/{chain}`,
which would take `route` for a chain's name.
"""

import asyncio
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Response

from api.handlers import described
from api.route_schemas import RoutedSaga, RoutedSagas, RouteRequest, RouteSagaRequest
from api.routers.execute import in_memory
from api.routers.sagas import failed
from api.routes import Choice, Chosen, find_routes, matching, start_matching
from api.sagas import Started
from api.schemas import InMemoryAnswer, refusals
from api.services import ApiServices, Services
from api.tenant import Tenant
from rules.errors import RuleError, RulesUnavailable
from rules.execution import Status
from rules.wire import SagaResult

router = APIRouter()


@router.post(
    "/api/execute/route",
    tags=["in memory"],
    response_model=list[InMemoryAnswer],
    responses=refusals(400, 404, 422, 503),
)
async def run_matching(
    body: RouteRequest,
    tenant: Tenant,
    services: Services,
    *,
    saga: Annotated[bool, Query(description="undo what was done when a step fails")] = False,
) -> list[InMemoryAnswer]:
    """Run every chain of a namespace whose route matches, in memory, and wait for all of them.

    Routes are asked at once, each with a context of its own; one that fails is no match. The
    answers stand in the order of the chains' names, and the failure of one changes no other.
    `ROUTE_CHAIN_NOT_FOUND` (404) says that no chain of the namespace has a route,
    `NO_ROUTE_MATCHED` (422) that none matches this request.
    """
    routes = await find_routes(services, tenant, body.namespace)
    chains = await matching(services, tenant, routes, body.request, execution_id=uuid4().hex)

    async def one(chain: str) -> InMemoryAnswer:
        try:
            return await in_memory(
                services, tenant, chain, body.request, saga=saga, namespace=routes.namespace
            )
        except RulesUnavailable:
            raise
        except RuleError as error:
            return _not_run(chain, error)

    return list(await asyncio.gather(*map(one, chains)))


@router.post(
    "/api/saga/execute/route",
    tags=["saga"],
    response_model=RoutedSagas,
    responses={
        202: {"model": RoutedSagas, "description": "some of them run on; see their links"},
        **refusals(400, 404, 409, 422, 503),
    },
)
async def start_sagas(
    body: RouteSagaRequest, tenant: Tenant, services: Services, response: Response
) -> RoutedSagas:
    """Start a saga for every chain of a namespace whose route matches; `sync` waits for all.

    The sagas stand in the order of the chains' names, each with its own id, status and error; the
    answer is 200 when all of them have ended, also when some have failed. Repeated with the same
    `execution_id`, the request finds the sagas that it has started, and starts none twice. The
    routes themselves are asked in the API's process and leave no saga.
    """
    choice = await start_matching(services, tenant, body)
    wait = body.wait_seconds if body.mode == "sync" else None
    sagas = await asyncio.gather(
        *(_look(services, tenant, chosen, wait) for chosen in choice.chosen)
    )
    if any(saga.status is not None and not saga.status.final for saga in sagas):
        response.status_code = 202
    return _answer(choice, list(sagas))


def _answer(choice: Choice, sagas: list[RoutedSaga]) -> RoutedSagas:
    return RoutedSagas(execution_id=choice.execution_id, namespace=choice.namespace, sagas=sagas)


async def _look(
    services: ApiServices, tenant: str, chosen: Chosen, wait: float | None
) -> RoutedSaga:
    """A chosen chain's saga, after waiting for it so many seconds."""
    started = chosen.started
    if not isinstance(started, Started):
        return RoutedSaga(chain=chosen.chain, error=described(started)[1])
    links = services.links.of(tenant, started.execution_id)
    ended: SagaResult | Status = started.remembered.status if started.remembered else Status.RUNNING
    if wait is not None:
        ended = await services.sagas.wait(tenant, started, wait)
    saga = RoutedSaga(
        chain=chosen.chain,
        execution_id=started.execution_id,
        rule_version=started.rule_version,
        status=ended if isinstance(ended, Status) else ended.status,
        links=links,
    )
    if not isinstance(ended, SagaResult):
        return saga
    error = None if ended.status is Status.COMPLETED else failed(ended, links)
    known = {"output": ended.output, "context": ended.context, "error": error}
    return saga.model_copy(update=known)


def _not_run(chain: str, error: RuleError) -> InMemoryAnswer:
    """The answer of a chain that matched and could not be run."""
    why = described(error)[1]
    return InMemoryAnswer(
        success=False,
        chain=chain,
        request_id=uuid4().hex,
        code=why.code,
        message=why.message,
        step=None,
        steps="",
        output=None,
        context={},
        unknown_effects=[],
        execution=None,
    )
