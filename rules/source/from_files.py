"""Reads rules from files in place of the database, such as while going back to them.

For the rule source (setting `rule_source=files:DIR`). Files right in the folder are the default
tenant's, those in a folder inside it are those of the tenant whose name it bears. Of a file that
cannot be read as it is the last good content counts, and the problem is told.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from rules.files.definitions import (
    SCRIPTS,
    USUAL_LANGUAGE,
    ChainDefinition,
    Definitions,
    NodeDefinition,
)
from rules.files.folders import rule_files, scripts_beside, tenant_folders
from rules.files.meaning import ScriptFile
from rules.files.problems import RuleFileInvalid
from rules.files.reading import duplicates, read_definitions
from rules.source.edits import NO_EDITS, Edits
from rules.source.keeping import Touched
from rules.source.past import NOTHING_STORED, Stored
from rules.source.reading import Everything
from rules.source.repository import PUBLISHED, ChainRow
from rules.source.revision import Mode, Stand
from rules.source.scripts import ScriptRow


@dataclass(frozen=True, slots=True)
class _Known:
    """A file as it was when it was last read. `good` is what it last defined without a fault.

    `scripts` are the texts of the files that it names; None for one that is not there.
    """

    data: bytes | None = None
    good: Definitions = field(default_factory=Definitions)
    problem: str | None = None
    scripts: Mapping[str, str | None] = field(default_factory=dict)


class FileOrigin:
    """The rules in a folder's files; the counterpart of `RuleReader`.

    `read_edits` gives the edits of policies, which stay in the database; while it cannot, the last
    ones hold. Chains that name no namespace are in the first of `namespaces`.
    """

    def __init__(
        self,
        folder: Path,
        namespaces: tuple[str, ...],
        *,
        default_tenant: str,
        read_edits: Callable[[], Edits],
    ) -> None:
        self._folder = folder
        self._namespaces = namespaces
        self._default_tenant = default_tenant
        self._read_edits = read_edits
        self._files: Mapping[tuple[str, Path], _Known] = {}
        self._edits = NO_EDITS
        self._edits_problem: str | None = None
        self._seen = 0

    @property
    def problems(self) -> tuple[str, ...]:
        """Files that are wrong, what is there twice, and a database that does not answer."""
        found = [known.problem for known in self._files.values() if known.problem]
        for whole in self._by_tenant().values():
            found += map(str, duplicates(whole, self._namespaces[0]))
        return (*found, *([self._edits_problem] if self._edits_problem else ()))

    def everything(self) -> Everything:
        """All that the files define now. Raises OSError when the folder cannot be read."""
        self._look()
        chains: dict[str, list[ChainRow]] = {name: [] for name in self._namespaces}
        scripts: list[ScriptRow] = []
        for tenant, whole in self._by_tenant().items():
            for namespace, chain in _first_chains(whole, self._namespaces[0]):
                if namespace in chains:
                    chains[namespace].append(_chain(tenant, chain))
            nodes = {node.id: node for node in reversed(whole.nodes) if node.type in SCRIPTS}
            scripts += [_script(tenant, nodes[id]) for id in sorted(nodes)]
        return Everything(self._stand, chains, self._edits, tuple(scripts))

    def changes(self, since: Stand) -> Everything | None:
        """Everything, if anything differs; None if nothing does. Raises as `everything` does."""
        return self.everything() if self.moved(since) else None

    def moved(self, since: Stand) -> bool:
        """Whether anything differs; raises as `everything` does."""
        self._look()
        return since != self._stand

    def numbered(self, read: Everything) -> Everything:
        """As it is: files have no versions."""
        return read

    def unkept(self, changes: Touched, before: Touched) -> bool:  # noqa: ARG002
        """No: files have no versions."""
        return False

    def keep(self, changes: Touched, before: Touched) -> Touched:  # noqa: ARG002
        """The same: files have no versions."""
        return changes

    def mode(self, stand: Stand) -> Mode:  # noqa: ARG002 # a database has several
        """By the files' content."""
        return "files"

    def earlier(self, namespace: str, tenant: str) -> Stored:  # noqa: ARG002
        """None: versions that the database keeps are not these files'."""
        return NOTHING_STORED

    @property
    def _stand(self) -> Stand:
        return Stand(0, None, (self._seen,))

    def _look(self) -> None:
        files = {key: _read(key[1], self._files.get(key)) for key in self._paths()}
        edits, problem = self._edited()
        before = (self._files, self._edits, self._edits_problem)
        if (files, edits, problem) != before or not self._seen:
            self._files, self._edits, self._edits_problem = files, edits, problem
            self._seen += 1

    def _paths(self) -> Iterator[tuple[str, Path]]:
        for path in rule_files(self._folder):
            yield self._default_tenant, path
        for tenant, folder in tenant_folders(self._folder).items():
            for path in rule_files(folder):
                yield tenant, path

    def _by_tenant(self) -> dict[str, Definitions]:
        parts: dict[str, list[Definitions]] = {}
        for (tenant, _), known in self._files.items():
            parts.setdefault(tenant, []).append(known.good)
        return {tenant: Definitions.together(own) for tenant, own in parts.items()}

    def _edited(self) -> tuple[Edits, str | None]:
        try:
            return self._read_edits(), None
        except (SQLAlchemyError, OSError) as error:
            words = getattr(error, "orig", None) or error
            told = f"the edited policies could not be read, the last ones hold: {words}"
            return self._edits, told


def _read(path: Path, before: _Known | None) -> _Known:
    good = before.good if before else Definitions()
    try:
        data = path.read_bytes()
    except OSError as error:
        return _Known(None, good, f"{path}: {error.strerror}")
    text_of = scripts_beside(path)
    if before is not None and before.data == data and _same(before.scripts, text_of):
        return before
    scripts: dict[str, str | None] = {}

    def noted(name: str) -> str | None:
        scripts[name] = text_of(name)
        return scripts[name]

    try:
        return _Known(data, read_definitions(str(path), data, noted), None, scripts)
    except RuleFileInvalid as invalid:
        return _Known(data, good, str(invalid), scripts)


def _same(scripts: Mapping[str, str | None], text_of: ScriptFile) -> bool:
    return all(text_of(name) == text for name, text in scripts.items())


def _first_chains(whole: Definitions, namespace: str) -> Iterator[tuple[str, ChainDefinition]]:
    """The chains with their namespaces; of those that are there twice the first ones."""
    first: dict[tuple[str, str], ChainDefinition] = {}
    for chain in whole.chains:
        first.setdefault((chain.namespace or namespace, chain.id), chain)
    for (name, _), chain in first.items():
        yield name, chain


def _chain(tenant: str, chain: ChainDefinition) -> ChainRow:
    """The chain as the table would have it."""
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
        version=_number(chain.text, chain.route, chain.extends),
    )


def _script(tenant: str, node: NodeDefinition) -> ScriptRow:
    """The script as the table would have it."""
    text, type, language = node.script or "", node.type or "script", node.language
    return ScriptRow(
        tenant=tenant,
        id=node.id,
        text=text,
        type=type,
        language=language or USUAL_LANGUAGE,
        name=node.name,
        status=node.status or PUBLISHED,
        enabled=node.enabled,
        version=_number(text, type, language),
    )


def _number(*texts: str | None) -> int:
    """A version. Nobody counts those of files: equal texts have an equal one, on every machine."""
    return int.from_bytes(sha256(repr(texts).encode()).digest()[:4]) >> 1
