"""The hot state: executions in Redis, as the mirror has been told of them. All keys and Lua.

For the writer, as one of its stores, and the reader. An execution is one hash, keyed by tenant and
execution id. A field is a register (`registers.py`) of the execution or of a step: its version,
then its columns as JSON. The script writes a field only over a smaller version, in the same order
as SQL does, so late writes lose here too. Every write puts the expiry off; what nobody writes any
more goes by itself, a closed execution soon.

Redis is a copy that may have holes: it was down, was emptied, or a late record began a key anew.
Nothing here hides that; the reader compares versions with SQL (`reader.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

import redis
import structlog
from pydantic_core import from_json, to_json
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Table

from activities.mirror.batch import Batch
from activities.mirror.known import Known
from activities.mirror.registers import REGISTERS, Row
from activities.mirror.rows import blank_step
from activities.mirror.store import Verdict
from activities.mirror.tables import saga_execution, saga_step_execution
from activities.mirror.versions import SILENT, WIDTH
from rules.execution import Status
from rules.source.columns import UtcDateTime

OPEN_FOR: Final = timedelta(days=7)
CLOSED_FOR: Final = timedelta(hours=1)
ANSWER_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 2.0
"""Readers do not ask again so soon after Redis did not answer."""

ON_ITS_WAY_SECONDS: Final = 600
"""What was written so lately is left alone by the clean-up."""

_PREFIX: Final = "chainsaga:hot:"
_EXECUTION: Final = "execution"
_CLOSED: Final = "closed"

# Versions are of one width and digits alike, so Lua's comparison, which follows the server's
# locale, is the comparison of bytes. KEYS: the execution. ARGV: seconds to live while open, and
# once closed; whether the given execution is closed; then fields and values in turn.
_WRITE: Final = f"""
for i = 4, #ARGV, 2 do
  local field, value = ARGV[i], ARGV[i + 1]
  local held = redis.call('HGET', KEYS[1], field)
  if not held or string.sub(value, 1, {WIDTH}) > string.sub(held, 1, {WIDTH}) then
    redis.call('HSET', KEYS[1], field, value)
    if field == '{_EXECUTION}' then redis.call('HSET', KEYS[1], '{_CLOSED}', ARGV[3]) end
  end
end
local closed = redis.call('HGET', KEYS[1], '{_CLOSED}') == '1'
redis.call('EXPIRE', KEYS[1], closed and ARGV[2] or ARGV[1])
"""

_PASSING: Final = ("MISCONF", "NOSCRIPT", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN")

_TIMES: Final = {
    table: frozenset(c.name for c in table.columns if isinstance(c.type, UtcDateTime))
    for table in REGISTERS
}

_log = structlog.get_logger(__name__)


def key_of(tenant: str, execution_id: str) -> str:
    """The key of an execution; a tenant has no colon."""
    return f"{_PREFIX}{tenant}:{execution_id}"


@dataclass(frozen=True, slots=True)
class Stale:
    """A key that is to go if its saga is over: `expires` says whether it would ever by itself."""

    tenant: str
    execution_id: str
    expires: bool


class HotState:
    """Executions in one Redis. Safe to share between threads; connects when it is first used."""

    name = "redis"

    def __init__(
        self,
        url: str,
        *,
        open_for: timedelta = OPEN_FOR,
        closed_for: timedelta = CLOSED_FOR,
        answer_within: float = ANSWER_SECONDS,
    ) -> None:
        self._client = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=answer_within,
            socket_connect_timeout=answer_within,
            # Once, for a connection that a restart has broken; silence is not waited for twice.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        self._script = self._client.register_script(_WRITE)
        self._lives = [int(open_for.total_seconds()), int(closed_for.total_seconds())]
        self._silent_since: float | None = None
        self._ask_at = 0.0

    def write(self, batch: Batch) -> None:
        """Write what is newer; one round trip whatever the number of executions."""
        pipeline = self._client.pipeline(transaction=False)
        for owner, fields in _fields_by_owner(batch).items():
            closed = fields.pop(_CLOSED, "0")
            words = [word for field in fields.items() for word in field]
            self._script(
                keys=[key_of(*owner)], args=[*self._lives, closed, *words], client=pipeline
            )
        pipeline.execute()

    def judge(self, error: Exception) -> Verdict:
        """What Redis itself refuses (a key of another type) it refuses for good; else it is down.

        Out of memory, read-only, unable to persist and the like are answers too, but pass.
        """
        passing = isinstance(error, redis.OutOfMemoryError | redis.ReadOnlyError)
        passing = passing or str(error).startswith(_PASSING)
        if isinstance(error, redis.ResponseError):
            return Verdict.DOWN if passing else Verdict.REFUSED
        return Verdict.DOWN if isinstance(error, redis.RedisError) else Verdict.REFUSED

    def get(self, tenant: str, execution_id: str) -> Known | None:
        """What Redis knows of an execution; None also while Redis does not answer."""
        if monotonic() < self._ask_at:
            return None
        try:
            fields = self._client.hgetall(key_of(tenant, execution_id))
        except redis.RedisError as error:
            self._ask_at = monotonic() + PAUSE_SECONDS
            if self._silent_since is None:
                self._silent_since = monotonic()
                _log.error("mirror_redis_unread", error=str(error)[:500])
            return None
        if self._silent_since is not None:
            self._silent_since = None
            _log.info("mirror_redis_read_again")
        return _known(tenant, execution_id, {str(k): str(v) for k, v in fields.items()})

    def scan(self, cursor: int, count: int) -> tuple[int, int, list[Stale]]:
        """Some keys further on: the next cursor (0 at the end), how many keys, the stale ones.

        Stale is what has no expiry, or has longer to live than a closed saga's key and was not
        written lately. Raises RedisError.
        """
        following, keys = self._client.scan(cursor, match=f"{_PREFIX}*", count=count)
        names = [str(key) for key in keys]
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.ttl(name)
        found: list[Stale] = []
        for name, seconds in zip(names, pipeline.execute(), strict=True):
            tenant, _, execution_id = name.removeprefix(_PREFIX).partition(":")
            if self._stale(int(seconds)):
                found.append(Stale(tenant, execution_id, expires=int(seconds) >= 0))
        return int(following), len(names), found

    def forget(self, stale: Sequence[Stale]) -> None:
        """Delete keys. Raises RedisError."""
        if stale:
            self._client.unlink(*(key_of(each.tenant, each.execution_id) for each in stale))

    def let_expire(self, stale: Sequence[Stale]) -> None:
        """Give keys of open sagas the expiry that they lack. Raises RedisError."""
        for each in stale:
            self._client.expire(key_of(each.tenant, each.execution_id), self._lives[0])

    def _stale(self, seconds: int) -> bool:
        if seconds < 0:
            return seconds == -1  # -2 is a key that has gone meanwhile
        opened, closed = self._lives
        written_lately = opened - ON_ITS_WAY_SECONDS < seconds <= opened
        return seconds > closed and not written_lately

    def problem(self) -> str | None:
        """Why Redis does not answer just now; None when it does."""
        try:
            self._client.ping()
        except redis.RedisError as error:
            return str(error)[:500] or type(error).__name__
        return None

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


def hot_state(url: str | None, *, open_for: float, closed_for: float) -> HotState | None:
    """The hot state of a process, as its settings want it; lives in seconds.

    Without a URL there is none, which is said once.
    """
    if url is None:
        _log.info("mirror_without_redis", reads="SQL alone", to_change="set CHAINSAGA_REDIS_URL")
        return None
    lives = [timedelta(seconds=seconds) for seconds in (open_for, closed_for)]
    return HotState(url, open_for=lives[0], closed_for=lives[1])


Owner = tuple[str, str]


def _fields_by_owner(batch: Batch) -> dict[Owner, dict[str, str]]:
    found: dict[Owner, dict[str, str]] = {}
    for table in (saga_execution, saga_step_execution):
        for row in batch.rows(table):
            owner = (str(row["tenant_id"]), str(row["execution_id"]))
            found.setdefault(owner, {}).update(_fields(table, row))
    return found


def _fields(table: Table, row: Row) -> Iterator[tuple[str, str]]:
    """A row's registers as fields; those of which nothing was said are left out."""
    for register in REGISTERS[table]:
        version = row[register.guard]
        if version == SILENT:
            continue
        data = to_json({name: row[name] for name in register.columns}).decode()
        field = _EXECUTION if table is saga_execution else f"{register.guard}:{row['path']}"
        yield field, f"{version}{data}"
    if table is saga_execution:
        yield _CLOSED, "1" if Status(str(row["status"])).final else "0"


def _known(tenant: str, execution_id: str, fields: dict[str, str]) -> Known | None:
    told = fields.pop(_EXECUTION, None)
    fields.pop(_CLOSED, None)
    if told is None:
        return None
    owner: Row = {"tenant_id": tenant, "execution_id": execution_id}
    known = Known({**owner, **_columns(saga_execution, "version", told)}, {})
    for field, value in fields.items():
        guard, _, path = field.partition(":")
        row = known.steps.setdefault(path, blank_step(tenant, execution_id, path))
        row.update(_columns(saga_step_execution, guard, value))
    return known


def _columns(table: Table, guard: str, value: str) -> Row:
    """The columns of one register, as SQL would give them; an older writer knew fewer."""
    (register,) = (each for each in REGISTERS[table] if each.guard == guard)
    columns: Row = {**dict.fromkeys(register.columns), **from_json(value[WIDTH:])}
    for name in _TIMES[table] & columns.keys():
        text = columns[name]
        columns[name] = None if text is None else datetime.fromisoformat(str(text))
    return {**columns, guard: value[:WIDTH]}
