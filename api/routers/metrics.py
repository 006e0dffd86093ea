"""`/metrics`: how this process keeps its rules current, for Prometheus."""

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder

from api.services import Services
from rules.source.metrics import rule_registry

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus's text format"}},
)
def metrics(services: Services, request: Request) -> Response:
    """Refreshes of the rules, their failures and durations, and what is held back."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    registry = rule_registry(lambda: services.rules.status)
    return Response(encode(registry), headers={"Content-Type": content_type})
