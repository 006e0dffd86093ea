"""What a tenant's chains and scripts were, from the table of versions.

For the reading of rules, which hands it to the quarantine.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Engine

from rules.source.edits import DEFAULT_TENANT
from rules.source.past import Levels, Once
from rules.source.repository import ChainRow
from rules.source.scripts import ScriptRow
from rules.source.versions import chain_history, script_history

R = TypeVar("R", ChainRow, ScriptRow)


class Histories:
    """The versions of one tenant's chains, in the first of these namespaces, and of its scripts.

    Behind a chain stands that of the other namespace, behind a script that of all tenants.
    """

    def __init__(
        self, engine: Engine, application: str, namespaces: Sequence[str], tenant: str
    ) -> None:
        self._engine = engine
        self._application = application
        self._namespaces = namespaces
        self._tenant = tenant

    def chains(self, names: Sequence[str]) -> Mapping[str, Levels[ChainRow]]:
        """Of chains, by name. Raises SQLAlchemyError."""

        def told(connection: Connection, namespace: str) -> Mapping[str, Sequence[Once[ChainRow]]]:
            return chain_history(connection, self._application, namespace, self._tenant, names)

        return self._levels(names, self._namespaces, told)

    def scripts(self, ids: Sequence[str]) -> Mapping[str, Levels[ScriptRow]]:
        """Of script components, by id. Raises SQLAlchemyError."""

        def told(connection: Connection, tenant: str) -> Mapping[str, Sequence[Once[ScriptRow]]]:
            return script_history(connection, self._application, tenant, ids)

        return self._levels(ids, tuple(dict.fromkeys((self._tenant, DEFAULT_TENANT))), told)

    def _levels(
        self,
        names: Sequence[str],
        places: Sequence[str],
        told: Callable[[Connection, str], Mapping[str, Sequence[Once[R]]]],
    ) -> Mapping[str, Levels[R]]:
        with self._engine.connect() as connection:
            found = [told(connection, place) for place in places]
        return {name: [level.get(name, ()) for level in found] for name in names}
