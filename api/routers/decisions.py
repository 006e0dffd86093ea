"""`POST /api/saga/executions/{id}/compensate · retry · skip · manual-decision · cancel`.

HTTP in and out only; what a decision does stands in `api.decide` and, in the end, in the workflow.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from fastapi import APIRouter, Response

from api.decide import Judged, cancel, decide
from api.sagas import Sagas
from api.schemas import DecisionAnswer, DecisionRequest, refusals
from api.services import Services
from api.tenant import Tenant
from rules.decisions import DecisionKind

Deciding = Callable[[Sagas, str, str, DecisionRequest], Awaitable[Judged]]

# The last part of the path, what carries the decision out, and what it does, for OpenAPI.
DECISIONS: Final[tuple[tuple[str, Deciding, str], ...]] = (
    ("retry", partial(decide, DecisionKind.RETRY), "Run the waiting step, or blocked undo, again"),
    ("skip", partial(decide, DecisionKind.SKIP), "Go on without the waiting step, or undo"),
    ("compensate", partial(decide, DecisionKind.COMPENSATE), "Stop, and undo what was done"),
    (
        "manual-decision",
        partial(decide, DecisionKind.MANUAL_DECISION),
        "Retry, skip or compensate, as `action` says",
    ),
    ("cancel", cancel, "Cancel: running steps are awaited, what was done is undone"),
)

router = APIRouter(
    prefix="/api/saga/executions",
    tags=["decisions"],
    responses={
        202: {"model": DecisionAnswer, "description": "sent; no worker has judged it yet"},
        **refusals(400, 404, 409, 422, 503),
    },
)


def _endpoint(deciding: Deciding) -> Callable[..., Awaitable[DecisionAnswer]]:
    async def endpoint(
        execution_id: str,
        body: DecisionRequest,
        tenant: Tenant,
        services: Services,
        response: Response,
    ) -> DecisionAnswer:
        judged = await deciding(services.sagas, tenant, execution_id, body)
        if judged.verdict is None:
            response.status_code = 202
        return DecisionAnswer(
            decision_id=judged.decision_id,
            verdict=judged.verdict,
            path=judged.path,
            status=judged.status,
            links=services.links.of(tenant, execution_id),
        )

    return endpoint


for _path, _deciding, _summary in DECISIONS:
    router.post(
        f"/{{execution_id:path}}/{_path}",
        response_model=DecisionAnswer,
        summary=_summary,
        description=f"{_summary}. The answer is the workflow's own verdict.",
        operation_id=_path.replace("-", "_"),
    )(_endpoint(_deciding))
