"""Tables under a deployment's own names, and what is read of them.

For the reading of rules and for who writes them. Columns that a table of others does not have are
read as what they would be by default.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    RowMapping,
    Table,
    inspect,
    literal,
    null,
    select,
    text,
)

from rules.source.naming import RuleNames, bound, statement
from rules.source.repository import PUBLISHED, ChainRow, chain_of, columns_of
from rules.source.tables import flow_chain, rule_component

FIRST_TENANT: Final = "1"
_DEFAULTS: Final[Mapping[str, ColumnElement[Any]]] = {
    "tenant_id": literal(FIRST_TENANT),
    "status": literal(PUBLISHED),
    "chain_enable": literal(1),
    "transactional": literal(1),
    "version": literal(1),
    "namespace": null(),
}


def chain_table(names: RuleNames) -> Table:
    """The table of chains; its columns answer to the names of the migrations."""
    return _named(flow_chain, names.chain_table, names.chain_fields)


def script_table(names: RuleNames) -> Table:
    """The table of scripts; its columns answer to the names of the migrations."""
    return _named(rule_component, names.script_table, names.script_fields)


def _named(table: Table, name: str, fields: Mapping[str, str]) -> Table:
    columns = (
        Column(
            fields.get(column.name, column.name),
            column.type,
            key=column.name,
            primary_key=column.primary_key,
        )
        for column in table.columns
    )
    return Table(name, MetaData(), *columns)


class NamedChains:
    """The chains of a deployment with its own table or SQL, all that are there each time."""

    def __init__(self, names: RuleNames, application: str, namespaces: tuple[str, ...]) -> None:
        self._names = names
        self._table = chain_table(names)
        self._application = application
        self._namespaces = namespaces

    def read(self, connection: Connection) -> dict[str, list[ChainRow]]:
        """All chains by namespace; a row without one is of the first."""
        found: dict[str, list[ChainRow]] = {namespace: [] for namespace in self._namespaces}
        for namespace, row in self._rows(connection):
            if namespace in found:
                found[namespace].append(row)
        return found

    def _rows(self, connection: Connection) -> Iterator[tuple[str, ChainRow]]:
        sql = self._names.custom_chain_sql
        if sql is None:
            there = self._present(connection)
            query = select(*self._columns(there)).where(
                self._table.c.application_name == self._application
            )
            for row in connection.execute(query).mappings():
                yield row["namespace"] or self._namespaces[0], _row(row)
            return
        tenants = self._tenants(connection) if self._names.by_tenant else [FIRST_TENANT]
        for tenant in tenants:
            given = {"applicationName": self._application, "tenantId": tenant}
            used = {name: given[name] for name in bound(sql)}
            for found in connection.execute(text(statement(sql)), used).mappings():
                yield self._selected(dict(found), tenant)

    def _selected(self, found: dict[str, Any], tenant: str) -> tuple[str, ChainRow]:
        """A row of the deployment's SQL, which has the table's names and leaves some out."""
        fields = self._names.chain_fields
        whose = tenant if self._names.by_tenant else found.get("tenant_id", tenant)
        usual = ChainRow(tenant=str(whose), name="", text="")
        given = {
            "name": found[fields["chain_name"]],
            "text": found[fields["chain_code"]],
            "description": found.get(fields["chain_desc"]),
            "enabled": found.get(fields["chain_enable"], 1),
            **{
                field: found.get(column, getattr(usual, field))
                for field, column in (
                    ("status", "status"),
                    ("transactional", "transactional"),
                    ("undo_policy", "undo_policy"),
                    ("extends", "extends_chain"),
                    ("route", "route"),
                    ("version", "version"),
                )
            },
        }
        namespace = found.get(fields["namespace"]) or self._namespaces[0]
        return namespace, _row({**given, "tenant": whose})

    def _tenants(self, connection: Connection) -> list[str]:
        column = self._table.c.tenant_id
        query = select(column).where(self._table.c.application_name == self._application)
        return [str(one) for one in connection.execute(query.distinct().order_by(column)).scalars()]

    def _present(self, connection: Connection) -> frozenset[str]:
        return frozenset(one["name"] for one in inspect(connection).get_columns(self._table.name))

    def _columns(self, there: frozenset[str]) -> Iterator[ColumnElement[Any]]:
        wanted = (*columns_of(self._table), self._table.c.namespace.label("namespace"))
        for label in wanted:
            column = label.element
            if column.name in there:
                yield label
            else:
                yield _DEFAULTS.get(column.key, null()).label(label.name)


def _row(found: RowMapping | Mapping[str, Any]) -> ChainRow:
    """A row of others' making, whose types are not ours."""
    return chain_of(
        {
            **found,
            "tenant": str(found["tenant"]),
            "text": found["text"] or "",
            "enabled": bool(found["enabled"]),
            "transactional": bool(found["transactional"]),
        }
    )
