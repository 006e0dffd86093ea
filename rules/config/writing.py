"""Writes chains and components: one change at a time, checked against the rules as they then are.

For the configuration API. Every writer takes the lock on the revision's row first, so that what was
checked is what it is written to. After the end of it the rule source reads what has changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from rules.config.changes import Standing, Step, Wish
from rules.config.errors import ConfigStale, KeyReused, VersionMissing
from rules.config.history import History
from rules.config.kinds import Key, Kind
from rules.config.live import LiveRules
from rules.config.reading import standing_of
from rules.config.rows import Rows
from rules.errors import Diagnostic, RulesUnavailable
from rules.source.collisions import collided
from rules.source.revision import current_revision
from rules.source.storing import FOUND, lock_rules
from rules.source.versions import Note, record

TRIES: Final = 12
"""Of one write. Each edit by SQL, of whatever tenant, that comes just before the lock costs one."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a change that may be made: warnings, and chains that it breaks."""

    warnings: tuple[Diagnostic, ...] = ()
    broken: Mapping[str, tuple[Diagnostic, ...]] = field(default_factory=dict)


Judge = Callable[[Connection, Key, Standing, Step], Verdict]
"""Raises what speaks against a change."""

NOTHING_SAID: Final = Verdict()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to change something.

    `expect` is the version that it is made from. With `bound` it must say one.
    """

    key: Key
    wish: Wish
    note: Note
    judge: Judge
    expect: int | None = None
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """How it stands after a request; without a `step` there was nothing to do.

    `hidden`: no poll would see it. `told` is how many processes were told; None: they see for
    themselves.
    """

    standing: Standing
    step: Step | None = None
    verdict: Verdict = NOTHING_SAID
    hidden: bool = False
    told: int | None = None


class ConfigWriter:
    """The writing of one kind, for one application."""

    def __init__(self, engine: Engine, application: str, kind: Kind, rules: LiveRules) -> None:
        self._engine = engine
        self._application = application
        self._kind = kind
        self._rules = rules
        self._rows = Rows(application, kind)
        self._history = History(application, kind)

    def write(self, asked: Asked) -> Written:
        """Do what is asked for, if nothing speaks against it.

        What is as wished already is no change, whatever `expect` says, and so is a request whose
        `request_key` was seen. Raises ConfigStale, VersionMissing, KeyReused, what wish and
        judge raise, RulesUnavailable and SQLAlchemyError.
        """
        written = self._tried(asked, TRIES)
        if (step := written.step) is not None:
            self._read_again(written)
            _log.info(
                "config_changed",
                kind=self._kind.type,
                **asked.key._asdict(),
                change=step.change,
                version=written.standing.version,
                operator=asked.note.operator,
                reason=asked.note.reason,
            )
        return written

    def _read_again(self, written: Written) -> None:
        """Let this process serve what was written."""
        if written.hidden:
            self._rules.refresh()
        else:
            self._rules.poll()

    def _tried(self, asked: Asked, times: int) -> Written:
        read = False
        try:
            with self._rules.alone():
                # What was changed in the database itself is kept before the lock is taken.
                read = self._rules.poll()
                with self._engine.begin() as connection:
                    return self._write(connection, asked)
        except RulesUnavailable:
            # Somebody may have edited by SQL since then.
            if times == 1 or not read:
                raise
        except DBAPIError as error:
            # Somebody who edits by SQL may take the locks the other way round.
            if times == 1 or not (collided(error) or isinstance(error, IntegrityError)):
                raise
        return self._tried(asked, times - 1)

    def _write(self, connection: Connection, asked: Asked) -> Written:
        lock_rules(connection)
        key, note, expect = asked.key, asked.note, asked.expect
        standing = standing_of(connection, self._rows, self._history, key)
        done = self._done_before(connection, key, note)
        step = None if done else asked.wish(standing)
        if step is None:
            return Written(standing)
        if expect is None and asked.bound:
            raise VersionMissing(key.name)
        if expect is not None and expect != standing.version:
            raise stale(key, standing, expect)
        if not self._rules.poll(keep=False):
            raise RulesUnavailable("the database did not answer")
        verdict = asked.judge(connection, key, standing, step)
        self._apply(connection, key, standing, step, note)
        # Where there are no triggers, a deletion leaves no time behind.
        hidden = step.row is None and current_revision(connection) == 0
        after = standing_of(connection, self._rows, self._history, key)
        return Written(after, step, verdict, hidden)

    def _done_before(self, connection: Connection, key: Key, note: Note) -> bool:
        if note.request_key is None:
            return False
        kept = self._history.requested(connection, key.tenant, note.request_key)
        if kept is None:
            return False
        recorded = kept.recorded
        same = (recorded.type, recorded.key, recorded.request_sha)
        if same != (self._kind.type, key, note.request_sha):
            raise KeyReused(note.request_key, recorded.key.name, recorded.version)
        return True

    def _apply(
        self, connection: Connection, key: Key, standing: Standing, step: Step, note: Note
    ) -> None:
        now = datetime.now(UTC)
        place = self._kind.place(self._application, key)
        version = standing.version + 1
        row = standing.row
        if row is not None and standing.found:
            record(connection, place, standing.version, row.content, FOUND)
        kept = replace(note, change=step.change)
        record(connection, place, version, step.content, kept)
        if step.row is None:
            self._rows.delete(connection, key)
        elif row is None:
            self._rows.insert(connection, key, version, step.row, now)
        else:
            draft = row.draft_version if step.draft is None else (version if step.draft else None)
            number = _serving(standing) if step.same else version
            self._rows.update(
                connection, key, step.row, version=number, draft_version=draft, now=now
            )


def stale(key: Key, standing: Standing, given: int) -> ConfigStale:
    """Who changed it meanwhile, and when."""
    last, row = standing.last, standing.row
    change, by, at = (last.change, last.operator, last.at) if last else (None, None, None)
    if row is not None and standing.found:
        change, by, at = FOUND.change, None, row.updated_at
    if change == FOUND.change:
        by = "the database itself"
    return ConfigStale(key.name, given, standing.version, change=change, by=by, at=at)


def _serving(standing: Standing) -> int:
    """The row's number; of one that was found changed, that under which it is now kept."""
    assert standing.row is not None
    return standing.version if standing.found else standing.row.version
