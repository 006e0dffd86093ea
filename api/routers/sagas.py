"""`/api/saga/*`: start sagas, list them, look into one.

HTTP in and out only; starting and asking is `api.sagas`, reading is `api.reads`.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime

from activities.mirror.views import Filter, Log, Page
from api.handlers import answer
from api.reads import read_execution, read_log, read_undo_plan
from api.schemas import (
    ErrorBody,
    ExecuteRequest,
    ExecutionEnded,
    ExecutionStarted,
    ExecutionView,
    Links,
    UndoPlanView,
    refusals,
)
from api.services import Services
from api.tenant import Tenant
from rules.execution import Status
from rules.wire import SagaResult

router = APIRouter(prefix="/api/saga", tags=["saga"])

OF_ONE = refusals(400, 404, 422, 503)

Consistency = Annotated[
    Literal["mirror", "strong"],
    Query(description="`strong` asks the workflow itself, not the mirror"),
]


@router.post(
    "/execute",
    response_model=ExecutionEnded | ExecutionStarted,
    responses={
        202: {"model": ExecutionStarted, "description": "runs on; see Location"},
        **refusals(400, 404, 409, 503),
        422: {"model": ErrorBody, "description": "the saga failed, or the request is wrong"},
    },
)
async def execute(
    body: ExecuteRequest, tenant: Tenant, services: Services, response: Response
) -> ExecutionEnded | ExecutionStarted | JSONResponse:
    """Start a saga; `sync` waits for its end. The same id and request give the same saga."""
    started = await services.sagas.start(tenant, body)
    links = services.links.of(tenant, started.execution_id)
    ended: SagaResult | Status = started.remembered.status if started.remembered else Status.RUNNING
    if body.mode == "sync":
        ended = await services.sagas.wait(tenant, started, body.wait_seconds)
    if not isinstance(ended, SagaResult):
        response.status_code = 202
        response.headers["Location"] = links.self
        return ExecutionStarted(
            execution_id=started.execution_id,
            chain=body.chain,
            rule_version=started.rule_version,
            status=ended,
            links=links,
        )
    if ended.status is not Status.COMPLETED:
        return answer(422, failed(ended, links))
    return ExecutionEnded(
        execution_id=ended.execution_id,
        chain=ended.chain,
        rule_version=ended.rule_version,
        status=ended.status,
        output=ended.output,
        context=ended.context,
        links=links,
    )


@router.get("/executions", response_model=Page, responses=refusals(400, 422, 503))
def list_executions(
    tenant: Tenant,
    services: Services,
    chain: str | None = None,
    status: Status | None = None,
    business_key: str | None = None,
    failed_step: str | None = None,
    parent: Annotated[
        str | None, Query(description="only what the steps of this execution run")
    ] = None,
    started_from: AwareDatetime | None = None,
    started_to: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before")] = None,
) -> Page:
    """The tenant's executions, newest first, with counts per status."""
    wanted = Filter(
        chain=chain,
        status=status,
        business_key=business_key,
        failed_step=failed_step,
        parent=parent,
        started_from=started_from,
        started_to=started_to,
    )
    return services.reader.list(tenant, wanted, limit, cursor)


@router.get("/executions/{execution_id:path}/logs", response_model=Log, responses=OF_ONE)
async def logs(execution_id: str, tenant: Tenant, services: Services) -> Log:
    """Steps and compensations in the order in which they happened."""
    return await read_log(services, tenant, execution_id)


@router.get(
    "/executions/{execution_id:path}/undo-plan", response_model=UndoPlanView, responses=OF_ONE
)
async def undo_plan(execution_id: str, tenant: Tenant, services: Services) -> UndoPlanView:
    """What would be undone now, in order, with arguments."""
    return await read_undo_plan(services, tenant, execution_id)


@router.get("/executions/{execution_id:path}", response_model=ExecutionView, responses=OF_ONE)
async def detail(
    execution_id: str, tenant: Tenant, services: Services, consistency: Consistency = "mirror"
) -> ExecutionView:
    """One execution with its stack."""
    return await read_execution(services, tenant, execution_id, strong=consistency == "strong")


def failed(ended: SagaResult, links: Links) -> ErrorBody:
    """Why an execution did not complete."""
    error = ended.error
    return ErrorBody(
        code=error.code if error else ended.status.value,
        message=error.message if error else f"the execution is {ended.status.value}",
        step=ended.failed_step,
        details={
            "execution_id": ended.execution_id,
            "status": ended.status.value,
            "cause": ended.cause.value if ended.cause else None,
            "rule_version": ended.rule_version,
            "error": error.model_dump(mode="json") if error else None,
            "links": links.model_dump(mode="json"),
        },
    )
