"""Freezes a chain and a request into what an execution keeps for its whole life.

For the API's start and for the worker's freeze activity. Reads only the snapshot.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from pydantic import JsonValue

from rules.checks.limits import PLAN_LIMIT
from rules.checks.names import absorbable
from rules.errors import ChainInvalid, ChainUnknown, OverrideInvalid, TooLarge
from rules.measuring import json_size
from rules.plan import Plan, PolicyOverride
from rules.request_sha import request_sha
from rules.sizes import KEY_LIMIT, REQUEST_LIMIT
from rules.source.edits import edited_plan
from rules.source.service import RuleSource
from rules.source.snapshot import Snapshot
from rules.wire import Frost, SagaOptions

DEFAULT_OPTIONS: Final = SagaOptions()
NO_OVERRIDES: Final[Mapping[str, PolicyOverride]] = {}


def freeze(
    snapshot: Snapshot,
    tenant: str,
    chain: str,
    request: JsonValue,
    *,
    business_key: str | None = None,
    options: SagaOptions = DEFAULT_OPTIONS,
    overrides: Mapping[str, PolicyOverride] = NO_OVERRIDES,
) -> Frost:
    """The plan and all that goes with it. Raises ChainUnknown, ChainDisabled or ChainInvalid,
    MetadataInvalid, OverrideInvalid and TooLarge.

    Of a policy the request decides, else what the tenant edited, else what was edited for all
    tenants, else the component. Where `options` does not set `saga` or `undo_policy`, the chain's
    own columns decide.
    """
    compiled = snapshot.compiled(tenant, chain)
    edits, components = partial(snapshot.edits.merged, tenant), snapshot.components_of(tenant)
    plan = edited_plan(compiled.plan, edits, components)
    frost = Frost(
        plan=_overridden(plan, overrides),
        request=request,
        request_sha=request_sha(chain, request),
        business_key=business_key,
        options=_options(options, snapshot, tenant, chain),
    )
    _check_sizes(frost)
    return frost


def _check_sizes(frost: Frost) -> None:
    """Refuse what could not be kept for a saga's whole life. Raises TooLarge."""
    chain = frost.plan.chain
    for what, size, limit, mend in (
        (
            "the request",
            json_size(frost.request),
            REQUEST_LIMIT,
            "keep large data elsewhere and send a reference",
        ),
        (
            f"the plan of chain '{chain}'",
            json_size(frost.plan),
            PLAN_LIMIT,
            "start parts of it as chains of their own",
        ),
        (
            "the business key",
            len((frost.business_key or "").encode()),
            KEY_LIMIT,
            "it is a label to search by: choose a shorter one",
        ),
    ):
        if size > limit:
            raise TooLarge(what, size, limit, mend)


def _options(options: SagaOptions, snapshot: Snapshot, tenant: str, chain: str) -> SagaOptions:
    """What the request leaves open, by the chain."""
    given = options.model_fields_set
    changes: dict[str, object] = {}
    if "saga" not in given:
        changes["saga"] = snapshot.transactional(tenant, chain)
    if "undo_policy" not in given and (policy := snapshot.undo_policy(tenant, chain)):
        changes["undo_policy"] = policy
    return options.model_copy(update=changes)


def _overridden(plan: Plan, overrides: Mapping[str, PolicyOverride]) -> Plan:
    """The plan with what the request changes; a request goes before what a component declares."""
    if not overrides:
        return plan
    components = dict(plan.components)
    for name, override in overrides.items():
        if name not in components:
            raise OverrideInvalid(name, f"chain '{plan.chain}' has no such component")
        changes = {k: v for k, v in dict(override).items() if v is not None}
        components[name] = components[name].model_copy(update=changes)
        if not absorbable(components[name]):
            raise OverrideInvalid(name, "a condition cannot ignore that it has no answer")
    return plan.model_copy(update={"components": components})


def freeze_current(
    rules: RuleSource,
    tenant: str,
    chain: str,
    request: JsonValue,
    *,
    namespace: str | None = None,
    business_key: str | None = None,
    options: SagaOptions = DEFAULT_OPTIONS,
    overrides: Mapping[str, PolicyOverride] = NO_OVERRIDES,
) -> Frost:
    """Freeze the tenant's current chain; an unknown one is looked for in the database once more.

    `namespace` is one of `rules.namespaces`, the first unless given. Raises what `freeze` raises,
    and RulesUnavailable.
    """

    def current() -> Frost:
        frost = freeze(
            rules.snapshot_of(namespace or rules.namespaces[0]),
            tenant,
            chain,
            request,
            business_key=business_key,
            options=options,
            overrides=overrides,
        )
        # The chains that its steps run are of the same namespace.
        return frost if namespace is None else frost.model_copy(update={"namespace": namespace})

    try:
        return current()
    except ChainUnknown:
        if not rules.look_again():
            raise
    except ChainInvalid:
        # Nobody may have tried it since this process started, and an earlier version may be kept.
        if not rules.recover(namespace or rules.namespaces[0], tenant):
            raise
    return current()
