"""Chooses where the rules come from, by the setting `rule_source`.

For the composition roots.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from rules.plan import ComponentPolicy
from rules.scripts import NO_ENGINES, Engines
from rules.source.edits import Edits
from rules.source.from_files import FileOrigin
from rules.source.metadata import MetadataRepository
from rules.source.naming import RuleNames
from rules.source.origin import Origin
from rules.source.plans import MOST_PLANS
from rules.source.reading import USUAL, RuleReader
from rules.source.service import RuleSource

DATABASE: Final = "database"
FILES: Final = "files:"


def open_rules(
    chosen: str,
    engine: Engine,
    application: str,
    namespace: str,
    components: Mapping[str, ComponentPolicy],
    *,
    default_tenant: str,
    when_max_wait: int | None = None,
    further: Iterable[str] = (),
    names: RuleNames = USUAL,
    most_plans: int = MOST_PLANS,
    engines: Engines = NO_ENGINES,
) -> RuleSource:
    """The source that reads what is chosen, `database` or `files:DIR`; it reads nothing yet."""
    namespaces = tuple(dict.fromkeys((namespace, *further)))

    def read_edits() -> Edits:
        with engine.connect() as connection:
            return MetadataRepository(engine, application).read_edits(connection)

    origin: Origin
    if chosen == DATABASE:
        origin = RuleReader(engine, application, namespaces, names)
    else:
        origin = FileOrigin(
            Path(chosen.removeprefix(FILES)),
            namespaces,
            default_tenant=default_tenant,
            read_edits=read_edits,
        )
    return RuleSource(
        engine,
        application,
        namespace,
        components,
        when_max_wait=when_max_wait,
        further=further,
        origin=origin,
        most_plans=most_plans,
        engines=engines,
    )
