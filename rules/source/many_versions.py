"""SQL on the versions of many chains and script components at once, with few queries.

For those who keep what was changed in the database itself. One version at a time is the matter of
`versions`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, exists, func, select

from rules.source.repository import any_of
from rules.source.tables import config_version, flow_chain, rule_component
from rules.source.versions import CHAIN, COMPONENT, ConfigType, Place

Names = Mapping[ConfigType, tuple[Table, Column[str]]]

_ROWS: Names = {
    CHAIN: (flow_chain, flow_chain.c.chain_name),
    COMPONENT: (rule_component, rule_component.c.component_id),
}
_KEPT = config_version.c
_PLACE = (
    _KEPT.application_name,
    _KEPT.config_type,
    _KEPT.namespace,
    _KEPT.tenant_id,
    _KEPT.chain_name,
)


def shas_of(
    connection: Connection, asked: Iterable[tuple[Place, int]]
) -> dict[tuple[Place, int], str]:
    """The SHAs of those of the versions that are kept."""
    wanted = set(asked)
    numbers = {version for _, version in wanted}
    found: dict[tuple[Place, int], str] = {}
    for these in _at({place for place, _ in wanted}):
        query = select(*_PLACE, _KEPT.version, _KEPT.content_sha).where(
            *these, _KEPT.version.in_(numbers)
        )
        found |= {(Place(*row[:5]), row[5]): row[6] for row in connection.execute(query)}
    return {version: sha for version, sha in found.items() if version in wanted}


def newest_of(connection: Connection, places: Collection[Place]) -> dict[Place, int]:
    """The highest number that is kept of each place that has any."""
    found: dict[Place, int] = {}
    for these in _at(places):
        query = select(*_PLACE, func.max(_KEPT.version)).where(*these).group_by(*_PLACE)
        found |= {Place(*row[:5]): row[5] for row in connection.execute(query)}
    return found


def shas_of_rows(
    connection: Connection, application: str, type: ConfigType, namespaces: Sequence[str]
) -> dict[tuple[Place, int], str]:
    """What the rows' own numbers name, of all rows whose number names something."""
    table, _ = _ROWS[type]
    same = (*_same(type), _KEPT.version == table.c.version)
    query = (
        select(*_PLACE, _KEPT.version, _KEPT.content_sha)
        .select_from(table.join(config_version, and_(*same)))
        .where(*_ours(application, type, namespaces))
    )
    return {(Place(*row[:5]), row[5]): row[6] for row in connection.execute(query)}


def outnumbered(
    connection: Connection, application: str, type: ConfigType, namespaces: Sequence[str]
) -> set[Place]:
    """Of which rows there are versions, but none with the row's own number."""
    table, name = _ROWS[type]
    any_version = exists().where(*_same(type))
    this_one = any_version.where(_KEPT.version == table.c.version)
    namespace = [table.c.namespace] if type == CHAIN else []
    query = (
        select(table.c.tenant_id, name, *namespace)
        .where(*_ours(application, type, namespaces))
        .where(any_version, ~this_one)
    )
    return {
        Place(application, type, row[2] if namespace else "", row[0], row[1])
        for row in connection.execute(query)
    }


def _at(places: Iterable[Place]) -> Iterator[tuple[ColumnElement[bool], ...]]:
    """The places, those of one table and namespace at a time."""
    tables: dict[tuple[str, ConfigType, str], list[tuple[str, str]]] = {}
    for application, type, namespace, tenant, name in places:
        tables.setdefault((application, type, namespace), []).append((tenant, name))
    for (application, type, namespace), keys in tables.items():
        yield (
            _KEPT.application_name == application,
            _KEPT.config_type == type,
            _KEPT.namespace == namespace,
            any_of(_KEPT.tenant_id, _KEPT.chain_name, keys),
        )


def _same(type: ConfigType) -> tuple[ColumnElement[bool], ...]:
    """Which versions are those of a row."""
    table, name = _ROWS[type]
    return (
        _KEPT.application_name == table.c.application_name,
        _KEPT.config_type == type,
        _KEPT.namespace == (table.c.namespace if type == CHAIN else ""),
        _KEPT.tenant_id == table.c.tenant_id,
        _KEPT.chain_name == name,
    )


def _ours(
    application: str, type: ConfigType, namespaces: Sequence[str]
) -> tuple[ColumnElement[bool], ...]:
    table, _ = _ROWS[type]
    ours = (table.c.application_name == application,)
    return (*ours, table.c.namespace.in_(namespaces)) if type == CHAIN else ours
