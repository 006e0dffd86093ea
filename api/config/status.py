"""How the rules are on every instance, and what all were asked to do, as the API shows it.

For the router of the served rules.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.config.schemas import Diagnosed
from api.config.service import FlowConfigService
from api.config.views import diagnosed
from rules.errors import RulesUnavailable
from rules.source.instances import MOST_HELD, Held, Instance, Quarantine
from rules.source.news import Command
from rules.source.revision import Mode


class StandInView(BaseModel):
    """A version that serves though there is a later one."""

    type: Literal["chain", "component"]
    name: str
    version: int | None = Field(description="null: there was none, and that is how it serves")


class Quarantined(BaseModel):
    """A chain that does not compile as it now is."""

    namespace: str
    chain: str
    version: int
    serving_version: int | None = Field(description="the earlier version that serves, if any")
    since: datetime
    diagnostics: list[Diagnosed]
    stand_ins: list[StandInView] = Field(
        description="what serves in place of present versions: of the chain, and of what it names"
    )


class InstanceStatus(BaseModel):
    """One process that serves the rules."""

    name: str
    role: Literal["api", "worker"]
    this: bool = Field(description="whether it is the one that answers")
    as_of: datetime
    chains: int
    tenants: int
    refreshed_at: datetime | None = Field(description="when it last looked, and could")
    lag_seconds: float | None = Field(description="how long ago that was")
    changed_at: datetime | None = Field(description="when it last saw a change")
    seconds: float | None = Field(description="how long its last look took")
    looks: int
    changes: int
    failures: int
    degraded: bool = Field(description="the database did not answer: what was read before serves")
    degraded_since: datetime | None
    degraded_reason: str | None
    seen_by: Mode | None = Field(
        description="how it sees changes: by triggers, or by times of edits where there are none"
    )
    revision: int | None
    behind: bool | None = Field(description="whether there are changes that it has not seen")
    sha: str = Field(description="the same on all instances that have read the same rules")
    serving_sha: str | None = Field(
        description="the same on all that serve the same, also for what does not compile; "
        "null until every chain was tried"
    )
    compiled: int = Field(description="chains that it keeps compiled")
    untried: int = Field(description="tenants of whose chains it does not know if they compile")
    quarantine_size: int = Field(description="of all tenants")
    tenant_quarantine_size: int | None = Field(
        description="of this tenant; null if the instance did not answer in time"
    )
    quarantine: list[Quarantined] | None = Field(
        description=f"of this tenant, at most {MOST_HELD}; null as above"
    )
    poll_seconds: float | None = Field(description="null if it does not poll")


class RulesStatus(BaseModel):
    """How the rules are. `same` says whether all instances serve the same, as far as they know."""

    application: str
    via: Literal["redis", "poll"] = Field(description="`poll`: only this instance is known")
    problem: str | None = Field(description="why the others are not known, though there is a Redis")
    revision: int | None = Field(description="the database's; null if it does not answer")
    same: bool
    instances: list[InstanceStatus]


class Done(BaseModel):
    """An instance that was asked to do something."""

    name: str
    role: Literal["api", "worker"]
    done: bool


class Everyone(BaseModel):
    """Who has done what all instances were asked for.

    `redis`: all that listen were told, those not `done` have not said so in time. `poll`: only this
    one has, others see changes within `within_seconds`.
    """

    via: Literal["redis", "poll"]
    problem: str | None
    within_seconds: float | None = Field(description="null if nobody polls")
    instances: list[Done]


def everyone(service: FlowConfigService, command: Command, wait: float) -> Everyone:
    """Let every instance do it. Raises RulesUnavailable where this one could not."""
    news = service.news
    asked = news.ask(command, wait)
    own = news.own()
    if command == "refresh" and own.degraded_reason is not None:
        raise RulesUnavailable(own.degraded_reason)
    told = [(one, True) for one in asked.done] + [(one, False) for one in asked.missing]
    return Everyone(
        via=asked.via,
        problem=asked.problem,
        within_seconds=0 if asked.via == "redis" and not asked.missing else news.polling.within,
        instances=[
            Done(name=one.name, role=one.role, done=done)
            for one, done in sorted(told, key=lambda pair: pair[0].name)
        ],
    )


def rules_status(service: FlowConfigService, tenant: str) -> RulesStatus:
    """How every instance is, and what the tenant has in quarantine there."""
    known = service.news.all()
    held = service.news.quarantines(tenant, known.done)
    revision = service.revision()
    own = service.news.name
    return RulesStatus(
        application=known.done[0].application,
        via=known.via,
        problem=known.problem,
        revision=revision,
        same=_same(known.done),
        instances=[
            _instance(one, held.get(one.name), revision, this=one.name == own) for one in known.done
        ],
    )


def _same(instances: Sequence[Instance]) -> bool:
    """Who has not tried all chains yet will serve what the others do, if it has read the same."""
    read = {one.sha for one in instances}
    serving = {one.serving_sha for one in instances if one.serving_sha is not None}
    return len(read) == 1 and len(serving) <= 1


def _instance(
    one: Instance, held: Quarantine | None, revision: int | None, *, this: bool
) -> InstanceStatus:
    now = datetime.now(UTC)
    counted = bool(revision) and bool(one.revision)
    return InstanceStatus(
        name=one.name,
        role=one.role,
        this=this,
        as_of=one.at,
        chains=one.chains,
        tenants=one.tenants,
        refreshed_at=one.refreshed_at,
        lag_seconds=(now - one.refreshed_at).total_seconds() if one.refreshed_at else None,
        changed_at=one.changed_at,
        seconds=one.last.seconds if one.last else None,
        looks=one.tally.looks,
        changes=one.tally.changes,
        failures=one.tally.failures,
        degraded=one.degraded_reason is not None,
        degraded_since=one.degraded_since,
        degraded_reason=one.degraded_reason,
        seen_by=one.mode,
        revision=one.revision,
        behind=one.revision != revision if counted else None,
        sha=one.sha,
        serving_sha=one.serving_sha,
        compiled=one.plans,
        untried=one.untried,
        quarantine_size=one.quarantine_size,
        tenant_quarantine_size=held.size if held is not None else None,
        quarantine=[_held(each) for each in held.held] if held is not None else None,
        poll_seconds=one.poll_seconds,
    )


def _held(held: Held) -> Quarantined:
    return Quarantined(
        namespace=held.namespace,
        chain=held.chain,
        version=held.version,
        serving_version=held.serving,
        since=held.since,
        diagnostics=[Diagnosed.model_validate(one) for one in diagnosed(held.diagnostics)],
        stand_ins=[
            StandInView(type=one.type, name=one.name, version=one.version) for one in held.stand_ins
        ],
    )
