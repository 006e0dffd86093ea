"""Chains and components as they stand, as the configuration API shows them.

For its routers.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from api.config import chain_schemas as chains
from api.config import script_schemas as scripts
from api.config.cursors import cursor_of
from api.config.schemas import Gone, StateCounts
from api.config.service import FlowConfigService
from api.diagnostics import told
from rules.config.changes import Standing
from rules.config.history import Kept, Recorded
from rules.config.kinds import SHARED, Content
from rules.config.reading import Listing
from rules.config.writing import Written
from rules.errors import Diagnostic, RulesUnavailable

# Any: fields of models, which check them.
Fields = dict[str, Any]


def chain_page(listing: Listing) -> chains.ChainPage:
    """A page of chains."""
    items = [chains.ChainItem.model_validate(_chain_item(one)) for one in listing.items]
    return chains.ChainPage(items=items, **_page(listing))


def script_page(listing: Listing) -> scripts.ScriptPage:
    """A page of scripts."""
    items = [scripts.ScriptItem.model_validate(_script_item(one)) for one in listing.items]
    return scripts.ScriptPage(items=items, **_page(listing))


def chain_view(service: FlowConfigService, standing: Standing) -> chains.ChainView:
    """One chain."""
    return chains.ChainView.model_validate(_chain(service, standing))


def chain_written(service: FlowConfigService, written: Written) -> chains.ChainWritten:
    """A chain after a request to change it."""
    fields = _chain(service, written.standing)
    return chains.ChainWritten.model_validate({**fields, **outcome(service, written)})


def script_view(standing: Standing) -> scripts.ScriptView:
    """One script."""
    return scripts.ScriptView.model_validate(_script(standing))


def script_written(service: FlowConfigService, written: Written) -> scripts.ScriptWritten:
    """A script after a request to change it."""
    fields = _script(written.standing)
    return scripts.ScriptWritten.model_validate({**fields, **outcome(service, written)})


def chain_version(kept: Kept) -> chains.ChainVersion:
    """A version of a chain."""
    whole = _whole(kept, chains.COLUMNS, "chain_enable")
    return chains.ChainVersion.model_validate({**whole, "namespace": kept.recorded.key.namespace})


def script_version(kept: Kept) -> scripts.ScriptVersion:
    """A version of a script."""
    return scripts.ScriptVersion.model_validate(_whole(kept, scripts.COLUMNS, "script_enable"))


def gone(service: FlowConfigService, name: str, written: Written) -> Gone:
    """What was deleted."""
    fields = outcome(service, written)
    return Gone(name=name, version=written.standing.version, **fields)


def version_fields(recorded: Recorded) -> Fields:
    """Who made a version, and why."""
    return {
        "version": recorded.version,
        "change": recorded.change,
        "operator": recorded.operator,
        "reason": recorded.reason,
        "at": recorded.at,
        "sha": recorded.sha,
    }


def diagnosed(found: Iterable[Diagnostic]) -> list[Fields]:
    """Diagnostics as the errors of the API tell them."""
    return [told(one) for one in found]


def outcome(service: FlowConfigService, written: Written) -> Fields:
    """What a request has done, and when that is live."""
    verdict, news, heard = written.verdict, service.news, written.told
    return {
        "changed": written.step is not None,
        "diagnostics": diagnosed(verdict.warnings),
        "broken": {chain: diagnosed(why) for chain, why in verdict.broken.items()},
        "live": {
            "via": "poll" if heard is None else "redis",
            "within_seconds": news.polling.within if heard is None else 0,
            "instances": heard,
        },
    }


def _page(listing: Listing) -> Fields:
    return {
        "counts": StateCounts.model_validate(listing.counts._asdict()),
        "next_cursor": None if listing.after is None else cursor_of(listing.after),
    }


def _standing(standing: Standing) -> Fields:
    row, last = standing.row, standing.last
    assert row is not None
    known = None if standing.found else last
    return {
        "name": row.key.name,
        "tenant": row.key.tenant,
        "status": row.content["status"],
        "enabled": standing.on,
        "version": standing.version,
        "row_version": row.version,
        "draft_version": row.draft_version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "change": known.change if known else "FOUND",
        "changed_by": known.operator if known else None,
        "changed_at": known.at if known else row.updated_at,
        "reason": known.reason if known else None,
    }


def _chain_item(standing: Standing) -> Fields:
    assert standing.row is not None
    return {
        **_standing(standing),
        "namespace": standing.row.key.namespace,
        "description": standing.row.content["chain_desc"],
    }


def _script_item(standing: Standing) -> Fields:
    assert standing.row is not None
    content = standing.row.content
    return {
        **_standing(standing),
        "title": content["component_name"],
        "type": content["component_type"],
        "language": content["language"],
        "shared": standing.row.key.tenant == SHARED,
    }


def _chain(service: FlowConfigService, standing: Standing) -> Fields:
    assert standing.row is not None
    return {
        **_chain_item(standing),
        **_by_field(standing.row.content, chains.COLUMNS),
        "draft": _draft(standing, chains.COLUMNS),
        **_serving(service, standing),
    }


def _script(standing: Standing) -> Fields:
    assert standing.row is not None
    return {
        **_script_item(standing),
        "code": standing.row.content["component_code"],
        "draft": _draft(standing, scripts.COLUMNS),
    }


def _serving(service: FlowConfigService, standing: Standing) -> Fields:
    """What this process serves of a chain."""
    assert standing.row is not None
    namespace, tenant, name = standing.row.key
    found: Fields = {"serving_version": None, "held_back": []}
    if namespace not in service.rules.namespaces:
        return found
    try:
        snapshot = service.rules.snapshot_of(namespace)
    except RulesUnavailable:
        return found
    row = snapshot.chains(tenant).get(name)
    if row is None or not row.serving:
        return found
    held = snapshot.held(tenant).get(name)
    if held is None:
        return {**found, "serving_version": row.version}
    return {"serving_version": held.serving_version, "held_back": diagnosed(held.diagnostics)}


def _draft(standing: Standing, columns: Mapping[str, str]) -> Fields | None:
    kept = standing.draft
    if kept is None:
        return None
    recorded = kept.recorded
    return {
        **_by_field(kept.content, columns),
        "version": recorded.version,
        "changed_by": recorded.operator,
        "changed_at": recorded.at,
        "reason": recorded.reason,
    }


def _whole(kept: Kept, columns: Mapping[str, str], enable: str) -> Fields:
    return {
        **version_fields(kept.recorded),
        "name": kept.recorded.key.name,
        "status": kept.content["status"],
        "enabled": kept.content[enable],
        **_by_field(kept.content, columns),
    }


def _by_field(content: Content, columns: Mapping[str, str]) -> Fields:
    return {field: content.get(column) for field, column in columns.items()}
