"""Rules go from files into the tables and back, and are the same: by import, export and serving."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from api.cli import bring, export
from api.cli.bring import Options
from api.cli.site import Site
from rules.files.definitions import SCRIPTS, ChainDefinition, Definitions, NodeDefinition, tidy
from rules.files.folders import read_files
from rules.files.writing import FORMATS, Format, write_definitions
from rules.source.edits import NO_EDITS
from rules.source.from_files import FileOrigin
from rules.source.repository import ChainRow
from rules.source.scripts import ScriptRow
from rules.source.storing import lock_rules, store
from rules.source.tables import config_version
from rules.source.versions import Note
from tests.activities.mirror.stores import Stores


def taken(site: Site, *files: Path, **options: Any) -> int:
    return bring.run([str(file) for file in files], site, Options(**options))


def versions(site: Site) -> int:
    """How many are kept of the tenant's rules."""
    query = select(func.count()).where(config_version.c.tenant_id == site.tenant)
    with site.database() as engine, engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


TEXTS = st.sampled_from(
    [
        "THEN(createOrder, pay);",
        "THEN(createOrder,\n    // ]]> & <b> 下单\n    WHEN(pay, notify));",
        "IF(isVip, pay);",
    ]
)
ODD = st.text("abN {}();\t\n\r\"'\\<>&]#:-|é\u2028\U0001f600", max_size=12)
SHORT = ODD.map(str.strip).filter(bool)
NAMES = st.sampled_from(["order", "Order", "null", "a-b", "下单", "yes"])
STATES = st.none() | st.sampled_from(["DRAFT", "ARCHIVED", "PUBLISHED"])


@st.composite
def chains(draw: st.DrawFn) -> ChainDefinition:
    enabled = draw(st.booleans())
    return ChainDefinition(
        id=draw(NAMES),
        text=draw(TEXTS if enabled else SHORT.map(tidy)),
        route=draw(st.none() | st.sampled_from(["isVip", "AND(isVip,\n  isVip)"])),
        namespace=draw(st.sampled_from([None, "default", "campaigns", "further"])),
        enabled=enabled,
        description=draw(st.none() | SHORT),
        transactional=draw(st.none() | st.booleans()),
        undo_policy=draw(st.sampled_from([None, "stop", "continue"])),
        status=draw(STATES),
    )


NODES = st.builds(
    NodeDefinition,
    id=st.sampled_from(["s", "S", "draw", "抽奖"]),
    type=st.sampled_from(sorted(SCRIPTS)),
    name=st.none() | SHORT,
    language=st.sampled_from([None, "groovy", "qlexpress"]),
    script=SHORT.map(tidy),
    enabled=st.booleans(),
    status=STATES,
)
DEFINITIONS = st.builds(
    Definitions,
    st.lists(chains(), max_size=5, unique_by=lambda one: (one.namespace or "default", one.id)).map(
        tuple
    ),
    st.lists(NODES, max_size=3, unique_by=lambda one: one.id).map(tuple),
).filter(lambda found: bool(found.chains or found.nodes))


def meant(found: Definitions) -> tuple[set[ChainDefinition], set[NodeDefinition]]:
    """What definitions say, however they say it."""
    return (
        {
            replace(
                chain,
                namespace=None if chain.namespace == "default" else chain.namespace,
                transactional=chain.transactional and None,
                status=None if chain.status == "PUBLISHED" else chain.status,
            )
            for chain in found.chains
        },
        {
            replace(
                node,
                language=node.language or "java",
                status=None if node.status == "PUBLISHED" else node.status,
            )
            for node in found.nodes
        },
    )


@pytest.fixture(scope="module")
def tenants(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[Site]]:
    """For each example a new tenant of one database."""
    names = (str(number) for number in count(1))
    with stores.migrated("sqlite", tmp_path_factory.mktemp("trips")) as url:
        packages = ("activities.components",)
        yield (
            Site(url, "dms-liteflow", "default", ("campaigns", "further"), packages, name)
            for name in names
        )


slowly = settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("format", FORMATS)
@slowly
@given(found=DEFINITIONS, data=st.data())
def test_what_is_imported_is_exported(
    tenants: Iterator[Site], tmp_path: Path, format: Format, found: Definitions, data: st.DataObject
) -> None:
    site = next(tenants)
    given, came = tmp_path / f"given.{format}", tmp_path / "came.json"
    given.write_text(write_definitions(found, format), encoding="utf-8")
    assert taken(site, given, publish=True) == 0
    assert export.run(str(came), None, site) == 0
    assert meant(read_files([came], "default")) == meant(found)
    before = versions(site)
    assert before == len(found.chains) + len(found.nodes)
    publish = data.draw(st.booleans())
    for again in (came, given, came):
        assert taken(site, again, publish=publish) == 0
    assert versions(site) == before


ROWS = st.builds(
    ChainRow,
    tenant=st.just(""),
    name=NAMES,
    text=TEXTS.map(lambda text: f"\r\n  {text}\n".replace("\n", "\r\n")) | TEXTS,
    description=st.none() | ODD,
    status=st.sampled_from(["PUBLISHED", "DRAFT", "ARCHIVED"]),
    enabled=st.booleans(),
    transactional=st.booleans(),
    undo_policy=st.sampled_from([None, "stop", "continue"]),
    route=st.sampled_from([None, "", "isVip", "  AND(isVip, isVip)\n"]),
)
SCRIPT_ROWS = st.builds(
    ScriptRow,
    tenant=st.just(""),
    id=st.sampled_from(["s", "S", "draw"]),
    text=st.sampled_from(["return 1", "  if (a) {\r\n    b\n  }\n", "<![CDATA[]]>"]),
    type=st.sampled_from(sorted(SCRIPTS)),
    language=st.sampled_from(["java", "groovy"]),
    name=st.none() | ODD,
    status=st.sampled_from(["PUBLISHED", "DRAFT"]),
    enabled=st.booleans(),
)


@pytest.mark.parametrize("format", FORMATS)
@slowly
@given(
    chains=st.lists(ROWS, min_size=1, max_size=4, unique_by=lambda row: row.name),
    scripts=st.lists(SCRIPT_ROWS, max_size=3, unique_by=lambda row: row.id),
)
def test_what_others_wrote_is_exported_and_imported(
    tenants: Iterator[Site],
    tmp_path: Path,
    format: Format,
    chains: list[ChainRow],
    scripts: list[ScriptRow],
) -> None:
    """Into where it is, where it changes nothing; and for another tenant, who then has the same."""
    site, other = next(tenants), next(tenants)
    with site.database() as engine:
        written(site, engine, chains, scripts)
    before = versions(site)
    file = tmp_path / f"all.{format}"
    assert export.run(str(file), None, site) == 0
    for publish in (False, True):
        assert taken(site, file, publish=publish) == 0
    assert versions(site) == before
    assert taken(other, file, publish=True) == 0
    with site.database() as engine:
        assert texts(other, engine) == texts(site, engine)


def written(
    site: Site, engine: Engine, chains: Iterable[ChainRow], scripts: Iterable[ScriptRow]
) -> None:
    note = Note("CREATE", "ann")
    with engine.begin() as connection:
        lock_rules(connection)
        for chain in chains:
            shelf = site.chains(engine, "default")
            store(connection, shelf, None, replace(chain, tenant=site.tenant), note)
        for script in scripts:
            own = replace(script, tenant=site.tenant)
            store(connection, site.scripts(engine), None, own, note)


def texts(site: Site, engine: Engine) -> tuple[list[ChainRow], list[ScriptRow]]:
    """What a tenant has, but for whose it is and blanks around it."""
    kept = site.rows(engine, ["default"])
    chains = [
        replace(
            row,
            tenant="",
            text=tidy(row.text),
            route=tidy(row.route or "") or None,
            description=row.description or None,
        )
        for row in kept.chains["default"]
    ]
    scripts = [
        replace(row, tenant="", text=tidy(row.text), name=row.name or None) for row in kept.scripts
    ]
    return chains, scripts


@slowly
@given(found=DEFINITIONS)
def test_files_serve_the_rows_that_an_import_of_them_makes(
    tenants: Iterator[Site], tmp_path: Path, found: Definitions
) -> None:
    site = next(tenants)
    folder = tmp_path / "flow"
    folder.mkdir(exist_ok=True)
    (folder / "flow.json").write_text(write_definitions(found, "json"), encoding="utf-8")
    assert taken(site, folder, publish=True) == 0
    origin = FileOrigin(
        folder, site.namespaces, default_tenant=site.tenant, read_edits=lambda: NO_EDITS
    )
    served = origin.everything()
    with site.database() as engine:
        kept = site.rows(engine, site.namespaces)
    assert [replace(row, version=1) for row in served.scripts] == list(kept.scripts)
    for namespace, rows in served.chains.items():
        own = sorted(rows, key=lambda row: row.name)
        assert [replace(row, version=1) for row in own] == list(kept.chains[namespace])
