"""`chainsaga import`: chains from LiteFlow's files into the table.

For `api.cli.processes`. Everything is checked before anything is written, and what is written is
written in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from api.cli.brought import Answer, tell, tell_as_json
from api.cli.missing import missing_components
from api.cli.site import Site, stop
from rules.files.definitions import Definitions
from rules.files.folders import read_files, rule_files
from rules.files.problems import RuleFileInvalid
from rules.source.bringing import Bringing, Target, bring
from rules.source.repository import ChainRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How chains are brought."""

    dry_run: bool = False
    publish: bool = False
    keep_going: bool = False
    as_json: bool = False


def run(files: Sequence[str], site: Site, options: Options) -> int:
    """Bring the chains of the files; 1 when a file or a chain is not as it should be."""
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
    components = site.components()
    with site.database() as engine:
        wanted = {*site.namespaces, *(target.namespace_of(chain) for chain in found.chains)}
        bringing = bring(found.chains, site.rows(engine, sorted(wanted)), components, target)
        may = bringing.sound or options.keep_going
        if may and not options.dry_run:
            _write(bringing, site, engine)
    show(
        Answer(
            site.tenant,
            bringing,
            nodes=found.nodes,
            remarks=found.remarks,
            missing=missing_components(found, bringing, components),
            written=may and not options.dry_run,
            dry_run=options.dry_run,
        )
    )
    return 0 if bringing.sound else 1


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


def _write(bringing: Bringing, site: Site, engine: Engine) -> None:
    with engine.begin() as connection:
        for namespace, row in bringing.rows:
            ChainRepository(engine, site.application, namespace).save(row, connection)
