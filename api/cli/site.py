"""What the commands that need the database know of the deployment, and how they fail.

For `import` and `export`. The settings are read by who starts them.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from activities.errors import ActivityError
from activities.registry import discover
from activities.scripts.engine import ScriptEngines, ScriptLimits
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.named import chain_table, script_table
from rules.source.naming import RuleNames
from rules.source.reading import USUAL
from rules.source.repository import ChainRepository, ChainRow
from rules.source.script_repository import ScriptRepository
from rules.source.scripts import ScriptRow

USUAL_LIMITS: Final = ScriptLimits()

R = TypeVar("R", ChainRow, ScriptRow)


@dataclass(frozen=True, slots=True)
class Kept:
    """A tenant's chains by namespace, and its scripts; `all_scripts` are those of others, too."""

    chains: Mapping[str, Sequence[ChainRow]]
    scripts: Sequence[ScriptRow]
    all_scripts: Sequence[ScriptRow]


@dataclass(frozen=True, slots=True)
class Site:
    """Whose chains are meant, and where they are kept."""

    database_url: str
    application: str
    namespace: str
    further: tuple[str, ...]
    packages: tuple[str, ...]
    tenant: str
    when_max_wait: int | None = None
    names: RuleNames = USUAL
    limits: ScriptLimits = USUAL_LIMITS
    jvm: bool = False

    @property
    def namespaces(self) -> tuple[str, ...]:
        """All namespaces that are served."""
        return tuple(dict.fromkeys((self.namespace, *self.further)))

    def components(self) -> Mapping[str, ComponentPolicy]:
        """The components that this deployment has; ends the command if they cannot be loaded."""
        try:
            return discover(self.packages).policies
        except ActivityError as error:
            stop(str(error))

    @contextmanager
    def engines(self) -> Iterator[ScriptEngines]:
        """What says whether scripts are sound."""
        engines = ScriptEngines(self.limits, jvm=self.jvm)
        try:
            yield engines
        finally:
            engines.close()

    @contextmanager
    def database(self) -> Iterator[Engine]:
        """The database; what goes wrong there ends the command."""
        engine = create_engine_for(self.database_url, "chainsaga-command")
        try:
            yield engine
        except (SQLAlchemyError, OSError) as error:
            words = str(getattr(error, "orig", None) or error)[:500]
            stop(f"the database of CHAINSAGA_DATABASE_URL: {words}; its tables: chainsaga migrate")
        finally:
            engine.dispose()

    def chains(self, engine: Engine, namespace: str) -> ChainRepository:
        """The table of chains."""
        return ChainRepository(engine, self.application, namespace, chain_table(self.names))

    def scripts(self, engine: Engine) -> ScriptRepository:
        """The table of script components."""
        return ScriptRepository(engine, self.application, script_table(self.names))

    def rows(self, engine: Engine, namespaces: Sequence[str]) -> Kept:
        """What the tenant has, as it was at one moment."""
        with engine.connect() as connection:
            return Kept(
                {
                    name: self._own(self.chains(engine, name).read_all(connection))
                    for name in namespaces
                },
                self._own(scripts := self.scripts(engine).read_all(connection)),
                scripts,
            )

    def _own(self, rows: Iterable[R]) -> tuple[R, ...]:
        return tuple(row for row in rows if row.tenant == self.tenant)


def stop(words: str) -> NoReturn:
    """End the command, which could not be carried out."""
    print(words, file=sys.stderr)
    raise SystemExit(2)
