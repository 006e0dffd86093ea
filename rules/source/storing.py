"""Writes a chain or a script component, and keeps the version that this makes.

For the import. What was changed in the database itself is kept too, before it is overwritten, so
that every version that ever served can be brought back.
"""

from dataclasses import replace
from typing import Final, Literal, Protocol, TypeVar

from sqlalchemy import Connection, update

from rules.errors import RuleError
from rules.source.repository import ChainRow
from rules.source.scripts import ScriptRow
from rules.source.tables import rule_revision
from rules.source.versions import Note, Place, kept_shas, record, sha_of

R = TypeVar("R", ChainRow, ScriptRow)

FOUND: Final = Note("FOUND")


class RowStale(RuleError):
    """Somebody else has changed a row since it was read."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"somebody else has changed '{name}' meanwhile")


class Shelf(Protocol[R]):
    """A table of such rows, for one application and, if they have one, namespace."""

    @property
    def type(self) -> Literal["CHAIN", "COMPONENT"]:
        """What is kept of them."""
        ...

    @property
    def application(self) -> str:
        """Whose rows they are."""
        ...

    @property
    def namespace(self) -> str:
        """Empty for what has none."""
        ...

    def find(self, connection: Connection, tenant: str, name: str) -> R | None:
        """One row, if there is one."""
        ...

    def name_of(self, row: R) -> str:
        """What it is called."""
        ...

    def put(self, connection: Connection, row: R, *, new: bool) -> None:
        """Write a row as it is."""
        ...


def lock_rules(connection: Connection) -> None:
    """Let no other change of the rules in until the transaction ends."""
    connection.execute(
        update(rule_revision)
        .where(rule_revision.c.id == 1)
        .values(revision=rule_revision.c.revision)
    )


def store(connection: Connection, shelf: Shelf[R], before: R | None, wanted: R, note: Note) -> R:
    """Write the row over what it was, under the next version's number, and keep that version.

    In a transaction that has locked the rules. What is as wanted already is not written, whoever
    wrote it. Gives the row as it now is. Raises RowStale if it is not as `before` any more.
    """
    name = shelf.name_of(wanted)
    found = shelf.find(connection, wanted.tenant, name)
    if found is not None and found.content == wanted.content:
        return found
    if found != before:
        raise RowStale(name)
    place = Place(shelf.application, shelf.type, shelf.namespace, wanted.tenant, name)
    kept = kept_shas(connection, place)
    newest = max(kept, default=0)
    if found is not None:
        if kept.get(found.version) != sha_of(found.content):
            number = max(found.version, newest + 1)
            record(connection, place, number, found.content, FOUND)
            newest = number
        newest = max(newest, found.version)
    row = replace(wanted, version=newest + 1)
    record(connection, place, row.version, row.content, note)
    shelf.put(connection, row, new=found is None)
    return row
