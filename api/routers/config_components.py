"""`/api/config/components`: script components, a tenant's own and those that all tenants share.

HTTP in and out only; what a change does stands in `api.config.service`. What is the same for
chains stands in `api.routers.config_shared`.
"""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Response

from api.config import script_schemas as schemas
from api.config.calls import After, Before, Calling, Cursor, Limit
from api.config.difference import ScriptDiff
from api.config.diffs import compare_scripts
from api.config.views import script_page, script_version, script_view, script_written
from api.routers.config_shared import CHANGED, READ, Shown, etag, install
from api.schemas import refusals
from api.services import Services
from api.tenant import Tenant
from rules.config.changes import fields_of
from rules.config.kinds import COMPONENTS, Key
from rules.config.rows import Wanted

router = APIRouter(prefix="/api/config/components", tags=["configuration"])


def key_of(name: str, tenant: Tenant, services: Services) -> Key:
    """The component of a path."""
    return services.config.key(COMPONENTS, tenant, name)


Script = Annotated[Key, Depends(key_of)]

SHOWN: Final = Shown(
    kind=COMPONENTS,
    key_of=key_of,
    written=schemas.ScriptWritten,
    version=schemas.ScriptVersion,
    show=script_written,
    show_version=script_version,
)


@router.get("", response_model=schemas.ScriptPage, responses=refusals(400, 409, 422, 503))
def list_scripts(
    tenant: Tenant,
    services: Services,
    *,
    status: Literal["DRAFT", "PUBLISHED"] | None = None,
    enabled: bool | None = None,
    draft: Annotated[
        bool | None, Query(description="with a draft beside what is published, or without")
    ] = None,
    text: Annotated[str | None, Query(max_length=200, description="in name, code or title")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> schemas.ScriptPage:
    """The tenant's script components and those of tenant 0, by name, with counts per state."""
    wanted = Wanted(status=status, enabled=enabled, drafts=draft, text=text)
    return script_page(services.config.page(COMPONENTS, tenant, wanted, limit, cursor))


@router.post(
    "",
    status_code=201,
    response_model=schemas.ScriptWritten,
    responses={
        200: {"model": schemas.ScriptWritten, "description": "there is just this one already"},
        **refusals(400, 409, 422, 503),
    },
)
def create_script(
    body: schemas.ScriptCreate,
    tenant: Tenant,
    services: Services,
    caller: Calling,
    response: Response,
) -> schemas.ScriptWritten:
    """Make a script component; one of tenant 0 is everybody's who has none of that name."""
    config = services.config
    key = config.key(COMPONENTS, tenant, body.name)
    fields = fields_of(dict(body), schemas.COLUMNS)
    written = config.create(
        COMPONENTS, key, caller.call(body), fields, enabled=body.enabled, live=body.publish
    )
    response.status_code = 200 if written.step is None else 201
    response.headers["ETag"] = etag(written.standing.version)
    return script_written(config, written)


@router.get("/{name}", response_model=schemas.ScriptView, responses=READ)
def read_script(key: Script, services: Services, response: Response) -> schemas.ScriptView:
    """A script component of this tenant as it stands, and its draft. Has an ETag."""
    standing = services.config.find(COMPONENTS, key)
    response.headers["ETag"] = etag(standing.version)
    return script_view(standing)


@router.put("/{name}", response_model=schemas.ScriptWritten, responses=CHANGED)
def update_script(
    key: Script,
    body: schemas.ScriptUpdate,
    services: Services,
    caller: Calling,
    response: Response,
) -> schemas.ScriptWritten:
    """Change a script: with `publish` at once, else as a draft beside what is live."""
    sent = {field: value for field, value in body if field in body.model_fields_set}
    call = caller.call(body, version=body.version)
    fields = fields_of(sent, schemas.COLUMNS)
    written = services.config.update(COMPONENTS, key, call, fields, live=body.publish)
    response.headers["ETag"] = etag(written.standing.version)
    return script_written(services.config, written)


@router.get("/{name}/diff", response_model=ScriptDiff, responses=READ)
def diff_script(
    key: Script, services: Services, before: Before = "live", after: After = "newest"
) -> ScriptDiff:
    """What differs between two versions: fields, and lines of the text.

    Without parameters, what would change if the draft were published.
    """
    return compare_scripts(services.config, key, before, after)


install(router, SHOWN)
