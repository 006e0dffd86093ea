"""Freezes a chain and a request into what an execution keeps for its whole life.

For the API's start and for the worker's freeze activity. Reads only the snapshot.
"""

import json
from hashlib import sha256
from typing import Final

from pydantic import JsonValue

from rules.errors import ChainUnknown
from rules.source.service import RuleSource
from rules.source.snapshot import Snapshot
from rules.wire import Frost, SagaOptions

DEFAULT_OPTIONS: Final = SagaOptions()


def freeze(
    snapshot: Snapshot,
    tenant: str,
    chain: str,
    request: JsonValue,
    *,
    business_key: str | None = None,
    options: SagaOptions = DEFAULT_OPTIONS,
) -> Frost:
    """The plan and all that goes with it. Raises ChainUnknown, ChainDisabled or ChainInvalid.

    Where `options` does not set `saga`, the chain's own `transactional` decides.
    """
    compiled = snapshot.compiled(tenant, chain)
    if "saga" not in options.model_fields_set:
        options = options.model_copy(update={"saga": snapshot.transactional(tenant, chain)})
    return Frost(
        plan=compiled.plan,
        request=request,
        request_sha=request_sha(chain, request),
        business_key=business_key,
        options=options,
    )


def request_sha(chain: str, request: JsonValue) -> str:
    """What tells a repeated start from another one under the same id."""
    canonical = json.dumps(
        {"chain": chain, "request": request}, sort_keys=True, separators=(",", ":")
    )
    return sha256(canonical.encode()).hexdigest()


def freeze_current(
    rules: RuleSource,
    tenant: str,
    chain: str,
    request: JsonValue,
    *,
    business_key: str | None = None,
    options: SagaOptions = DEFAULT_OPTIONS,
) -> Frost:
    """Freeze the tenant's current chain; an unknown one is looked for in the database once more.

    Raises what `freeze` raises, and RulesUnavailable.
    """
    try:
        return freeze(
            rules.snapshot, tenant, chain, request, business_key=business_key, options=options
        )
    except ChainUnknown:
        if not rules.look_again():
            raise
    return freeze(
        rules.snapshot, tenant, chain, request, business_key=business_key, options=options
    )
