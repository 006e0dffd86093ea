"""`/health` and `/ready`: whether the process lives, and whether what it needs answers."""

import asyncio
from datetime import datetime, timedelta
from typing import Final, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from temporalio.service import RPCError

from activities.mirror.hot import HotState
from api.services import ApiServices, Services

TEMPORAL_LIMIT: Final = timedelta(seconds=2)
OK: Final = "ok"
NO_REDIS: Final = "not configured"

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class MirrorHealth(BaseModel):
    """What this process has yet to tell the mirror's database; the workers have their own."""

    queued: int
    dropped: int
    failing_since: datetime | None


class Readiness(BaseModel):
    """What the API needs, part by part; `degraded` still serves what it can."""

    status: Literal["ok", "degraded", "down"]
    temporal: str
    rules: str
    chains: int
    rules_read_at: datetime | None
    mirror: MirrorHealth
    redis: str


@router.get("/health")
def health() -> Health:
    """Whether the process answers."""
    return Health()


@router.get("/ready", responses={503: {"model": Readiness}})
async def ready(services: Services, response: Response) -> Readiness:
    """Whether sagas can be started; 503 when not."""
    temporal, redis = await asyncio.gather(
        _temporal(services), asyncio.to_thread(_redis, services.hot)
    )
    mirror = services.writer.stats
    rules = services.rules.status
    problem = rules.degraded.reason if rules.degraded else None
    no_rules = rules.refreshed_at is None
    status: Literal["ok", "degraded", "down"] = "ok"
    if temporal != OK or no_rules:
        status = "down"
        response.status_code = 503
    elif problem or mirror.failing_since or redis not in (OK, NO_REDIS):
        status = "degraded"
    return Readiness(
        status=status,
        temporal=temporal,
        rules=problem or ("not read yet" if no_rules else OK),
        chains=rules.chains,
        rules_read_at=rules.refreshed_at,
        mirror=MirrorHealth(
            queued=mirror.queued, dropped=mirror.dropped, failing_since=mirror.failing_since
        ),
        redis=redis,
    )


async def _temporal(services: ApiServices) -> str:
    try:
        client = services.sagas.client
        # The call's own limit does not count the connecting.
        async with asyncio.timeout(TEMPORAL_LIMIT.total_seconds() + 1):
            await client.service_client.check_health(timeout=TEMPORAL_LIMIT)
    except (RPCError, RuntimeError, TimeoutError) as error:
        return f"does not answer: {str(error) or 'no connection in time'}"
    return OK


def _redis(hot: HotState | None) -> str:
    if hot is None:
        return NO_REDIS
    problem = hot.problem()
    return OK if problem is None else f"does not answer: {problem}"
