"""Chooses where the rules come from, by the setting `rule_source`.

For the composition roots.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from rules.plan import ComponentPolicy
from rules.scripts import NO_ENGINES, Engines
from rules.source.edits import Edits
from rules.source.from_files import FileOrigin
from rules.source.lock import RefreshLock
from rules.source.metadata import MetadataRepository
from rules.source.options import RuleOptions
from rules.source.origin import Origin
from rules.source.reading import RuleReader
from rules.source.service import RuleSource

DATABASE: Final = "database"
FILES: Final = "files:"


def open_rules(
    options: RuleOptions,
    engine: Engine,
    components: Mapping[str, ComponentPolicy],
    engines: Engines = NO_ENGINES,
    lock: RefreshLock | None = None,
) -> RuleSource:
    """The source that reads what is chosen; it reads nothing yet. Instances may share a `lock`."""
    application = options.application
    namespaces = tuple(dict.fromkeys((options.namespace, *options.further)))

    def read_edits() -> Edits:
        with engine.connect() as connection:
            return MetadataRepository(engine, application).read_edits(connection)

    origin: Origin
    if options.chosen == DATABASE:
        origin = RuleReader(engine, application, namespaces, options.names)
    else:
        origin = FileOrigin(
            Path(options.chosen.removeprefix(FILES)),
            namespaces,
            default_tenant=options.default_tenant,
            read_edits=read_edits,
        )
    return RuleSource(
        engine,
        application,
        options.namespace,
        components,
        when_max_wait=options.when_max_wait,
        further=options.further,
        origin=origin,
        most_plans=options.most_plans,
        engines=engines,
        lock=lock,
    )
