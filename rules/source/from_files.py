"""Serves chains from rule files in place of the database, such as while going back to them.

For the composition roots (setting `rule_source=files:DIR`). Files right in the folder are the
default tenant's, those in a folder inside it are those of the tenant whose name it bears. A file
that cannot be read as it is leaves its last good content serving, and the source degraded.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from rules.errors import RulesUnavailable
from rules.files.definitions import ChainDefinition, Definitions
from rules.files.folders import read_file, rule_files, tenant_folders
from rules.files.problems import RuleFileInvalid
from rules.files.reading import duplicates
from rules.plan import ComponentPolicy
from rules.source.edits import NO_EDITS, Edits
from rules.source.repository import PUBLISHED, ChainRow
from rules.source.service import RETRY_SECONDS, Degraded, RuleStatus
from rules.source.snapshot import Snapshot

_REASON: Final = 500
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    """A file as it was when it was last read. `good` is what it last defined without a fault."""

    data: bytes | None
    good: Definitions
    problem: str | None


class FileRules:
    """The chains in a folder's rule files; the counterpart of `RuleSource`.

    `read_edits` gives the edits of policies, which stay in the database; while it cannot, the last
    ones hold. Chains that name no namespace are in `namespace`, which is the first of those served.
    """

    def __init__(
        self,
        folder: Path,
        application: str,
        namespace: str,
        components: Mapping[str, ComponentPolicy],
        *,
        default_tenant: str,
        read_edits: Callable[[], Edits],
        when_max_wait: int | None = None,
        further: Iterable[str] = (),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.namespaces: Final = tuple(dict.fromkeys((namespace, *further)))
        self._folder = folder
        self._application = application
        self._components = components
        self._default_tenant = default_tenant
        self._read_edits = read_edits
        self._when_max_wait = when_max_wait
        self._clock = clock
        self._refreshing = threading.Lock()
        self._files: dict[tuple[str, Path], _Known] = {}
        self._edits = NO_EDITS
        self._snapshots: Mapping[str, Snapshot] = {}
        self._refreshed_at: datetime | None = None
        self._degraded: Degraded | None = None
        self._tried_at: float | None = None

    def refresh(self) -> bool:
        """Read the files, and swap the snapshot; False if the folder cannot be read."""
        with self._refreshing:
            return self._refresh()

    def _refresh(self) -> bool:
        self._tried_at = self._clock()
        try:
            paths = self._paths()
        except OSError as error:
            self._note([f"{error.filename}: {error.strerror}"])
            return False
        self._files = {key: _read(key[1], self._files.get(key)) for key in paths}
        problems = [known.problem for known in self._files.values() if known.problem]
        rows, twice = self._rows()
        problems += [*twice, *self._refresh_edits()]
        base = rows[self.namespaces[0]]
        self._snapshots = {
            name: Snapshot(
                own,
                self._components,
                self._snapshots.get(name),
                edits=self._edits,
                when_max_wait=self._when_max_wait,
                beneath=() if name == self.namespaces[0] else base,
            )
            for name, own in rows.items()
        }
        self._refreshed_at = datetime.now(UTC)
        self._note(problems)
        return True

    def _paths(self) -> list[tuple[str, Path]]:
        """The files, with their tenants. Raises OSError."""
        found = [(self._default_tenant, path) for path in rule_files(self._folder)]
        for tenant, folder in tenant_folders(self._folder).items():
            found += [(tenant, path) for path in rule_files(folder)]
        return found

    def _rows(self) -> tuple[dict[str, list[ChainRow]], list[str]]:
        """The rows by namespace that is served, and what is there twice: the first one counts."""
        rows: dict[str, list[ChainRow]] = {name: [] for name in self.namespaces}
        problems: list[str] = []
        by_tenant: dict[str, list[Definitions]] = {}
        for (tenant, _), known in self._files.items():
            by_tenant.setdefault(tenant, []).append(known.good)
        for tenant, parts in by_tenant.items():
            found = Definitions.together(parts)
            problems += map(str, duplicates(found, self.namespaces[0]))
            first: dict[tuple[str, str], ChainDefinition] = {}
            for chain in found.chains:
                first.setdefault((chain.namespace or self.namespaces[0], chain.id), chain)
            for (namespace, _), chain in first.items():
                if namespace in rows:
                    rows[namespace].append(_row(tenant, chain))
        return rows, problems

    def _refresh_edits(self) -> Iterator[str]:
        try:
            self._edits = self._read_edits()
        except (SQLAlchemyError, OSError) as error:
            words = getattr(error, "orig", None) or error
            yield f"the edited policies could not be read, the last ones hold: {words}"

    def _note(self, problems: list[str]) -> None:
        """Be degraded as long as there are problems; say so when they change."""
        before = self._degraded
        if not problems:
            if before is not None:
                _log.info("rules_read_again", degraded_since=before.since.isoformat())
            self._degraded = None
            return
        reason = "; ".join(problems)[:_REASON]
        self._degraded = Degraded(reason, before.since if before else datetime.now(UTC))
        if before is None or before.reason != reason:
            serving = bool(self._snapshots)
            _log.error("rules_not_read", serving_old=serving, error=reason, source="files")

    @property
    def snapshot(self) -> Snapshot:
        """The served rules. Raises RulesUnavailable while the folder could never be read."""
        return self.snapshot_of(self.namespaces[0])

    def snapshot_of(self, namespace: str) -> Snapshot:
        """The served rules of one of `namespaces`; raises as `snapshot` does."""
        if not self._snapshots:
            self.look_again()
        if not self._snapshots:
            raise RulesUnavailable(self._degraded.reason if self._degraded else "not read yet")
        return self._snapshots[namespace]

    def look_again(self) -> bool:
        """Read the files before their time, for someone who misses a chain.

        False if nothing new was read, also because that was tried within the last few seconds.
        """
        with self._refreshing:
            now = self._clock()
            may = self._tried_at is None or now - self._tried_at >= RETRY_SECONDS
            return may and self._refresh()

    @property
    def status(self) -> RuleStatus:
        """How current the served rules are."""
        snapshot = self._snapshots.get(self.namespaces[0])
        tenants = snapshot.tenants if snapshot else frozenset()
        return RuleStatus(
            application=self._application,
            namespace=self.namespaces[0],
            chains=sum(len(snapshot.chains(t)) for t in tenants) if snapshot else 0,
            tenants=len(tenants),
            refreshed_at=self._refreshed_at,
            degraded=self._degraded,
        )


def _read(path: Path, before: _Known | None) -> _Known:
    good = before.good if before else Definitions()
    try:
        data = path.read_bytes()
    except OSError as error:
        return _Known(None, good, f"{path}: {error.strerror}")
    # What was wrong may be mended elsewhere: in a script that the file names.
    if before is not None and before.data == data and before.problem is None:
        return before
    try:
        return _Known(data, read_file(path, data), None)
    except RuleFileInvalid as invalid:
        return _Known(data, good, str(invalid))


def _row(tenant: str, chain: ChainDefinition) -> ChainRow:
    """The chain as the table would have it.

    Nobody counts the versions of files: equal texts have an equal number, on every machine.
    """
    digest = sha256(repr((chain.text, chain.route, chain.extends)).encode()).digest()
    return ChainRow(
        tenant=tenant,
        name=chain.id,
        text=chain.text,
        description=chain.description,
        status=chain.status or PUBLISHED,
        enabled=chain.enabled,
        transactional=chain.transactional is not False,
        undo_policy=chain.undo_policy,
        extends=chain.extends,
        route=chain.route,
        version=int.from_bytes(digest[:4]) >> 1,
    )
