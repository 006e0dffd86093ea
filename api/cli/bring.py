"""`chainsaga import`: chains and scripts from LiteFlow's files into the tables.

For `api.cli.processes`. Everything is checked before anything is written, and what is written is
written in one transaction, each row as a version.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from api.cli.brought import Answer, tell, tell_as_json
from api.cli.missing import missing_components
from api.cli.site import Site, stop
from rules.files.definitions import Definitions
from rules.files.folders import read_files, rule_files
from rules.files.problems import RuleFileInvalid
from rules.scripts import Components
from rules.source.bringing import Bringing, Target, bring
from rules.source.bringing_scripts import (
    BroughtScript,
    bring_scripts,
    judged,
    scripts_after,
)
from rules.source.storing import RowStale, lock_rules, store
from rules.source.tenant_scripts import Scripts
from rules.source.versions import Note

_WRITTEN: Final = ("added", "changed")
_OPERATOR_LENGTH: Final = 128
_REASON_LENGTH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How chains are brought; who does it, and why."""

    dry_run: bool = False
    publish: bool = False
    keep_going: bool = False
    operator: str | None = None
    reason: str | None = None
    as_json: bool = False


def run(files: Sequence[str], site: Site, options: Options) -> int:
    """Bring what the files define; 1 when a file or a chain is not as it should be."""
    show = tell_as_json if options.as_json else tell
    try:
        found = _read(files, site.namespace)
    except RuleFileInvalid as invalid:
        show(Answer(site.tenant, problems=invalid.problems))
        return 1
    target = Target(
        site.tenant,
        site.namespace,
        site.further,
        publish=options.publish,
        when_max_wait=site.when_max_wait,
    )
    registered = site.components()
    with site.database() as engine, site.engines() as engines:
        wanted = {*site.namespaces, *(target.namespace_of(chain) for chain in found.chains)}
        kept = site.rows(engine, sorted(wanted))
        scripts = bring_scripts(found.nodes, kept.scripts, target)
        before = Components(registered, Scripts(kept.all_scripts).of(site.tenant), engines)
        texts = scripts_after(scripts, kept.all_scripts, site.tenant)
        components = Components(registered, texts, engines)
        scripts = judged(scripts, components, engines.languages)
        bringing = bring(found.chains, kept.chains, components, target, before)
        sound = bringing.sound and all(one.outcome != "broken" for one in scripts)
        may = sound or options.keep_going
        if may and not options.dry_run:
            _write(bringing, scripts, site, engine, _note(files, options))
    show(
        Answer(
            site.tenant,
            bringing,
            scripts,
            remarks=found.remarks,
            missing=missing_components(found, bringing, components),
            written=may and not options.dry_run,
            dry_run=options.dry_run,
        )
    )
    return 0 if sound else 1


def _read(names: Sequence[str], namespace: str) -> Definitions:
    paths: list[Path] = []
    try:
        for name in names:
            path = Path(name)
            if not path.is_dir():
                paths.append(path)
                continue
            inside = rule_files(path)
            if not inside:
                stop(f"{path}: there is no .xml, .json, .yml or .yaml file in this folder")
            paths += inside
        return read_files(dict.fromkeys(paths), namespace)
    except OSError as error:
        stop(f"{error.filename}: {error.strerror}")


def _note(files: Sequence[str], options: Options) -> Note:
    reason = options.reason or f"import of {', '.join(files)}"
    operator = options.operator or _user()
    return Note("IMPORT", operator and operator[:_OPERATOR_LENGTH], reason[:_REASON_LENGTH])


def _user() -> str | None:
    try:
        return getuser()
    # Python says in either way that a user has no name, as in containers.
    except (KeyError, OSError):
        return None


def _write(
    bringing: Bringing, scripts: Sequence[BroughtScript], site: Site, engine: Engine, note: Note
) -> None:
    try:
        with engine.begin() as connection:
            lock_rules(connection)
            for script in scripts:
                if script.outcome in _WRITTEN:
                    store(connection, site.scripts(engine), script.before, script.row, note)
            for chain in bringing.chains:
                if chain.outcome in _WRITTEN:
                    shelf = site.chains(engine, chain.namespace)
                    store(connection, shelf, chain.before, chain.row, note)
    except RowStale as error:
        stop(f"{error}; nothing was written: import again")
