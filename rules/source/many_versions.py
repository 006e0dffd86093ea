"""SQL on the versions of many chains and script components at once, with few queries.

For those who keep what was changed in the database itself. One version at a time is the matter of
`versions`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, exists, func, or_, select

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
    numbers: dict[Place, set[int]] = {}
    for place, version in asked:
        numbers.setdefault(place, set()).add(version)
    if not numbers:
        return {}
    these = or_(*(_at(place) & _KEPT.version.in_(few) for place, few in numbers.items()))
    query = select(*_PLACE, _KEPT.version, _KEPT.content_sha).where(these)
    return {(Place(*row[:5]), row[5]): row[6] for row in connection.execute(query)}


def newest_of(connection: Connection, places: Collection[Place]) -> dict[Place, int]:
    """The highest number that is kept of each place that has any."""
    if not places:
        return {}
    these = or_(*map(_at, places))
    query = select(*_PLACE, func.max(_KEPT.version)).where(these).group_by(*_PLACE)
    return {Place(*row[:5]): row[5] for row in connection.execute(query)}


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


def _at(place: Place) -> ColumnElement[bool]:
    return and_(
        *(column == value for column, value in zip(_PLACE, place, strict=True)),
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
