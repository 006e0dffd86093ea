"""Components' metadata: what holds for a tenant, where it is from, and editing it.

For its router. Edits take part in the next freeze: at once in this process, in others at their next
reading of the rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Final, Literal

import structlog

from api.component_schemas import ComponentList, Metadata, MetadataEdit
from api.errors import ComponentUnknown
from api.services import ApiServices
from rules.errors import MetadataInvalid
from rules.plan import ComponentPolicy
from rules.source.edits import (
    DEFAULT_TENANT,
    EDITABLE,
    NO_EDIT,
    Edits,
    PolicyEdit,
    check_edit,
    edited,
)
from rules.source.metadata import CompensationSource, MetadataRow, Write, declared_source

log: Final = structlog.get_logger("chainsaga.api")


@dataclass(frozen=True, slots=True)
class _Declared:
    """A component as its code declares it, or as its script is.

    `inferred`: what undoes it was found by its name.
    """

    policy: ComponentPolicy
    inferred: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read for a tenant, once for all components of an answer."""

    tenant: str
    rows: Mapping[tuple[str, str], MetadataRow]
    edits: Edits
    policies: Mapping[str, ComponentPolicy]


def list_components(services: ApiServices, tenant: str) -> ComponentList:
    """Every registered component, and every script, as it is for the tenant.

    Raises RulesUnavailable, SQLAlchemyError.
    """
    known = _read(services, tenant)
    components = known.policies
    gone: dict[str, datetime | None] = {
        row.component: row.gone_since
        for row in known.rows.values()
        if row.component not in components
    }
    return ComponentList(
        items=[_view(_declared(services, known.policies, id), known) for id in sorted(components)],
        gone=dict(sorted(gone.items())),
    )


def read_metadata(services: ApiServices, tenant: str, id: str) -> Metadata:
    """One component. Raises ComponentUnknown, RulesUnavailable, SQLAlchemyError."""
    known = _read(services, tenant, id)
    return _view(_declared(services, known.policies, id), known)


def edit_metadata(services: ApiServices, tenant: str, id: str, body: MetadataEdit) -> Metadata:
    """Put the tenant's edit in place of its earlier one.

    Raises ComponentUnknown, MetadataInvalid, MetadataStale, RulesUnavailable, SQLAlchemyError.
    """
    known, edit = _read(services, tenant, id), body.edit
    component = _declared(services, known.policies, id)
    check_edit(component.policy, edit, known.policies)
    _write(services, known, component, edit, version=body.version, operator=body.operator)
    return read_metadata(services, tenant, id)


def revert_metadata(
    services: ApiServices, tenant: str, id: str, version: int, operator: str
) -> Metadata:
    """Give up the tenant's edit.

    Raises ComponentUnknown, MetadataStale, RulesUnavailable, SQLAlchemyError.
    """
    known = _read(services, tenant, id)
    component = _declared(services, known.policies, id)
    _write(services, known, component, NO_EDIT, version=version, operator=operator)
    return read_metadata(services, tenant, id)


def _write(
    services: ApiServices,
    known: _Known,
    component: _Declared,
    edit: PolicyEdit,
    *,
    version: int,
    operator: str,
) -> None:
    id, tenant = component.policy.id, known.tenant
    after = Edits(by_tenant={**known.edits.by_tenant, tenant: {id: edit}}).merged(tenant, id)
    written = services.metadata.edit(
        Write(
            tenant=tenant,
            policy=component.policy.model_copy(update=after.changes),
            compensation_source=_compensation_source(component, after),
            edit=edit,
            version=version,
            operator=operator,
        )
    )
    log.info(
        "component metadata edited",
        tenant=tenant,
        component=id,
        fields=sorted(edit.changes),
        operator=written.edited_by,
        version=written.version,
    )
    # The next freeze of this process has it; a database that fails just now is logged there.
    services.rules.refresh()


def _declared(services: ApiServices, policies: Mapping[str, ComponentPolicy], id: str) -> _Declared:
    policy = policies.get(id)
    if policy is None:
        near = get_close_matches(id, policies, n=1)
        raise ComponentUnknown(id, near[0] if near else None)
    if policy.script is not None:
        # Nobody declares what undoes a script.
        return _Declared(policy, inferred=policy.compensate is not None)
    return _Declared(policy, inferred=services.components[id].inferred)


def _read(services: ApiServices, tenant: str, id: str | None = None) -> _Known:
    """The rows of one component, or of all, that hold for the tenant."""
    rows = services.metadata.rows(tenant, id)
    by_tenant: dict[str, dict[str, PolicyEdit]] = {}
    for row in rows.values():
        if row.edit.changes:
            by_tenant.setdefault(row.tenant, {})[row.component] = row.edit
    policies = services.rules.snapshot.components_of(tenant)
    return _Known(tenant, rows, Edits(by_tenant=by_tenant), policies)


def _compensation_source(component: _Declared, edit: PolicyEdit) -> CompensationSource | None:
    if "compensate" in edit.changes:
        return "edited"
    return declared_source(component.policy, inferred=component.inferred)


def _view(component: _Declared, known: _Known) -> Metadata:
    id, tenant, edits = component.policy.id, known.tenant, known.edits
    own = known.rows.get((tenant, id)) or MetadataRow(tenant, id)
    default = known.rows.get((DEFAULT_TENANT, id)) or MetadataRow(DEFAULT_TENANT, id)
    edit = edits.merged(tenant, id)
    problem = own.problem or default.problem or component.policy.problem
    policy = component.policy.model_copy(update=edit.changes)
    try:
        policy = edited(component.policy, edit, known.policies)
    except MetadataInvalid as error:
        problem = str(error)
    return Metadata(
        component=id,
        tenant=tenant,
        kind=policy.kind,
        name=policy.name,
        read_only=policy.read_only,
        irreversible=policy.irreversible,
        compensate=policy.compensate,
        compensation_source=_compensation_source(component, edit),
        compensate_when=policy.compensate_when,
        retry=policy.retry,
        timeout=policy.timeout,
        on_failure=policy.on_failure,
        heartbeat=policy.heartbeat,
        lost_attempts=policy.lost_attempts,
        sources={name: _source(edits, tenant, id, name) for name in EDITABLE},
        problem=problem,
        changes=own.edit.model_dump(mode="json", include=set(own.edit.changes)),
        version=own.version,
        edited_by=own.edited_by,
        edited_at=own.edited_at,
        # A script's row is nothing that workers know.
        gone_since=default.gone_since if policy.script is None else None,
    )


def _source(
    edits: Edits, tenant: str, component: str, field: str
) -> Literal["code", "default", "tenant"]:
    if tenant != DEFAULT_TENANT and field in edits.own(tenant, component).changes:
        return "tenant"
    return "default" if field in edits.own(DEFAULT_TENANT, component).changes else "code"
