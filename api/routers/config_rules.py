"""`/api/config/refresh`, `/cache` and `/status`: the served rules on every instance.

HTTP in and out only; who is told, and how, stands in `rules.source.news`.
"""

from typing import Annotated

from fastapi import APIRouter, Query

from api.config.status import Everyone, RulesStatus, everyone, rules_status
from api.schemas import refusals
from api.services import Services
from api.tenant import Tenant

router = APIRouter(prefix="/api/config", tags=["configuration"])

Wait = Annotated[float, Query(ge=0, le=30, description="seconds to wait for other instances")]


@router.post("/refresh", response_model=Everyone, responses=refusals(400, 422, 503))
def refresh(_tenant: Tenant, services: Services, wait_seconds: Wait = 5) -> Everyone:
    """Read all rules at once, on every instance; the answer says which have.

    With Redis all API instances and workers are told. Without it, this one reads, and the others
    see changes when they next poll. 503 `RULES_UNAVAILABLE` when this one could not read.
    """
    return everyone(services.config, "refresh", wait_seconds)


@router.post(
    "/cache", response_model=Everyone, responses=refusals(400, 422, 503), operation_id="empty_cache"
)
@router.delete(
    "/cache", response_model=Everyone, responses=refusals(400, 422, 503), operation_id="clear_cache"
)
def clear_cache(_tenant: Tenant, services: Services, wait_seconds: Wait = 5) -> Everyone:
    """Forget what is compiled, on every instance as for `/refresh`; nothing is read anew.

    Chains are compiled when they are next asked for. POST and DELETE do the same.
    """
    return everyone(services.config, "clear", wait_seconds)


@router.get("/status", response_model=RulesStatus, responses=refusals(400, 422))
def status(tenant: Tenant, services: Services) -> RulesStatus:
    """How current the rules are on every instance, and this tenant's chains in quarantine.

    Without Redis only of this instance. `behind` compares with the database as it is now.
    """
    return rules_status(services.config, tenant)
