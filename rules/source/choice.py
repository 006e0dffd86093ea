"""Chooses where the rules come from, by the setting `rule_source`.

For the composition roots.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from rules.plan import ComponentPolicy
from rules.source.edits import Edits
from rules.source.from_files import FileRules
from rules.source.metadata import MetadataRepository
from rules.source.service import RuleSource
from rules.source.serving import ServedRules

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
) -> ServedRules:
    """The source that is chosen, `database` or `files:DIR`; it reads nothing yet."""
    if chosen == DATABASE:
        return RuleSource(
            engine,
            application,
            namespace,
            components,
            when_max_wait=when_max_wait,
            further=further,
        )

    def read_edits() -> Edits:
        with engine.connect() as connection:
            return MetadataRepository(engine, application).read_edits(connection)

    return FileRules(
        Path(chosen.removeprefix(FILES)),
        application,
        namespace,
        components,
        default_tenant=default_tenant,
        read_edits=read_edits,
        when_max_wait=when_max_wait,
        further=further,
    )
