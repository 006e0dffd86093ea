"""`/api/config/chains`: a tenant's chains, listed, read, made and changed.

HTTP in and out only; what a change does stands in `api.config.service`. What is the same for
components stands in `api.routers.config_shared`.
"""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Response

from api.config import chain_schemas as schemas
from api.config.calls import After, Before, Calling, Cursor, Limit
from api.config.difference import ChainDiff
from api.config.diffs import compare
from api.config.preview import preview
from api.config.preview_schemas import ChainPreview, PreviewAnswer
from api.config.views import chain_page, chain_version, chain_view, chain_written
from api.routers.config_shared import CHANGED, READ, Shown, etag, install
from api.schemas import refusals
from api.services import Services
from api.tenant import Tenant
from rules.config.changes import fields_of
from rules.config.kinds import CHAINS, Key
from rules.config.rows import Wanted

router = APIRouter(prefix="/api/config/chains", tags=["configuration"])


def key_of(
    name: str,
    tenant: Tenant,
    services: Services,
    namespace: Annotated[
        str | None, Query(description="without it the one that this deployment serves first")
    ] = None,
) -> Key:
    """The chain of a path. Raises NamespaceUnknown."""
    return services.config.key(CHAINS, tenant, name, namespace)


Chain = Annotated[Key, Depends(key_of)]

SHOWN: Final = Shown(
    kind=CHAINS,
    key_of=key_of,
    written=schemas.ChainWritten,
    version=schemas.ChainVersion,
    show=chain_written,
    show_version=chain_version,
)


@router.get("", response_model=schemas.ChainPage, responses=refusals(400, 409, 422, 503))
def list_chains(
    tenant: Tenant,
    services: Services,
    *,
    namespace: str | None = None,
    status: Literal["DRAFT", "PUBLISHED"] | None = None,
    enabled: bool | None = None,
    draft: Annotated[
        bool | None, Query(description="with a draft beside what is published, or without")
    ] = None,
    text: Annotated[
        str | None, Query(max_length=200, description="in name, text or description")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> schemas.ChainPage:
    """The tenant's chains by name, with counts per state; of all namespaces unless one is named."""
    wanted = Wanted(namespace=namespace, status=status, enabled=enabled, drafts=draft, text=text)
    return chain_page(services.config.page(CHAINS, tenant, wanted, limit, cursor))


@router.post(
    "",
    status_code=201,
    response_model=schemas.ChainWritten,
    responses={
        200: {"model": schemas.ChainWritten, "description": "there is just this chain already"},
        **refusals(400, 404, 409, 422, 503),
    },
)
def create_chain(
    body: schemas.ChainCreate,
    tenant: Tenant,
    services: Services,
    caller: Calling,
    response: Response,
) -> schemas.ChainWritten:
    """Make a chain, as a draft unless `publish` is set.

    It is compiled and linted first: 422 `CHAIN_INVALID` has all that is wrong with it.
    """
    config = services.config
    key = config.key(CHAINS, tenant, body.name, body.namespace)
    fields = fields_of(dict(body), schemas.COLUMNS)
    written = config.create(
        CHAINS, key, caller.call(body), fields, enabled=body.enabled, live=body.publish
    )
    response.status_code = 200 if written.step is None else 201
    response.headers["ETag"] = etag(written.standing.version)
    return chain_written(config, written)


@router.get("/{name}", response_model=schemas.ChainView, responses=READ)
def read_chain(key: Chain, services: Services, response: Response) -> schemas.ChainView:
    """A chain as it stands, its draft, and what this instance serves of it. Has an ETag."""
    standing = services.config.find(CHAINS, key)
    response.headers["ETag"] = etag(standing.version)
    return chain_view(services.config, standing)


@router.put("/{name}", response_model=schemas.ChainWritten, responses=CHANGED)
def update_chain(
    key: Chain,
    body: schemas.ChainUpdate,
    services: Services,
    caller: Calling,
    response: Response,
) -> schemas.ChainWritten:
    """Change a chain: with `publish` at once, else as a draft beside what is live.

    The same again is no new version. Somebody else's change since your `version` is 409.
    """
    sent = {field: value for field, value in body if field in body.model_fields_set}
    call = caller.call(body, version=body.version)
    fields = fields_of(sent, schemas.COLUMNS)
    written = services.config.update(CHAINS, key, call, fields, live=body.publish)
    response.headers["ETag"] = etag(written.standing.version)
    return chain_written(services.config, written)


@router.get("/{name}/diff", response_model=ChainDiff, responses=READ)
def diff_chain(
    key: Chain,
    services: Services,
    before: Before = "live",
    after: After = "newest",
) -> ChainDiff:
    """What differs between two versions: fields, lines of the text, and the plans as a tree.

    Without parameters, what would change if the draft were published.
    """
    return compare(services.config, key, before, after)


@router.post("/{name}/preview", response_model=PreviewAnswer, responses=READ)
def preview_chain(key: Chain, body: ChainPreview, services: Services) -> PreviewAnswer:
    """What a change would do, without making it: nothing is written, no component is called.

    The text is compiled and linted, compared with what is live, and the newest sagas of the chain
    are run again in memory with what their steps have answered. A text that does not compile is
    200, with `sound` false. Also for a chain that is not there yet.
    """
    return preview(services.config, services.reader, key, body)


install(router, SHOWN)
