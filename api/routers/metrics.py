"""`/metrics`: how this process keeps its rules current, for Prometheus."""

from fastapi import APIRouter, Response

from api.services import Services
from rules.source.metrics import CONTENT_TYPE, exposition

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus's text format"}},
)
def metrics(services: Services) -> Response:
    """Refreshes of the rules, their failures and durations, and what is held back."""
    return Response(exposition(services.rules.status), media_type=CONTENT_TYPE)
