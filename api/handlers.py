"""The one place where errors become HTTP: exception type to status, always one shape of body.

For `api.app`. A new error is one row of the table.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import JsonValue
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from activities.mirror.views import BadCursor
from api.diagnostics import told
from api.errors import (
    ApiError,
    ComponentUnknown,
    DecisionRejected,
    ExecutionCompleted,
    ExecutionConflict,
    ExecutionUnknown,
    NoRouteMatched,
    StateUnavailable,
    TemporalUnavailable,
    TenantInvalid,
)
from api.schemas import ErrorBody
from rules.config.errors import (
    AlreadyExists,
    ConfigInvalid,
    ConfigStale,
    KeyReused,
    NamespaceUnknown,
    RulesReadOnly,
    ScriptUnknown,
    VersionMissing,
    VersionUnknown,
    WouldBreak,
)
from rules.errors import (
    ChainDisabled,
    ChainInvalid,
    ChainUnknown,
    Diagnostic,
    MetadataInvalid,
    MetadataStale,
    OverrideInvalid,
    RoutesUnknown,
    RulesUnavailable,
    TooLarge,
)

log = structlog.get_logger("chainsaga.api")

STATUS: Final[Mapping[type[Exception], tuple[int, str]]] = {
    TenantInvalid: (400, "TENANT_INVALID"),
    BadCursor: (400, "CURSOR_INVALID"),
    ChainUnknown: (404, "CHAIN_UNKNOWN"),
    ComponentUnknown: (404, "COMPONENT_UNKNOWN"),
    ExecutionUnknown: (404, "EXECUTION_UNKNOWN"),
    RoutesUnknown: (404, "ROUTE_CHAIN_NOT_FOUND"),
    ScriptUnknown: (404, "COMPONENT_UNKNOWN"),
    VersionUnknown: (404, "VERSION_UNKNOWN"),
    NamespaceUnknown: (404, "NAMESPACE_UNKNOWN"),
    ChainDisabled: (409, "CHAIN_DISABLED"),
    ExecutionConflict: (409, "EXECUTION_CONFLICT"),
    ExecutionCompleted: (409, "COMPLETED"),
    DecisionRejected: (409, "DECISION_REJECTED"),
    MetadataStale: (409, "METADATA_STALE"),
    AlreadyExists: (409, "ALREADY_EXISTS"),
    ConfigStale: (409, "CONFIG_STALE"),
    WouldBreak: (409, "CHAINS_WOULD_BREAK"),
    RulesReadOnly: (409, "RULES_READ_ONLY"),
    ChainInvalid: (422, "CHAIN_INVALID"),
    OverrideInvalid: (422, "OVERRIDE_INVALID"),
    MetadataInvalid: (422, "METADATA_INVALID"),
    NoRouteMatched: (422, "NO_ROUTE_MATCHED"),
    TooLarge: (422, "TOO_LARGE"),
    ConfigInvalid: (422, "CONFIG_INVALID"),
    KeyReused: (422, "IDEMPOTENCY_KEY_REUSED"),
    VersionMissing: (428, "VERSION_REQUIRED"),
    RulesUnavailable: (503, "RULES_UNAVAILABLE"),
    TemporalUnavailable: (503, "TEMPORAL_UNAVAILABLE"),
    StateUnavailable: (503, "STATE_UNAVAILABLE"),
    SQLAlchemyError: (503, "DATABASE_UNAVAILABLE"),
}

Details = dict[str, JsonValue]


def install(app: FastAPI) -> None:
    """Let every error of the table, and the framework's own, answer in the one shape."""
    for kind in (*STATUS, ApiError):
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _known(request: Request, error: Exception) -> JSONResponse:
    status, body = described(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request failed", path=request.url.path, code=body.code, why=str(error))
    return answer(status, body)


def described(error: Exception) -> tuple[int, ErrorBody]:
    """An error of the table as status and body; StopIteration for one that is not in it."""
    status, code = next(row for kind, row in STATUS.items() if isinstance(error, kind))
    message = str(error)
    if isinstance(error, SQLAlchemyError):
        message = "the database does not answer; try again later"
    return status, ErrorBody(code=code, message=message, details=_details(error))


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields: list[JsonValue] = [
        {"field": ".".join(str(part) for part in found["loc"]), "problem": found["msg"]}
        for found in error.errors()
    ]
    named = [found for found in fields if isinstance(found, dict)]
    first = f"{named[0]['field']}: {named[0]['problem']}" if named else "unreadable"
    body = ErrorBody(
        code="REQUEST_INVALID",
        message=f"the request cannot be read: {first}; see /docs for its shape",
        details={"fields": fields},
    )
    return answer(422, body)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(error.status_code, "HTTP_ERROR")
    message = f"{request.method} {request.url.path}: {error.detail}; see /docs"
    response = answer(error.status_code, ErrorBody(code=code, message=message))
    response.headers.update(error.headers or {})  # Allow, of a wrong method
    return response


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", path=request.url.path, exc_info=error)
    return answer(500, ErrorBody(code="INTERNAL", message="an error on our side; it was logged"))


def answer(status: int, body: ErrorBody) -> JSONResponse:
    """An error as an HTTP response."""
    return JSONResponse(body.model_dump(mode="json"), status_code=status)


def _details(error: Exception) -> Details:
    maker = DETAILS.get(type(error))
    return maker(error) if maker is not None else {}


def _diagnostics(error: Exception) -> Details:
    assert isinstance(error, ChainInvalid)
    return {"chain": error.chain, "diagnostics": [_diagnostic(d) for d in error.diagnostics]}


def _diagnostic(diagnostic: Diagnostic) -> JsonValue:
    fields: dict[str, JsonValue] = {**told(diagnostic)}
    return fields


def _conflict(error: Exception) -> Details:
    assert isinstance(error, ExecutionConflict)
    return {"execution_id": error.execution_id, "chain": error.chain}


def _repeat(error: Exception) -> Details:
    assert isinstance(error, TemporalUnavailable)
    return {"execution_id": error.execution_id} if error.execution_id else {}


def _decision(error: Exception) -> Details:
    assert isinstance(error, DecisionRejected)
    return {"decision_id": error.decision_id}


def _near(error: Exception) -> Details:
    assert isinstance(error, ChainUnknown)
    return {"chain": error.chain, "did_you_mean": error.near}


def _routes(error: Exception) -> Details:
    assert isinstance(error, NoRouteMatched)
    return {
        "namespace": error.namespace,
        "asked": list(error.asked),
        "failed": dict(error.failed),
    }


def _namespace(error: Exception) -> Details:
    assert isinstance(error, RoutesUnknown)
    return {"namespace": error.namespace, "served": list(error.served)}


def _component(error: Exception) -> Details:
    assert isinstance(error, ComponentUnknown)
    return {"component": error.component, "did_you_mean": error.near}


def _field(error: Exception) -> Details:
    assert isinstance(error, MetadataInvalid)
    return {"component": error.component, "field": error.field, "problem": error.problem}


def _stale(error: Exception) -> Details:
    assert isinstance(error, MetadataStale)
    return {
        "component": error.component,
        "version": error.version,
        "edited_by": error.edited_by,
    }


def _unserved(error: Exception) -> Details:
    assert isinstance(error, NamespaceUnknown)
    return {"namespace": error.namespace, "served": list(error.served)}


def _exists(error: Exception) -> Details:
    assert isinstance(error, AlreadyExists)
    return {"name": error.name, "version": error.version}


def _changed(error: Exception) -> Details:
    assert isinstance(error, ConfigStale)
    return {
        "name": error.name,
        "given": error.given,
        "version": error.version,
        "change": error.change,
        "changed_by": error.by,
        "changed_at": error.at.isoformat() if error.at else None,
    }


def _broken(error: Exception) -> Details:
    assert isinstance(error, WouldBreak)
    found: Details = {
        chain: [_diagnostic(one) for one in why] for chain, why in error.broken.items()
    }
    return {"name": error.name, "broken": found}


def _wrong(error: Exception) -> Details:
    assert isinstance(error, ConfigInvalid)
    return {"field": error.field, "problem": error.problem}


DETAILS: Final[Mapping[type[Exception], Callable[[Exception], Details]]] = {
    AlreadyExists: _exists,
    ChainInvalid: _diagnostics,
    ChainUnknown: _near,
    ComponentUnknown: _component,
    ConfigInvalid: _wrong,
    ConfigStale: _changed,
    DecisionRejected: _decision,
    ExecutionCompleted: _decision,
    ExecutionConflict: _conflict,
    MetadataInvalid: _field,
    MetadataStale: _stale,
    NamespaceUnknown: _unserved,
    NoRouteMatched: _routes,
    RoutesUnknown: _namespace,
    TemporalUnavailable: _repeat,
    WouldBreak: _broken,
}
