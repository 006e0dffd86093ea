"""`/api/components`: which components there are, and the policies that a tenant edits.

HTTP in and out only; what an edit does stands in `api.components`.
"""

from typing import Annotated

from fastapi import APIRouter, Query

from api.component_schemas import ComponentList, Metadata, MetadataEdit, Operator
from api.components import edit_metadata, list_components, read_metadata, revert_metadata
from api.schemas import refusals
from api.services import Services
from api.tenant import Tenant

router = APIRouter(prefix="/api/components", tags=["components"])


@router.get("", response_model=ComponentList, responses=refusals(400, 422, 503))
def components(tenant: Tenant, services: Services) -> ComponentList:
    """Every component as the tenant's next saga will have it, by id."""
    return list_components(services, tenant)


@router.get(
    "/{component}/metadata", response_model=Metadata, responses=refusals(400, 404, 422, 503)
)
def metadata(component: str, tenant: Tenant, services: Services) -> Metadata:
    """One component's policy, and which part of it was edited by whom."""
    return read_metadata(services, tenant, component)


@router.put(
    "/{component}/metadata",
    response_model=Metadata,
    responses=refusals(400, 404, 409, 422, 503),
)
def put_metadata(
    component: str, body: MetadataEdit, tenant: Tenant, services: Services
) -> Metadata:
    """Put the tenant's changes in place of its earlier ones; sagas that run keep what they have.

    Tenant 0 changes the default of all tenants.
    """
    return edit_metadata(services, tenant, component, body)


@router.delete(
    "/{component}/metadata",
    response_model=Metadata,
    responses=refusals(400, 404, 409, 422, 503),
)
def delete_metadata(
    component: str,
    tenant: Tenant,
    services: Services,
    version: Annotated[int, Query(ge=0, description="the version that you have read")],
    operator: Annotated[Operator, Query(description="who gives them up")] = "api",
) -> Metadata:
    """Give up the tenant's changes: the default holds again."""
    return revert_metadata(services, tenant, component, version, operator)
