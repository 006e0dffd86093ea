"""News of the rules among the processes that serve them: that something changed, what to do.

For the composition roots (API, worker) and the configuration API. By Redis where there is one;
without, or while it does not answer, each process sees for itself when it next polls.
"""

import os
import secrets
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Final, Literal, Protocol

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from rules.source.instances import Board, Instance, Quarantine, instance_of, quarantine_of
from rules.source.polling import Polling
from rules.source.status import Quarantined, RuleStatus

ANSWER_SECONDS: Final = 2.0
TELL_SECONDS: Final = 5.0
LISTEN_SECONDS: Final = 0.5
AGAIN_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.05
"""Between looks whether others have done what they were asked for."""
HELD_SECONDS: Final = 2.0
ASKED_SECONDS: Final = 0.01
"""How long others are waited for who say what they hold back; how long between looks for it."""
REMEMBERED: Final = 50

Role = Literal["api", "worker"]
Command = Literal["poll", "refresh", "clear"]

_log = structlog.get_logger(__name__)


class Source(Protocol):
    """The rules of this process."""

    def read_in_turn(self, *, everything: bool = False) -> bool:
        """Read what has changed, or everything, when no other instance does."""

    def clear(self) -> int:
        """Forget what is compiled."""

    def quarantined(self, tenant: str) -> Sequence[Quarantined]:
        """The tenant's chains that are held back."""

    @property
    def status(self) -> RuleStatus:
        """How current the rules are."""


class Message(BaseModel):
    """A command to all processes but the one that gives it; `held` asks for a tenant's chains."""

    model_config = ConfigDict(frozen=True)

    id: str
    command: Command | Literal["held"]
    sender: str
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who has done what all were asked for. `problem` is why it could not be told to others."""

    via: Literal["redis", "poll"]
    done: tuple[Instance, ...]
    missing: tuple[Instance, ...] = ()
    problem: str | None = None


class RuleNews:
    """What one process tells and is told; `url` is that of a Redis, if there is one."""

    def __init__(
        self, source: Source, application: str, role: Role, polling: Polling, url: str | None
    ) -> None:
        self.name: Final = f"{role}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self.polling: Final = polling
        self._source = source
        self._role: Role = role
        self._channel = f"chainsaga:rules:{application}:news"
        self._handled: deque[str] = deque(maxlen=REMEMBERED)
        self._hearing: bool | None = None
        self._stop = threading.Event()
        self._redis = None if url is None else _connect(url)
        self._board = None if self._redis is None else Board(self._redis, application)
        self._thread = threading.Thread(target=self._listen, name="rule-news", daemon=True)

    @property
    def shared(self) -> bool:
        """Whether there is a Redis by which others hear of changes."""
        return self._redis is not None

    def start(self) -> None:
        """Begin to listen, where there is a Redis."""
        if self._redis is not None:
            self._thread.start()

    def stop(self, within: float = 5.0) -> None:
        """End, and take this process off the board."""
        self._stop.set()
        if self._redis is None or self._board is None:
            return
        self._thread.join(within)
        try:
            self._board.leave(self.name)
        except RedisError as error:
            _log.warning("instance_left_on_board", why=str(error)[:300])
        self._redis.close()

    def own(self) -> Instance:
        """This process."""
        return instance_of(
            self.name,
            self._role,
            self._source.status,
            at=datetime.now(UTC),
            poll_seconds=self.polling.within,
            handled=tuple(self._handled),
        )

    def all(self) -> Asked:
        """Every process that is known, this one as it is now."""
        if self._board is None:
            return Asked("poll", (self.own(),))
        try:
            others = [one for one in self._board.read() if one.name != self.name]
        except RedisError as error:
            return Asked("poll", (self.own(),), problem=str(error)[:300])
        every = sorted((self.own(), *others), key=lambda one: one.name)
        return Asked("redis", tuple(every))

    def tell(self, *, everything: bool = False) -> int | None:
        """Tell the others that something has changed; how many heard it, None if that failed.

        With `everything` a poll would not see it.
        """
        command: Command = "refresh" if everything else "poll"
        message = Message(id=secrets.token_hex(8), command=command, sender=self.name)
        try:
            return self._publish(message)
        except RedisError as error:
            _log.warning("change_not_told", why=str(error)[:300])
            return None

    def ask(self, command: Command, within: float) -> Asked:
        """Let every process do something at once, this one too; wait for the others so long."""
        message = Message(id=secrets.token_hex(8), command=command, sender=self.name)
        problem = None
        try:
            told = self._publish(message) is not None
        except RedisError as error:
            told, problem = False, str(error)[:300]
        done = self._carry_out(message)
        if not told:
            return Asked("poll", *_parted(self.own(), done=done), problem=problem)
        until = monotonic() + within
        while True:
            every = self.all()
            missing = tuple(one for one in every.done if message.id not in one.handled)
            if not (done and missing) or monotonic() >= until or every.problem is not None:
                have = tuple(one for one in every.done if message.id in one.handled)
                return Asked(every.via, have, missing, every.problem)
            self._stop.wait(LOOK_SECONDS)

    def quarantines(
        self, tenant: str, instances: Iterable[Instance], within: float = HELD_SECONDS
    ) -> dict[str, Quarantine]:
        """What instances hold back of a tenant, by their names; others than this one are asked.

        Who does not answer within so many seconds is left out.
        """
        found = {self.name: self._quarantine(tenant)}
        asked = set()
        for one in instances:
            if one.name != self.name and not one.quarantine_size:
                found[one.name] = Quarantine(name=one.name, size=0, held=())
            elif one.name != self.name:
                asked.add(one.name)
        if not asked or self._board is None:
            return found
        message = Message(id=secrets.token_hex(8), command="held", sender=self.name, tenant=tenant)
        try:
            self._publish(message)
            until = monotonic() + within
            while asked - found.keys() and monotonic() < until and not self._stop.is_set():
                self._stop.wait(ASKED_SECONDS)
                found |= {one.name: one for one in self._board.answers(message.id)}
        except RedisError as error:
            _log.warning("quarantine_not_told", why=str(error)[:300])
        return found

    def _quarantine(self, tenant: str) -> Quarantine:
        return quarantine_of(self.name, self._source.quarantined(tenant))

    def _publish(self, message: Message) -> int | None:
        """How many listen, this process included; None without Redis."""
        if self._redis is None:
            return None
        return int(self._redis.publish(self._channel, message.model_dump_json()))

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                self._hear()
            except RedisError as error:
                if self._hearing is not False:
                    _log.warning("rule_news_not_heard", why=str(error)[:300])
                self._hearing = False
            # Reason: whatever a command meets, the next ones must come.
            except Exception:  # noqa: BLE001
                _log.exception("rule_news_failed")
            self._stop.wait(AGAIN_SECONDS)

    def _hear(self) -> None:
        assert self._redis is not None
        listening = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call] # redis leaves it so
        with listening as heard:
            heard.subscribe(self._channel)
            if self._hearing is False:
                _log.info("rule_news_heard_again")
            self._hearing = True
            # What was told while nobody listened here.
            self._source.read_in_turn()
            told = None
            while not self._stop.is_set():
                if told is None or monotonic() - told >= TELL_SECONDS:
                    self._tell_board()
                    told = monotonic()
                found = heard.get_message(timeout=LISTEN_SECONDS)
                if found is not None and self._obey(found["data"]):
                    told = None

    def _obey(self, data: bytes | str) -> bool:
        try:
            message = Message.model_validate_json(data)
        except ValidationError as error:
            _log.warning("rule_news_unreadable", why=str(error)[:300])
            return False
        if message.sender == self.name:
            return False
        if message.command == "held":
            assert self._board is not None
            self._board.answer(message.id, self._quarantine(message.tenant))
            return False
        self._carry_out(message)
        return True

    def _carry_out(self, message: Message) -> bool:
        """Whether it was done; a database that does not answer says no."""
        acts: dict[str, Callable[[], object]] = {
            "poll": self._source.read_in_turn,
            "refresh": partial(self._source.read_in_turn, everything=True),
            "clear": self._source.clear,
        }
        done = acts[message.command]() is not False
        if done:
            self._handled.append(message.id)
        return done

    def _tell_board(self) -> None:
        assert self._board is not None
        self._board.tell(self.own())


def _parted(own: Instance, *, done: bool) -> tuple[tuple[Instance, ...], tuple[Instance, ...]]:
    return ((own,), ()) if done else ((), (own,))


def _connect(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
