"""`POST /api/saga/executions/{id}/compensate · retry · skip · manual-decision · cancel`.

HTTP in and out only; what a decision does stands in `api.decide` and, in the end, in the workflow.
"""

from fastapi import APIRouter, Response

from api.decide import Judged, cancel, decide
from api.schemas import DecisionAnswer, DecisionRequest, refusals
from api.services import ApiServices, Services
from api.tenant import Tenant
from rules.decisions import DecisionKind

router = APIRouter(
    prefix="/api/saga/executions",
    tags=["decisions"],
    responses={
        202: {"model": DecisionAnswer, "description": "sent; no worker has judged it yet"},
        **refusals(400, 404, 409, 422, 503),
    },
)


@router.post("/{execution_id:path}/retry", response_model=DecisionAnswer)
async def retry(
    execution_id: str,
    body: DecisionRequest,
    tenant: Tenant,
    services: Services,
    response: Response,
) -> DecisionAnswer:
    """Run the waiting step, or the blocked undo, again."""
    judged = await decide(services.sagas, tenant, execution_id, DecisionKind.RETRY, body)
    return _answer(services, tenant, execution_id, judged, response=response)


@router.post("/{execution_id:path}/skip", response_model=DecisionAnswer)
async def skip(
    execution_id: str,
    body: DecisionRequest,
    tenant: Tenant,
    services: Services,
    response: Response,
) -> DecisionAnswer:
    """Go on without the waiting step, with an output in its place, or leave the blocked undo."""
    judged = await decide(services.sagas, tenant, execution_id, DecisionKind.SKIP, body)
    return _answer(services, tenant, execution_id, judged, response=response)


@router.post("/{execution_id:path}/compensate", response_model=DecisionAnswer)
async def compensate(
    execution_id: str,
    body: DecisionRequest,
    tenant: Tenant,
    services: Services,
    response: Response,
) -> DecisionAnswer:
    """Stop going forward and undo what was done."""
    judged = await decide(services.sagas, tenant, execution_id, DecisionKind.COMPENSATE, body)
    return _answer(services, tenant, execution_id, judged, response=response)


@router.post("/{execution_id:path}/manual-decision", response_model=DecisionAnswer)
async def manual_decision(
    execution_id: str,
    body: DecisionRequest,
    tenant: Tenant,
    services: Services,
    response: Response,
) -> DecisionAnswer:
    """Retry, skip or compensate, as `action` says."""
    kind = DecisionKind.MANUAL_DECISION
    judged = await decide(services.sagas, tenant, execution_id, kind, body)
    return _answer(services, tenant, execution_id, judged, response=response)


@router.post("/{execution_id:path}/cancel", response_model=DecisionAnswer)
async def cancel_execution(
    execution_id: str,
    body: DecisionRequest,
    tenant: Tenant,
    services: Services,
    response: Response,
) -> DecisionAnswer:
    """Cancel: no further step starts, running ones are awaited, what was done is undone."""
    judged = await cancel(services.sagas, tenant, execution_id, body)
    return _answer(services, tenant, execution_id, judged, response=response)


def _answer(
    services: ApiServices, tenant: str, execution_id: str, judged: Judged, *, response: Response
) -> DecisionAnswer:
    if judged.verdict is None:
        response.status_code = 202
    return DecisionAnswer(
        decision_id=judged.decision_id,
        verdict=judged.verdict,
        path=judged.path,
        status=judged.status,
        links=services.links.of(tenant, execution_id),
    )
