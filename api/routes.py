"""Decision tables: which chains' routes match a request, and the sagas of those that match.

For the router of routes. Asking is `api.inprocess.routes`, starting is `api.sagas`; here stands who
is asked, what a saga's id is made of, and what becomes of a chain that cannot be started.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import quote
from uuid import uuid4

import structlog
from pydantic import JsonValue

from api.errors import NoRouteMatched, TemporalUnavailable
from api.inprocess.routes import ask_routes
from api.route_schemas import RouteSagaRequest
from api.sagas import Started
from api.schemas import ExecuteRequest
from api.services import ApiServices
from rules.errors import RuleError, RulesUnavailable
from rules.source.routes import Routes, current_routes

ID_LIMIT: Final = 128

log = structlog.get_logger("chainsaga.api")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A chain that is to run: its saga, or why it could not be started."""

    chain: str
    started: Started | RuleError


@dataclass(frozen=True, slots=True)
class Choice:
    """What one request has chosen; `execution_id` repeats it."""

    execution_id: str
    namespace: str
    chosen: Sequence[Chosen]


async def find_routes(services: ApiServices, tenant: str, namespace: str | None) -> Routes:
    """The tenant's routes. Raises RoutesUnknown and RulesUnavailable."""
    return await asyncio.to_thread(current_routes, services.rules, tenant, namespace)


async def matching(
    services: ApiServices,
    tenant: str,
    routes: Routes,
    request: JsonValue,
    *,
    execution_id: str,
    chosen: Collection[str] = (),
) -> tuple[str, ...]:
    """The chains whose routes match, in the order of their names.

    Those `chosen` before are not asked again. A route that fails or cannot be asked is no match.
    Raises NoRouteMatched.
    """
    answers = await ask_routes(
        tenant,
        execution_id,
        [plan for chain, plan in routes.plans.items() if chain not in chosen],
        request,
        components=services.components,
        runner=services.runner,
    )
    failed = {chain: str(error) for chain, error in routes.broken.items() if chain not in chosen}
    for answer in answers:
        if answer.execution.error is not None:
            failed[answer.chain] = answer.execution.error.message
    for chain, why in failed.items():
        log.warning("route gives no answer", tenant=tenant, chain=chain, why=why)
    matched = (answer.chain for answer in answers if answer.matches)
    found = tuple(sorted((*chosen, *matched)))
    if not found:
        raise NoRouteMatched(routes.namespace, routes.chains, failed)
    return found


async def start_matching(services: ApiServices, tenant: str, body: RouteSagaRequest) -> Choice:
    """Start a saga for each chain whose route matches.

    A repeated request finds the sagas of the first one, whatever their routes answer by now, and
    starts those that match and are not there yet. Raises RoutesUnknown, NoRouteMatched,
    RulesUnavailable, ExecutionConflict, TemporalUnavailable.
    """
    execution_id = body.execution_id or uuid4().hex
    routes = await find_routes(services, tenant, body.namespace)
    own = routes.namespace == services.rules.namespaces[0]
    starts = {
        chain: _start(body, chain, saga_id(execution_id, chain, None if own else routes.namespace))
        for chain in routes.chains
    }
    known: dict[str, Started] = {}
    if body.execution_id is not None:
        for chain, start in starts.items():
            if (started := await services.sagas.remembered(tenant, start)) is not None:
                known[chain] = started
    chains = await matching(
        services, tenant, routes, body.request, execution_id=execution_id, chosen=known
    )

    async def one(chain: str) -> Chosen:
        if chain in known:
            return Chosen(chain, known[chain])
        try:
            started = await services.sagas.start(tenant, starts[chain], namespace=routes.namespace)
        except RulesUnavailable:
            raise
        except RuleError as error:
            return Chosen(chain, error)
        return Chosen(chain, started)

    # Every start is awaited, so that a repeated request finds them done.
    done = await asyncio.gather(*map(one, chains), return_exceptions=True)
    for result in done:
        if isinstance(result, TemporalUnavailable):
            raise TemporalUnavailable(result.why, execution_id) from result
        if isinstance(result, BaseException):
            raise result
    chosen = [result for result in done if isinstance(result, Chosen)]
    return Choice(execution_id, routes.namespace, chosen)


def saga_id(execution_id: str, chain: str, namespace: str | None) -> str:
    """The id of a chain's saga; `namespace` where it is not the first that is served.

    Letters beyond ASCII are written as in addresses. What would be too long ends in a hash.
    """
    whole = ".".join((execution_id, *(quote(part, safe="") for part in (namespace, chain) if part)))
    if len(whole) <= ID_LIMIT:
        return whole
    digest = sha256(whole.encode()).hexdigest()[:32]
    return f"{execution_id}.{digest}"


def _start(body: RouteSagaRequest, chain: str, execution_id: str) -> ExecuteRequest:
    """The start of one chain; its parts were validated as those of the request."""
    return ExecuteRequest.model_construct(
        chain=chain,
        request=body.request,
        execution_id=execution_id,
        business_key=body.business_key,
        saga=body.saga,
        timeout=body.timeout,
    )
