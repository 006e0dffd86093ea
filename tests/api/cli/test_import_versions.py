"""The versions that imports keep: who did it, when, and why."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from api.cli import bring
from api.cli.bring import Options
from api.cli.site import Site
from dev.stack import ROOT
from rules.source.bringing_scripts import bring_scripts
from rules.source.naming import RuleNames
from rules.source.scripts import ScriptRow
from rules.source.tables import config_version, flow_chain
from tests.activities.mirror.stores import STORES

Captured = pytest.CaptureFixture[str]
Version = tuple[str, str, int, str, str | None, str | None]

SHOP = ROOT / "examples" / "liteflow" / "shop.el.xml"
SCRIPTED = """<flow>
  <nodes>
    <node id="draw" name="a lot" type="boolean_script" language="groovy">return true</node>
    <node id="count" type="for_script" file="count.js"/>
    <node id="pay" class="com.example.Pay"/>
  </nodes>
  <chain id="good">THEN(createOrder, pay)</chain>
</flow>
"""


def taken(site: Site, *files: Path, **options: Any) -> int:
    return bring.run([str(file) for file in files], site, Options(**options))


def versions(site: Site) -> list[Version]:
    c = config_version.c
    columns = (c.config_type, c.chain_name, c.version, c.change_type, c.operator, c.reason)
    query = select(*columns).where(c.tenant_id == site.tenant).order_by(c.id)
    with site.database() as engine, engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def scripted(folder: Path) -> Path:
    (folder / "count.js").write_text("return 3\n")
    path = folder / "flow.xml"
    path.write_text(SCRIPTED)
    return path


@pytest.mark.parametrize("url", STORES, indirect=True)
def test_each_import_that_changes_something_is_a_version(site: Site, tmp_path: Path) -> None:
    path = scripted(tmp_path)
    why: dict[str, Any] = {"operator": "ann", "reason": "moving in", "publish": True}
    assert taken(site, path, **why) == 0
    first: list[Version] = [
        ("COMPONENT", "draw", 1, "IMPORT", "ann", "moving in"),
        ("COMPONENT", "count", 1, "IMPORT", "ann", "moving in"),
        ("CHAIN", "good", 1, "IMPORT", "ann", "moving in"),
    ]
    assert versions(site) == first
    with site.database() as engine:
        rows = site.rows(engine, ["default"])
    draw, counting = sorted(rows.scripts, key=lambda one: one.id, reverse=True)
    assert draw == ScriptRow(
        tenant="1",
        id="draw",
        text="return true",
        type="boolean_script",
        language="groovy",
        name="a lot",
    )
    assert counting == ScriptRow(
        tenant="1", id="count", text="return 3", type="for_script", language="js"
    )
    for again in ({}, why, {"publish": True}):
        assert taken(site, path, **again) == 0
    assert versions(site) == first
    path.write_text(SCRIPTED.replace("return true", "return false"))
    assert taken(site, path) == 0
    assert versions(site) == first
    assert taken(site, path, publish=True, operator="bob") == 0
    assert versions(site)[3:] == [("COMPONENT", "draw", 2, "IMPORT", "bob", f"import of {path}")]


def test_who_and_why_are_found_where_nobody_says(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "carol")
    path = scripted(tmp_path)
    assert taken(site, path) == 0
    assert {version[3:] for version in versions(site)} == {("IMPORT", "carol", f"import of {path}")}


def test_what_was_edited_by_sql_is_kept_before_an_import_replaces_it(site: Site) -> None:
    assert taken(site, SHOP, publish=True, operator="ann", reason="r") == 0
    with site.database() as engine, engine.begin() as connection:
        gift = update(flow_chain).where(flow_chain.c.chain_name == "giftOrder")
        connection.execute(gift.values(chain_code="THEN(createOrder);"))
    assert taken(site, SHOP, publish=True, operator="ann", reason="r") == 0
    assert versions(site)[5:] == [
        ("CHAIN", "giftOrder", 2, "FOUND", None, None),
        ("CHAIN", "giftOrder", 3, "IMPORT", "ann", "r"),
    ]


def test_what_changes_while_an_import_runs_is_not_overwritten(
    site: Site, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = scripted(tmp_path)

    def slow(*given: Any) -> object:
        """Somebody else imports between reading and writing."""
        monkeypatch.setattr("api.cli.bring.bring_scripts", bring_scripts)
        assert taken(site, path, operator="bob", reason="r") == 0
        return bring_scripts(*given)

    monkeypatch.setattr("api.cli.bring.bring_scripts", slow)
    with pytest.raises(SystemExit) as stopped:
        taken(site, path, publish=True)
    assert stopped.value.code == 2
    assert "changed 'draw' meanwhile; nothing was written: import again" in capsys.readouterr().err
    assert {version[3:] for version in versions(site)} == {("IMPORT", "bob", "r")}


@pytest.mark.parametrize("url", STORES, indirect=True)
def test_the_same_import_several_times_at_once_is_one(site: Site) -> None:
    with ThreadPoolExecutor(4) as threads:
        codes = [threads.submit(taken, site, SHOP, publish=True) for _ in range(4)]
    assert {code.result() for code in codes} == {0}
    assert sorted(version[1:3] for version in versions(site)) == [
        ("christmasOrder", 1),
        ("giftOrder", 1),
        ("orderBase", 1),
        ("paidOrder", 1),
        ("vipGift", 1),
    ]


def test_a_deployments_own_names_of_tables_and_fields(site: Site, tmp_path: Path) -> None:
    names = RuleNames(
        chain_table="el_table", el_data_field="el", script_table="scripts", script_id_field="code"
    )
    with site.database() as engine, engine.begin() as connection:
        for renamed in (
            "flow_chain RENAME TO el_table",
            "el_table RENAME COLUMN chain_code TO el",
            "rule_component RENAME TO scripts",
            "scripts RENAME COLUMN component_id TO code",
        ):
            connection.execute(text(f"ALTER TABLE {renamed}"))
    own = replace(site, names=names)
    path = scripted(tmp_path)
    for _ in range(2):
        assert taken(own, path, publish=True) == 0
    assert [version[:3] for version in versions(own)] == [
        ("COMPONENT", "draw", 1),
        ("COMPONENT", "count", 1),
        ("CHAIN", "good", 1),
    ]
    with own.database() as engine, engine.connect() as connection:
        assert connection.execute(text("SELECT el FROM el_table")).scalars().all() == [
            "THEN(createOrder, pay)"
        ]
        assert len(connection.execute(text("SELECT code FROM scripts")).all()) == 2


def test_a_script_without_a_language_is_told(site: Site, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "flow.xml"
    path.write_text("<flow><nodes><node id='s' type='script'>x</node></nodes></flow>")
    assert taken(site, path) == 0
    told = capsys.readouterr()
    assert told.out == (
        "added      script s: java; a draft; --publish lets it serve\ntenant 1: 1 added\n"
    )
    assert f"note: {path}:1: script 's' says no language and is taken for java" in told.err
