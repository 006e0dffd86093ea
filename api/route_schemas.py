"""What asking for routes takes and gives, as pydantic models with examples for OpenAPI.

For the routers of routes. Nothing here reads or writes.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from api.schemas import ErrorBody, ExecutionId, Links, RequestData, searchable
from rules.execution import Status
from rules.sizes import KEY_LIMIT

NAMESPACE_WORDS = "whose routes are asked; without it the one that this deployment serves first"


class RouteRequest(BaseModel):
    """Ask the routes of a namespace, and run the chains whose routes match, in memory."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"request": {"item": "book", "quantity": 1}}]},
    )

    namespace: str | None = Field(None, min_length=1, max_length=100, description=NAMESPACE_WORDS)
    request: RequestData = Field(None, description="the request, for routes and chains alike")


class RouteSagaRequest(RouteRequest):
    """Ask the routes of a namespace, and start a saga for each chain whose route matches.

    Each saga has its own id, made of `execution_id` and the chain. Repeating the request with the
    same `execution_id` starts nothing twice.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"request": {"item": "book", "quantity": 1}, "execution_id": "order-42"}]
        },
    )

    execution_id: Annotated[ExecutionId, StringConstraints(max_length=80)] | None = Field(
        None,
        description="yours, of at most 80 characters, to make the request repeatable; made here "
        "when missing",
    )
    business_key: (
        Annotated[
            str, StringConstraints(min_length=1, max_length=KEY_LIMIT), AfterValidator(searchable)
        ]
        | None
    ) = Field(None, description="a label to search by, at most 200 bytes, the same for all sagas")
    mode: Literal["sync", "async"] = Field("sync", description="wait for the ends, or do not")
    wait_seconds: float = Field(30, ge=0, le=60, description="how long `sync` waits at most")
    saga: bool | None = Field(
        None, description="whether failures are undone; without it each chain's `transactional`"
    )
    timeout: float | None = Field(
        None, gt=0, description="seconds that each chain may run; waiting for people is not counted"
    )


class RoutedSaga(BaseModel):
    """One chain whose route matched. Without `execution_id` it could not be started."""

    chain: str
    execution_id: str | None = None
    rule_version: int | None = None
    status: Status | None = None
    output: JsonValue = Field(None, description="of a completed one, of its last step")
    context: dict[str, JsonValue] = {}
    error: ErrorBody | None = Field(None, description="why it failed, or was not started")
    links: Links | None = None


class RoutedSagas(BaseModel):
    """The sagas of a request, in the order of their chains' names."""

    execution_id: str = Field(description="to repeat the request with")
    namespace: str
    sagas: list[RoutedSaga]
