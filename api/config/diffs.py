"""Compares two versions of a chain, for the router of chains."""

from dataclasses import dataclass

from api.config.chain_schemas import COLUMNS
from api.config.difference import (
    ChainDiff,
    Side,
    field_diff,
    plan_diff,
    text_diff,
)
from api.config.schemas import Diagnosed
from api.config.service import FlowConfigService
from api.config.views import diagnosed
from rules.compiler import Compiled
from rules.config.history import Kept
from rules.config.kinds import CHAINS, Key
from rules.errors import ChainInvalid


@dataclass(frozen=True, slots=True)
class _Tried:
    side: Side
    compiled: Compiled | None


def compare(service: FlowConfigService, key: Key, before: str, after: str) -> ChainDiff:
    """What differs between two versions. Raises ChainUnknown, VersionUnknown,
    ConfigInvalid.
    """
    was, now = (service.side(CHAINS, key, which) for which in (before, after))
    return difference(service, was, now)


def difference(service: FlowConfigService, was: Kept, now: Kept) -> ChainDiff:
    """What differs between two contents of one chain, compiled among the chains of now."""
    tried = _tried(service, was), _tried(service, now)
    old, new = (one.compiled for one in tried)
    fields = field_diff(_fields(was), _fields(now))
    text = text_diff(str(was.content["chain_code"]), str(now.content["chain_code"]))
    return ChainDiff(
        name=now.recorded.key.name,
        before=tried[0].side,
        after=tried[1].side,
        same=not fields and not text,
        fields=fields,
        text=text,
        tree=None if old is None or new is None else plan_diff(old.plan, new.plan),
    )


def _tried(service: FlowConfigService, kept: Kept) -> _Tried:
    recorded = kept.recorded
    found: list[Diagnosed] = []
    compiled = None
    try:
        compiled = service.compiled(kept)
    except ChainInvalid as invalid:
        found = [Diagnosed.model_validate(one) for one in diagnosed(invalid.diagnostics)]
    side = Side(
        version=recorded.version,
        status=str(kept.content["status"]),
        change=recorded.change,
        operator=recorded.operator,
        diagnostics=found,
    )
    return _Tried(side, compiled)


def _fields(kept: Kept) -> dict[str, object]:
    """All but the text, by the names of the API."""
    columns = {field: column for field, column in COLUMNS.items() if field != "el"}
    columns["enabled"] = CHAINS.enable
    return {field: kept.content.get(column) for field, column in columns.items()}
