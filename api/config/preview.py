"""What a change of a chain would do: compiled, linted, compared, and run on recent requests.

For the router of chains. Writes nothing, calls no component.
"""

from collections import Counter
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from activities.mirror.reader import MirrorReader
from activities.mirror.views import Filter
from api.config.chain_schemas import COLUMNS
from api.config.diffs import difference
from api.config.preview_schemas import ChainPreview, PreviewAnswer, Replay, ReplayedSaga
from api.config.replay import Replayed, path_of, replay
from api.config.schemas import Diagnosed
from api.config.service import FlowConfigService
from api.config.views import diagnosed
from rules.config.changes import fields_of
from rules.config.errors import VersionUnknown
from rules.config.history import Kept, Recorded
from rules.config.kinds import CHAINS, Key
from rules.errors import ChainInvalid, ChainUnknown
from rules.execution import Execution, Status
from rules.plan import Plan

ENDED: Final = frozenset(
    {Status.COMPLETED, Status.COMPENSATED, Status.PARTIALLY_COMPENSATED, Status.FAILED}
)

log = structlog.get_logger("chainsaga.api")


def preview(
    service: FlowConfigService, reader: MirrorReader, key: Key, asked: ChainPreview
) -> PreviewAnswer:
    """What the change would do. Raises VersionUnknown, MetadataInvalid, SQLAlchemyError."""
    service.rules.poll()
    before, after = _sides(service, key, asked)
    found = service.checked(after)
    sound = all(one.severity != "error" for one in found)
    plan = _plan(service, after) if sound else None
    return PreviewAnswer(
        sound=sound,
        diagnostics=[Diagnosed.model_validate(one) for one in diagnosed(found)],
        broken={
            chain: [Diagnosed.model_validate(one) for one in diagnosed(why)]
            for chain, why in service.would_break(after).items()
        },
        diff=None if before is None else difference(service, before, after),
        replay=None if plan is None else _replays(service, reader, plan, asked.recent, key),
    )


def _sides(service: FlowConfigService, key: Key, asked: ChainPreview) -> tuple[Kept | None, Kept]:
    """What is live, and what it would be."""
    sent = {name: value for name, value in asked if name in asked.model_fields_set}
    fields = fields_of(sent, COLUMNS)
    live, working = None, CHAINS.defaults
    try:
        live = service.side(CHAINS, key, "live")
        working = service.side(CHAINS, key, "newest").content
    except ChainUnknown:
        pass
    if asked.version is not None:
        working = service.version(CHAINS, key, asked.version).content
    version = live.recorded.version if live else 0
    content = {**CHAINS.written(working), **fields, "status": "PUBLISHED", CHAINS.enable: True}
    recorded = Recorded(
        type=CHAINS.type,
        key=key,
        version=version + 1,
        sha="",
        change="PREVIEW",
        operator=None,
        reason=None,
        at=datetime.now(UTC),
        request_sha=None,
    )
    return live, Kept(recorded, content)


def _plan(service: FlowConfigService, kept: Kept) -> Plan | None:
    """None for a template, which nobody starts."""
    try:
        return service.plan(kept)
    except ChainInvalid:
        return None


def _replays(
    service: FlowConfigService, reader: MirrorReader, plan: Plan, recent: int, key: Key
) -> Replay | None:
    """The newest sagas with the plan; None if nobody can say which they are."""
    plans: dict[int, Plan | None] = {}
    sagas: list[ReplayedSaga] = []
    left_out = 0
    try:
        items = reader.list(key.tenant, Filter(chain=key.name), recent).items if recent else ()
        for item in items:
            saga = reader.get(key.tenant, item.execution_id) if item.status in ENDED else None
            if saga is None:
                left_out += 1
                continue
            version = saga.rule_version
            if version not in plans:
                plans[version] = _plan_of(service, key, version)
            sagas.append(_replayed(saga, plans[version], plan))
    except SQLAlchemyError as error:
        log.warning("preview without sagas", chain=key.name, why=str(error)[:300])
        return None
    counted = Counter(saga.outcome for saga in sagas)
    return Replay(
        same=counted["same"],
        changed=counted["changed"],
        new_failures=counted["new_failure"],
        unknown=counted["unknown"],
        left_out=left_out,
        sagas=sagas,
    )


def _plan_of(service: FlowConfigService, key: Key, version: int) -> Plan | None:
    """A plan that a saga ran, as far as it can still be made."""
    try:
        return _plan(service, service.version(CHAINS, key, version))
    except (ChainUnknown, VersionUnknown):
        return None


def _replayed(saga: Execution, ran: Plan | None, plan: Plan) -> ReplayedSaga:
    recorded = path_of(saga.stack)
    told = ReplayedSaga(
        execution_id=saga.execution_id,
        rule_version=saga.rule_version,
        started_at=saga.started_at,
        status=saga.status,
        outcome="unknown",
        before=list(recorded),
        after=[],
        assumed=[],
    )
    if ran is None:
        return told.model_copy(
            update={"why": "the version that it ran cannot be compiled any more"}
        )
    # With steps side by side, only the order of two replays can be compared.
    before, after = replay(ran, saga), replay(plan, saga)
    told = told.model_copy(update={"after": list(after.path), "assumed": list(after.assumed)})
    if why := _not_known(recorded, before, after):
        return told.model_copy(update={"why": why})
    if before.completed and not after.completed:
        error = after.execution.error
        why = error.message if error else after.execution.status.value
        return told.model_copy(update={"outcome": "new_failure", "why": why})
    same = before.path == after.path and before.completed == after.completed
    return told.model_copy(update={"outcome": "same" if same else "changed"})


def _not_known(recorded: tuple[str, ...], before: Replayed, after: Replayed) -> str | None:
    if Counter(before.path) != Counter(recorded) or before.unknown or before.assumed:
        return "with what is recorded of it, not even its own version takes the same steps"
    if after.unknown:
        return f"it has no recorded answer of {', '.join(after.unknown)}"
    return None
