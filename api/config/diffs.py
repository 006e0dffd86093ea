"""Compares two versions of a chain or of a script component, for their routers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api.config import chain_schemas, script_schemas
from api.config.difference import (
    ChainDiff,
    FieldDiff,
    ScriptDiff,
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
from rules.config.kinds import CHAINS, COMPONENTS, Key, Kind
from rules.errors import ChainInvalid, Diagnostic


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


def compare_scripts(service: FlowConfigService, key: Key, before: str, after: str) -> ScriptDiff:
    """The same of a script component. Raises ScriptUnknown, VersionUnknown, ConfigInvalid."""
    was, now = (service.side(COMPONENTS, key, which) for which in (before, after))
    fields, text = _written(COMPONENTS, script_schemas.COLUMNS, was, now)
    return ScriptDiff(
        name=key.name,
        before=_side(was, service.script_errors(was)),
        after=_side(now, service.script_errors(now)),
        same=not fields and not text,
        fields=fields,
        text=text,
    )


def difference(service: FlowConfigService, was: Kept, now: Kept) -> ChainDiff:
    """What differs between two contents of one chain, compiled among the chains of now."""
    tried = _tried(service, was), _tried(service, now)
    old, new = (one.compiled for one in tried)
    fields, text = _written(CHAINS, chain_schemas.COLUMNS, was, now)
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
    try:
        return _Tried(_side(kept), service.compiled(kept))
    except ChainInvalid as invalid:
        return _Tried(_side(kept, invalid.diagnostics), None)


def _side(kept: Kept, found: Iterable[Diagnostic] = ()) -> Side:
    recorded = kept.recorded
    return Side(
        version=recorded.version,
        status=str(kept.content["status"]),
        change=recorded.change,
        operator=recorded.operator,
        diagnostics=[Diagnosed.model_validate(one) for one in diagnosed(found)],
    )


def _written(
    kind: Kind, columns: Mapping[str, str], was: Kept, now: Kept
) -> tuple[list[FieldDiff], list[str]]:
    """What differs of what authors write: fields by the names of the API, lines of the text."""
    named = {field: column for field, column in columns.items() if column != kind.text}
    named["enabled"] = kind.enable
    before, after = (
        {field: kept.content.get(column) for field, column in named.items()} for kept in (was, now)
    )
    text = text_diff(str(was.content[kind.text]), str(now.content[kind.text]))
    return field_diff(before, after), text
