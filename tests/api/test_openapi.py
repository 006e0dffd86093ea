"""The API's description of itself: what is there, with which answers, and that examples hold."""

from typing import Any

import pytest
from pydantic import BaseModel

from api.config.chain_schemas import ChainCreate, ChainUpdate
from api.config.preview_schemas import ChainPreview
from api.config.schemas import Move, Rollback
from api.config.script_schemas import ScriptCreate, ScriptUpdate
from api.schemas import ExecuteRequest
from tests.api.sites import Api

CHANGED = "200 400 404 409 422 428 503"

# Every path with its methods and the answers it documents; a change here is a change for callers.
GOLDEN = {
    "POST /api/saga/execute": "200 202 400 404 409 422 503",
    "GET /api/saga/executions": "200 400 422 503",
    "GET /api/saga/executions/{execution_id}": "200 400 404 422 503",
    "GET /api/saga/executions/{execution_id}/logs": "200 400 404 422 503",
    "GET /api/saga/executions/{execution_id}/undo-plan": "200 400 404 422 503",
    **{
        f"POST /api/saga/executions/{{execution_id}}/{what}": "200 202 400 404 409 422 503"
        for what in ("cancel", "compensate", "manual-decision", "retry", "skip")
    },
    "POST /api/saga/execute/route": "200 202 400 404 409 422 503",
    "POST /api/execute/route": "200 400 404 422 503",
    "POST /api/execute/{chain}": "200 400 404 409 422 503",
    "GET /api/components": "200 400 422 503",
    "GET /api/components/{component}/metadata": "200 400 404 422 503",
    "PUT /api/components/{component}/metadata": "200 400 404 409 422 503",
    "DELETE /api/components/{component}/metadata": "200 400 404 409 422 503",
    "GET /api/config/chains": "200 400 409 422 503",
    "POST /api/config/chains": "200 201 400 404 409 422 503",
    "GET /api/config/chains/{name}": "200 400 404 409 422 503",
    "GET /api/config/chains/{name}/diff": "200 400 404 409 422 503",
    "POST /api/config/chains/{name}/preview": "200 400 404 409 422 503",
    "GET /api/config/components": "200 400 409 422 503",
    "POST /api/config/components": "200 201 400 409 422 503",
    "GET /api/config/components/{name}/diff": "200 400 404 409 422 503",
    "GET /api/config/components/{name}": "200 400 404 409 422 503",
    **{
        f"{method} /api/config/{part}/{{name}}{what}": answers
        for part in ("chains", "components")
        for method, what, answers in (
            ("PUT", "", CHANGED),
            ("DELETE", "", CHANGED),
            ("DELETE", "/draft", CHANGED),
            ("POST", "/publish", CHANGED),
            ("POST", "/unpublish", CHANGED),
            ("POST", "/enable", CHANGED),
            ("POST", "/disable", CHANGED),
            ("POST", "/rollback", CHANGED),
            ("GET", "/versions", "200 400 404 409 422 503"),
            ("GET", "/versions/{version}", "200 400 404 409 422 503"),
        )
    },
    "POST /api/config/refresh": "200 400 422 503",
    "POST /api/config/cache": "200 400 422 503",
    "DELETE /api/config/cache": "200 400 422 503",
    "GET /api/config/status": "200 400 422",
    "GET /health": "200",
    "GET /ready": "200 503",
    "GET /metrics": "200",
}


@pytest.fixture(scope="module")
async def described(api: Api) -> Any:
    return await api.json("/openapi.json")


async def test_paths_methods_and_answers(described: Any) -> None:
    found = {
        f"{method.upper()} {path}": " ".join(sorted(operation["responses"]))
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert found == GOLDEN


async def test_every_error_has_the_one_shape(described: Any) -> None:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                if int(status) < 400 or path == "/ready":
                    continue
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorBody"}, (method, path, status)
    fields = described["components"]["schemas"]["ErrorBody"]["properties"]
    assert list(fields) == ["code", "message", "step", "details"]


async def test_the_examples_of_execute_are_requests(described: Any) -> None:
    examples = described["components"]["schemas"]["ExecuteRequest"]["examples"]
    assert [ExecuteRequest.model_validate(example).chain for example in examples] == ["placeOrder"]


@pytest.mark.parametrize(
    "model", [ChainCreate, ChainUpdate, ChainPreview, ScriptCreate, ScriptUpdate, Move, Rollback]
)
async def test_the_examples_of_the_configuration_are_requests(
    described: Any, model: type[BaseModel]
) -> None:
    (example,) = described["components"]["schemas"][model.__name__]["examples"]
    assert model.model_validate(example).model_dump(exclude_unset=True) == example


@pytest.mark.usefixtures("worker")
async def test_the_examples_can_be_executed(api: Api, described: Any) -> None:
    (example,) = described["components"]["schemas"]["ExecuteRequest"]["examples"]
    answer = await api.execute(**example)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "COMPLETED"
    body = described["paths"]["/api/execute/{chain}"]["post"]["requestBody"]
    (order,) = body["content"]["application/json"]["examples"].values()
    in_memory = await api.http.post("/api/execute/placeOrder", json=order["value"])
    assert in_memory.json()["success"] is True


async def test_everything_is_described_in_words(described: Any) -> None:
    for methods in described["paths"].values():
        for operation in methods.values():
            assert operation["description"], operation["operationId"]
            assert operation["tags"]
    for name, field in described["components"]["schemas"]["ExecuteRequest"]["properties"].items():
        assert field.get("description") or name == "execution_id", name
    assert "no login yet" in described["info"]["description"]


async def test_the_page_for_people_is_there(api: Api) -> None:
    page = await api.get("/docs")
    assert page.status_code == 200
    assert "text/html" in page.headers["Content-Type"]
