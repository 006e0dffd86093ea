"""FlowConfigService: lists, reads and changes chains and script components.

For the routers of the configuration. What a change means is `rules.config`; here requests become
wishes, and every instance is told.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from api.config.cursors import LONGEST, read_cursor, read_version
from rules.compiler import Compiled
from rules.config.breaking import Broken, beneath, would_break
from rules.config.changes import (
    Standing,
    Step,
    Wish,
    create,
    discard,
    publish,
    remove,
    roll_back,
    save,
    switch,
    unpublish,
)
from rules.config.errors import ConfigInvalid, NamespaceUnknown, RulesReadOnly
from rules.config.history import Kept, Recorded
from rules.config.judging import ChainJudge, checked
from rules.config.kinds import CHAINS, COMPONENTS, Content, Key, Kind
from rules.config.live import LiveRules
from rules.config.reading import ConfigReader, Listing
from rules.config.rows import Row, Rows, Wanted
from rules.config.scripts import (
    UNJUDGED,
    ScriptCheck,
    ScriptJudge,
    ScriptPrepare,
    unchecked,
    unprepared,
)
from rules.config.writing import Asked, ConfigWriter, Judge, Verdict, Written
from rules.errors import ChainUnknown, Diagnostic, RuleError
from rules.plan import Plan
from rules.source.chains import text_of
from rules.source.edits import edited_plan
from rules.source.news import RuleNews
from rules.source.repository import ChainRow
from rules.source.revision import current_revision
from rules.source.versions import Note, chain_row

KEY_LENGTH: Final = 128
SIDES: Final = ("live", "draft", "newest")
MOVES: Final[dict[str, Wish]] = {
    "publish": publish,
    "unpublish": unpublish,
    "enable": partial(switch, on=True),
    "disable": partial(switch, on=False),
}
"""What can be asked for without any content. Only to publish, one must know what."""


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks for a change, and under which conditions."""

    operator: str
    reason: str | None = None
    version: int | None = None
    force: bool = False
    request_key: str | None = None
    request_sha: str | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    kind: Kind
    rows: Rows
    reader: ConfigReader
    writer: ConfigWriter


class FlowConfigService:
    """The configuration of one application.

    `registered` are the components that code defines; `read_only` is where the rules are kept if
    they cannot be edited here.
    """

    def __init__(
        self,
        engine: Engine,
        application: str,
        rules: LiveRules,
        registered: Collection[str],
        news: RuleNews,
        *,
        read_only: str | None = None,
        script_check: ScriptCheck = unchecked,
        script_prepare: ScriptPrepare = unprepared,
    ) -> None:
        self._engine = engine
        self.rules: Final = rules
        self.news: Final = news
        self._read_only = read_only
        self._registered = registered
        self._script_check = script_check
        self._script_prepare = script_prepare
        self._parts = {
            kind.type: _Part(
                kind,
                Rows(application, kind),
                ConfigReader(engine, application, kind),
                ConfigWriter(engine, application, kind, rules),
            )
            for kind in (CHAINS, COMPONENTS)
        }

    def key(self, kind: Kind, tenant: str, name: str, namespace: str | None = None) -> Key:
        """What a request names. Raises NamespaceUnknown for one that is not served here."""
        if not kind.namespaced:
            return Key("", tenant, name)
        served = self.rules.namespaces
        if namespace is not None and namespace not in served:
            raise NamespaceUnknown(namespace, served)
        return Key(namespace or served[0], tenant, name)

    def revision(self) -> int | None:
        """How far the rules in the database are; None if it does not answer."""
        try:
            with self._engine.connect() as connection:
                return current_revision(connection)
        except SQLAlchemyError:
            return None

    def page(
        self, kind: Kind, tenant: str, wanted: Wanted, limit: int, cursor: str | None
    ) -> Listing:
        """A page of what the tenant sees. Raises BadCursor, RulesReadOnly, SQLAlchemyError."""
        after = None if cursor is None else read_cursor(cursor)
        part = self._part(kind)
        self._look()
        return part.reader.page(tenant, wanted, limit, after)

    def find(self, kind: Kind, key: Key) -> Standing:
        """How one stands. Raises ChainUnknown, ScriptUnknown, RulesReadOnly, SQLAlchemyError."""
        part = self._part(kind)
        self._look()
        try:
            return part.reader.find(key)
        except ChainUnknown as error:
            known = self.rules.snapshot_of(key.namespace).chains(key.tenant)
            near = get_close_matches(key.name, known, n=1)
            raise ChainUnknown(error.tenant, error.chain, near[0] if near else None) from None

    def _look(self) -> None:
        """What was changed in the database itself has its number before somebody reads it."""
        self.rules.poll()

    def versions(self, kind: Kind, key: Key, limit: int, cursor: str | None) -> list[Recorded]:
        """Versions, the newest first, also of what is gone; raises as `find`, and BadCursor."""
        before = None if cursor is None else read_version(cursor)
        return self._part(kind).reader.versions(key, limit, before)

    def version(self, kind: Kind, key: Key, version: int) -> Kept:
        """One version; raises as `find`, and VersionUnknown."""
        return self._part(kind).reader.version(key, version)

    def side(self, kind: Kind, key: Key, which: str) -> Kept:
        """A version by its number, or `live`, `draft` or `newest`. Raises as `version`,
        and ConfigInvalid.

        Without a draft, `draft` is what is live; without anything live, `live` is the draft.
        """
        if which not in SIDES:
            if not (which.isascii() and which.isdigit() and len(which) <= LONGEST):
                raise ConfigInvalid(which[:80], f"a version, or one of {', '.join(SIDES)}")
            return self.version(kind, key, int(which))
        standing = self.find(kind, key)
        assert standing.row is not None
        if which == "live" or standing.draft is None:
            number = standing.version if standing.found else standing.row.version
            return self.version(kind, key, number)
        return standing.draft

    def compiled(self, kept: Kept) -> Compiled:
        """A version of a chain as it would be among the chains of now. Raises ChainInvalid."""
        key = kept.recorded.key
        snapshot = self.rules.snapshot_of(key.namespace)
        others = beneath(self.rules, key)
        return snapshot.tried(key.tenant, text_of(self._row(kept)), others=others)

    def plan(self, kept: Kept) -> Plan:
        """The same with the policies that the tenant edited; raises MetadataInvalid as well."""
        key = kept.recorded.key
        snapshot = self.rules.snapshot_of(key.namespace)
        edits = partial(snapshot.edits.merged, key.tenant)
        return edited_plan(self.compiled(kept).plan, edits, snapshot.components_of(key.tenant))

    def _row(self, kept: Kept) -> ChainRow:
        key = kept.recorded.key
        return chain_row(key.tenant, key.name, kept.recorded.version, kept.content)

    def checked(self, kept: Kept) -> tuple[Diagnostic, ...]:
        """What the compiler and the lint say of a content, as if it were to be published."""
        return checked(self.rules, kept.recorded.key, self._row(kept))

    def script_errors(self, kept: Kept) -> tuple[Diagnostic, ...]:
        """Why a content of a script component could not be written."""
        found = self._script_check(kept.recorded.key, kept.content)
        return tuple(one for one in found if one.severity == "error")

    def would_break(self, kept: Kept) -> Broken:
        """The chains that would not compile any more."""
        return would_break(self.rules, kept.recorded.key, self._row(kept))

    def create(
        self, kind: Kind, key: Key, call: Call, fields: Content, *, enabled: bool, live: bool
    ) -> Written:
        """A new one. Raises AlreadyExists, and as `_write`."""
        return self._write(kind, key, call, create(fields, enabled=enabled, publish=live))

    def update(self, kind: Kind, key: Key, call: Call, fields: Content, *, live: bool) -> Written:
        """These columns; a draft, or live at once. Raises as `_write`."""
        wish = self._existing(kind, key, save(fields, publish=live))
        return self._write(kind, key, call, wish, bound=True)

    def move(self, kind: Kind, key: Key, call: Call, move: str) -> Written:
        """One of MOVES. Raises as `_write`."""
        wish = self._existing(kind, key, MOVES[move])
        return self._write(kind, key, call, wish, bound=move == "publish")

    def discard(self, kind: Kind, key: Key, call: Call) -> Written:
        """Give up the draft beside what is live. Raises as `_write`."""
        return self._write(kind, key, call, self._existing(kind, key, discard), bound=True)

    def remove(self, kind: Kind, key: Key, call: Call) -> Written:
        """Delete; what is deleted already stays so. Raises as `_write`."""
        wish = self._existing(kind, key, remove, gone=True)
        return self._write(kind, key, call, wish, bound=True)

    def roll_back(
        self, kind: Kind, key: Key, call: Call, version: int, *, live: bool | None
    ) -> Written:
        """As it was in a version, also if it is gone. Raises VersionUnknown, and as `_write`."""
        kept = self.version(kind, key, version)
        return self._write(kind, key, call, roll_back(kept.content, live=live))

    def _write(
        self, kind: Kind, key: Key, call: Call, wish: Wish, *, bound: bool = False
    ) -> Written:
        """Raises what the writer raises, ChainUnknown or ScriptUnknown, and RulesReadOnly."""
        part = self._part(kind)
        _check_key(call.request_key)
        if kind is COMPONENTS:
            self._prepare(part, key, wish)
        note = Note("UPDATE", call.operator, call.reason, call.request_key, call.request_sha)
        asked = Asked(
            key=key,
            wish=wish,
            note=note,
            judge=self._judge(part, force=call.force),
            expect=call.version,
            bound=bound,
        )
        written = part.writer.write(asked)
        if written.step is None:
            return replace(written, verdict=Verdict(self._looked_at(kind, written.standing)))
        return replace(written, told=self.news.tell(everything=written.hidden))

    def _prepare(self, part: _Part, key: Key, wish: Wish) -> None:
        """Find out about the script that would be written; the writer looks again by itself."""
        standing = part.reader.standing(key)
        try:
            step = wish(standing)
        except RuleError:
            return
        if step is None and standing.row is not None:
            self._script_prepare(key, _whole(standing, standing.row))
        elif step is not None and step.change not in UNJUDGED:
            self._script_prepare(key, step.content)

    def _looked_at(self, kind: Kind, standing: Standing) -> tuple[Diagnostic, ...]:
        """What there is to say of something that stays as it is."""
        if standing.row is None:
            return ()
        key, content = standing.row.key, _whole(standing, standing.row)
        if kind is COMPONENTS:
            return self._script_check(key, content)
        row = chain_row(key.tenant, key.name, standing.version, content)
        return checked(self.rules, key, row)

    def _judge(self, part: _Part, *, force: bool) -> Judge:
        if part.kind is CHAINS:
            return ChainJudge(self.rules, part.rows, force=force)
        return ScriptJudge(self.rules, self._registered, self._script_check, force=force)

    def _existing(self, kind: Kind, key: Key, wish: Wish, *, gone: bool = False) -> Wish:
        """The wish for something that must be there; with `gone` it may have been deleted."""
        reader = self._part(kind).reader

        def checked(standing: Standing) -> Step | None:
            if standing.row is None:
                if gone and standing.last is not None and standing.last.change == "DELETE":
                    return None
                raise reader.unknown(key)
            return wish(standing)

        return checked

    def _part(self, kind: Kind) -> _Part:
        if self._read_only is not None:
            raise RulesReadOnly(self._read_only)
        return self._parts[kind.type]


def _whole(standing: Standing, row: Row) -> Content:
    """What authors go on from, with the row's state."""
    return {**row.content, **standing.working}


def _check_key(key: str | None) -> None:
    if key is not None and not (0 < len(key) <= KEY_LENGTH and key.isprintable()):
        raise ConfigInvalid("Idempotency-Key", "1 to 128 printable characters")
