"""The tenant of a request, from `X-Tenant-Id`; without it the default tenant, and a warning.

For every router, as a typed alias. (Requirement: rule source design, open question 1.)
"""

import re
from typing import Annotated, Final

import structlog
from fastapi import Depends, Header, Request

from api.errors import TenantInvalid

PATTERN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

log = structlog.get_logger("chainsaga.api")


def tenant_of(
    request: Request,
    x_tenant_id: Annotated[
        str | None, Header(description="the tenant; the default tenant where it is missing")
    ] = None,
) -> str:
    """The tenant's name. Raises TenantInvalid."""
    if x_tenant_id is None:
        default: str = request.app.state.default_tenant
        log.warning("no X-Tenant-Id, taking the default", tenant=default, path=request.url.path)
        return default
    if not PATTERN.fullmatch(x_tenant_id):
        raise TenantInvalid(x_tenant_id)
    return x_tenant_id


Tenant = Annotated[str, Depends(tenant_of)]
