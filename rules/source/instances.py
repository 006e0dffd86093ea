"""How each process that serves the rules is, told to the others by a board in Redis.

For the news of rules and the API that shows them. A process that tells no more is forgotten.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, cast

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError
from redis import Redis

from rules.errors import Diagnostic
from rules.source.chains import StandIn
from rules.source.revision import Mode
from rules.source.status import Quarantined, RefreshReport, RuleStatus, Tally

FORGOTTEN_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 10.0
"""How long an answer is there for who asked."""
MOST_HELD: Final = 100
"""Chains in quarantine that one process tells of, of the tenant that is asked for."""

_log = structlog.get_logger(__name__)


class Held(BaseModel):
    """A chain that does not compile as it now is; `serving` is the version of it that serves.

    `stand_ins` are the chains and scripts that serve in place of their present versions.
    """

    model_config = ConfigDict(frozen=True)

    namespace: str
    tenant: str
    chain: str
    version: int
    serving: int | None
    since: datetime
    diagnostics: tuple[Diagnostic, ...]
    stand_ins: tuple[StandIn, ...] = ()


class Quarantine(BaseModel):
    """What one process holds back of a tenant: how many chains, and the first of them."""

    model_config = ConfigDict(frozen=True)

    name: str
    size: int
    held: tuple[Held, ...]


class Instance(BaseModel):
    """One process. `handled` are the last commands that it has carried out.

    What it holds back is asked for by tenant.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    role: Literal["api", "worker"]
    at: datetime
    poll_seconds: float | None
    application: str
    namespace: str
    chains: int
    tenants: int
    refreshed_at: datetime | None
    changed_at: datetime | None
    degraded_since: datetime | None
    degraded_reason: str | None
    mode: Mode | None
    revision: int | None
    sha: str
    serving_sha: str | None = None
    last: RefreshReport | None
    tally: Tally
    untried: int
    plans: int
    quarantine_size: int
    handled: tuple[str, ...] = ()


def instance_of(
    name: str,
    role: Literal["api", "worker"],
    status: RuleStatus,
    *,
    at: datetime,
    poll_seconds: float | None,
    handled: Sequence[str] = (),
) -> Instance:
    """A process as its rule source says."""
    return Instance(
        name=name,
        role=role,
        at=at,
        poll_seconds=poll_seconds,
        application=status.application,
        namespace=status.namespace,
        chains=status.chains,
        tenants=status.tenants,
        refreshed_at=status.refreshed_at,
        changed_at=status.changed_at,
        degraded_since=status.degraded.since if status.degraded else None,
        degraded_reason=status.degraded.reason if status.degraded else None,
        mode=status.mode,
        revision=status.revision,
        sha=status.sha,
        serving_sha=status.serving_sha,
        last=status.last,
        tally=status.tally,
        untried=status.untried,
        plans=status.plans,
        quarantine_size=len(status.quarantined),
        handled=tuple(handled),
    )


def quarantine_of(name: str, quarantined: Sequence[Quarantined]) -> Quarantine:
    """What a process holds back, as its rule source says."""
    held = (Held.model_validate(one, from_attributes=True) for one in quarantined[:MOST_HELD])
    return Quarantine(name=name, size=len(quarantined), held=tuple(held))


class Board:
    """What the processes of one application say of themselves. Raises RedisError."""

    def __init__(self, redis: Redis, application: str) -> None:
        self._redis = redis
        self._prefix = f"chainsaga:rules:{application}:instance:"
        self._names = f"chainsaga:rules:{application}:instances"
        self._answers = f"chainsaga:rules:{application}:answers:"

    def tell(self, instance: Instance) -> None:
        """Put a process on the board; it stays for a while."""
        now = instance.at.timestamp()
        pipe = self._redis.pipeline(transaction=False)
        life = int(FORGOTTEN_SECONDS * 1000)
        pipe.set(self._prefix + instance.name, instance.model_dump_json(), px=life)
        pipe.zadd(self._names, {instance.name: now})
        pipe.zremrangebyscore(self._names, "-inf", now - 10 * FORGOTTEN_SECONDS)
        pipe.pexpire(self._names, 20 * life)
        pipe.execute()

    def leave(self, name: str) -> None:
        """Take a process off the board."""
        self._redis.delete(self._prefix + name)
        self._redis.zrem(self._names, name)

    def answer(self, question: str, quarantine: Quarantine) -> None:
        """Tell who asked what is held back here."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.rpush(self._answers + question, quarantine.model_dump_json())
        pipe.pexpire(self._answers + question, int(ANSWER_SECONDS * 1000))
        pipe.execute()

    def answers(self, question: str) -> list[Quarantine]:
        """What has been told so far."""
        told = self._redis.lrange(self._answers + question, 0, -1)
        return [Quarantine.model_validate_json(one) for one in told]

    def read(self) -> list[Instance]:
        """All that have told of themselves lately, by name."""
        listed = cast("list[bytes | str]", self._redis.zrange(self._names, 0, -1))
        names = sorted(one.decode() if isinstance(one, bytes) else one for one in listed)
        if not names:
            return []
        found = []
        for name, told in zip(
            names, self._redis.mget([self._prefix + name for name in names]), strict=True
        ):
            if told is None:
                continue
            try:
                found.append(Instance.model_validate_json(told))
            except ValidationError as error:
                # One of another version of the product.
                _log.warning("instance_unreadable", instance=name, why=str(error)[:300])
        return found
