"""`import` and `export`: what is told and written, and that one reads what the other writes."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from api.cli import bring, export
from api.cli.bring import Options
from api.cli.site import Site
from dev.stack import ROOT
from rules.source.engine import create_engine_for
from rules.source.repository import ChainRepository, ChainRow
from rules.source.scripts import ScriptRow
from tests.activities.mirror.stores import STORES

Captured = pytest.CaptureFixture[str]

SHOP = ROOT / "examples" / "liteflow" / "shop.el.xml"
SHOPS_CHAINS = ["orderBase", "giftOrder", "paidOrder", "christmasOrder", "vipGift"]
COMPONENTS = "activities.components"
GOOD = "<flow><chain id='good'>THEN(createOrder, pay)</chain></flow>"
BAD = """<flow>
  <nodes>
    <node id="weigh" class="com.example.Weigh"/>
    <node id="pay" class="com.example.Pay"/>
    <node id="draw" type="boolean_script" language="groovy">return true</node>
  </nodes>
  <chain id="good">THEN(createOrder, pay)</chain>
  <chain id="bad">
    THEN(createOrder, weigh, IF(isHeavy, pay))
  </chain>
</flow>
"""


def kept(site: Site) -> dict[str, ChainRow]:
    """The tenant's rows in the namespace that serves."""
    with site.database() as engine:
        return {row.name: row for row in site.rows(engine, ["default"]).chains["default"]}


def kept_scripts(site: Site) -> dict[str, ScriptRow]:
    """The tenant's scripts."""
    with site.database() as engine:
        return {row.id: row for row in site.rows(engine, []).scripts}


def taken(site: Site, *files: Path | str, **options: Any) -> int:
    return bring.run([str(file) for file in files], site, Options(**options))


def code(run: Any, *words: Any) -> object:
    try:
        return run(*words)
    except SystemExit as stop:
        return stop.code


def file(folder: Path, text: str, name: str = "flow.xml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("url", STORES, indirect=True)
def test_the_commands_as_they_are_typed(url: str, tmp_path: Path) -> None:
    environment = {"CHAINSAGA_DATABASE_URL": url, "CHAINSAGA_ROUTE_NAMESPACES": "campaigns"}
    first = typed(["import", str(SHOP), "--publish"], tmp_path, environment)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    assert first.stdout.splitlines() == [
        "added      orderBase: a template, read where a chain extends it",
        "added      giftOrder",
        "added      paidOrder",
        "added      christmasOrder: disabled",
        "added      vipGift",
        "tenant 1: 5 added",
    ]
    exported = {}
    for format in ("xml", "json", "yaml"):
        done = typed(["export", f"all.{format}"], tmp_path, environment)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert done.stderr == f"all.{format}: 5 chains of tenant 1\n"
        again = typed(["import", f"all.{format}", "--json"], tmp_path, environment)
        chains = json.loads(again.stdout)["chains"]
        assert {chain["outcome"] for chain in chains} == {"unchanged"}
        exported[format] = typed(["export", "--format", format], tmp_path, environment).stdout
        assert exported[format] == (tmp_path / f"all.{format}").read_text()
    other = typed(["import", "all.yaml", "--tenant", "2"], tmp_path, environment)
    assert other.returncode == 0, other.stderr
    assert "added      giftOrder: a draft; --publish lets it serve" in other.stdout
    engine = create_engine_for(url, "tests")
    rows = ChainRepository(engine, "dms-liteflow", "default").read_all()
    engine.dispose()
    assert {(row.tenant, row.status, row.version) for row in rows} == {
        ("1", "PUBLISHED", 1),
        ("2", "DRAFT", 1),
    }


def typed(
    words: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli.main", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_same_file_twice_changes_nothing(site: Site, capsys: Captured) -> None:
    assert taken(site, SHOP, publish=True) == 0
    rows = kept(site)
    capsys.readouterr()
    assert taken(site, SHOP, publish=True) == 0
    assert taken(site, SHOP) == 0
    assert kept(site) == rows
    assert capsys.readouterr().out.count("tenant 1: 5 unchanged\n") == 2
    assert {row.version for row in rows.values()} == {1}
    assert [row.name for row in rows.values() if not row.enabled] == ["christmasOrder"]


def test_a_chain_goes_from_draft_to_published_and_is_replaced_when_told(
    site: Site, tmp_path: Path, capsys: Captured
) -> None:
    path = file(tmp_path, GOOD)
    assert taken(site, path) == 0
    assert (kept(site)["good"].status, kept(site)["good"].version) == ("DRAFT", 1)
    assert taken(site, path, publish=True) == 0
    assert (kept(site)["good"].status, kept(site)["good"].version) == ("PUBLISHED", 2)
    file(tmp_path, GOOD.replace(", pay", ""))
    assert taken(site, path) == 0
    assert kept(site)["good"].version == 2
    assert "held       good: text; it serves; --publish replaces it" in capsys.readouterr().out
    assert taken(site, path, publish=True) == 0
    assert (kept(site)["good"].text, kept(site)["good"].version) == ("THEN(createOrder)", 3)


def test_nothing_is_written_when_a_chain_is_broken(
    site: Site, tmp_path: Path, capsys: Captured
) -> None:
    path = file(tmp_path, BAD)
    assert taken(site, path, publish=True) == 1
    assert kept(site) == {}
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "added      script draw: groovy",
        "added      good",
        "broken     bad",
        "tenant 1: 2 added, 1 broken; nothing was written (--keep-going leaves out what is broken)",
    ]
    for words in (
        f"{path}:8: in chain bad:1:19: error: there is no component and no chain 'weigh'",
        "1:29: error: there is no component",
        "Python components of the same id: isHeavy (boolean), weigh (common, com.example.Weigh)\n",
    ):
        assert words in told.err
    assert "pay (" not in told.err


def test_what_is_sound_is_written_when_told_to_go_on(
    site: Site, tmp_path: Path, capsys: Captured
) -> None:
    assert taken(site, file(tmp_path, BAD), keep_going=True) == 1
    assert list(kept(site)) == ["good"]
    assert list(kept_scripts(site)) == ["draw"]
    assert capsys.readouterr().out.endswith("tenant 1: 2 added, 1 broken\n")


def test_a_dry_run_writes_nothing(site: Site, capsys: Captured) -> None:
    assert taken(site, SHOP, publish=True, dry_run=True) == 0
    assert kept(site) == {}
    assert capsys.readouterr().out.endswith("tenant 1: 5 added; nothing was written (--dry-run)\n")


def test_what_others_include_is_not_taken_from_them(
    site: Site, tmp_path: Path, capsys: Captured
) -> None:
    inner = "<flow><chain id='inner' enable='{}'>THEN(pay)</chain></flow>"
    outer = "<flow><chain id='outer'>THEN(createOrder, inner)</chain></flow>"
    assert taken(site, file(tmp_path, inner.format("true")), publish=True) == 0
    assert taken(site, file(tmp_path, outer, "outer.xml"), publish=True) == 0
    assert taken(site, file(tmp_path, inner.format("false")), publish=True) == 1
    assert kept(site)["inner"].enabled
    assert "chain 'outer' of the table would no longer compile:\nouter:1:" in (
        capsys.readouterr().err
    )


def test_everything_is_told_as_json(site: Site, tmp_path: Path, capsys: Captured) -> None:
    path = file(tmp_path, BAD)
    assert taken(site, path, as_json=True, publish=True) == 1
    told = json.loads(capsys.readouterr().out)
    good, bad = told.pop("chains")
    assert good == {
        "chain": "good",
        "namespace": "default",
        "outcome": "added",
        "changes": [],
        "enabled": True,
        "status": "PUBLISHED",
        "file": str(path),
        "line": 7,
        "diagnostics": [],
    }
    assert {one["category"] for one in bad["diagnostics"]} == {"unknown_ref"}
    assert len(told.pop("notes")) == 2
    assert told == {
        "tenant": "1",
        "written": False,
        "dry_run": False,
        "endangered": [],
        "missing_components": [
            {"id": "isHeavy", "kind": "boolean", "class": None},
            {"id": "weigh", "kind": "common", "class": "com.example.Weigh"},
        ],
        "scripts": [
            {
                "script": "draw",
                "type": "boolean_script",
                "language": "groovy",
                "outcome": "added",
                "changes": [],
                "enabled": True,
                "status": "PUBLISHED",
                "problem": "engine groovy has no worker in this deployment",
            }
        ],
        "problems": [],
    }


@pytest.mark.parametrize("as_json", [False, True])
def test_broken_files_are_told_together(
    site: Site, tmp_path: Path, capsys: Captured, as_json: bool
) -> None:
    files = [
        file(tmp_path, "<flow><chain>THEN(pay)</chain></flow>", "1.xml"),
        file(tmp_path, "{", "2.json"),
        file(tmp_path, GOOD, "3.xml"),
        file(tmp_path, "flow:\n  chain:\n  - {id: good, value: THEN(pay)}", "4.yml"),
    ]
    assert taken(site, *files, as_json=as_json) == 1
    told = capsys.readouterr()
    assert kept(site) == {}
    if as_json:
        problems = json.loads(told.out)["problems"]
        assert [(Path(one["file"]).name, one["category"]) for one in problems] == [
            ("1.xml", "missing_id"),
            ("2.json", "syntax"),
            ("4.yml", "duplicate_chain"),
        ]
        return
    assert f"{files[3]}:3: error: the chain 'good' is already defined in {files[2]}:1" in told.err


def test_a_folder_stands_for_its_rule_files(site: Site, tmp_path: Path) -> None:
    file(tmp_path, GOOD, "flow/a.el.xml")
    file(tmp_path, GOOD.replace("good", "hidden"), "flow/.a.el.xml")
    file(tmp_path, GOOD.replace("good", "deeper"), "flow/more/b.xml")
    file(tmp_path, "no rules", "flow/README.md")
    # The same file by two names is one file.
    assert taken(site, tmp_path / "flow", tmp_path / "flow" / "a.el.xml") == 0
    assert list(kept(site)) == ["good"]


SCRIPTS = [
    ("beside.js", "flow/beside.js", True),
    ("scripts/below.js", "flow/scripts/below.js", True),
    ("script/classpath.js", "script/classpath.js", True),
    ("classpath:script/classpath.js", "script/classpath.js", True),
    ("../../outside.js", "../outside.js", False),
    ("/etc/hostname", None, False),
    ("nosuch.js", None, False),
]


@pytest.mark.parametrize(("named", "there", "found"), SCRIPTS, ids=[case[0] for case in SCRIPTS])
def test_scripts_in_files_of_their_own(
    site: Site, tmp_path: Path, capsys: Captured, *, named: str, there: str | None, found: bool
) -> None:
    project = tmp_path / "project"
    if there is not None:
        file(project, "return 1", there)
    path = file(
        project,
        f"<flow><nodes><node id='s' type='script' file='{named}'/></nodes></flow>",
        "flow/flow.xml",
    )
    assert taken(site, path) == (0 if found else 1)
    told = capsys.readouterr().err
    scripts = [(row.text, row.language, row.status) for row in kept_scripts(site).values()]
    assert scripts == ([("return 1", "js", "DRAFT")] if found else [])
    assert (f"the file '{named}' of node 's' cannot be read" in told) != found


def test_what_cannot_be_carried_out(site: Site, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "empty").mkdir()
    broken = Site("sqlite:////nosuch/nosuch.db", "a", "default", (), (COMPONENTS,), "1")
    lost = Site(site.database_url, "a", "default", (), ("no.such.package",), "1")
    cases: list[tuple[object, str]] = [
        (code(taken, site, tmp_path / "nosuch.xml"), "nosuch.xml: No such file"),
        (code(taken, site, tmp_path / "empty"), "there is no .xml, .json, .yml or .yaml file"),
        (code(taken, broken, SHOP), "chainsaga migrate"),
        (code(taken, lost, SHOP), "no.such.package"),
        (code(export.run, None, "toml", site), "formats are xml, json, yaml"),
        (code(export.run, None, None, broken), "chainsaga migrate"),
    ]
    said = capsys.readouterr().err.splitlines()
    assert [code for code, _ in cases] == [2] * len(cases)
    for (_, words), line in zip(cases, said, strict=True):
        assert words in line


def test_a_tenant_without_chains_has_nothing_to_export(
    site: Site, tmp_path: Path, capsys: Captured
) -> None:
    assert export.run(str(tmp_path / "all.xml"), None, site) == 1
    assert not (tmp_path / "all.xml").exists()
    assert capsys.readouterr().err == "tenant 1 has no chains (namespaces: default, campaigns)\n"


def test_what_a_format_cannot_hold(site: Site, tmp_path: Path, capsys: Captured) -> None:
    with site.database() as engine:
        row = ChainRow(tenant="1", name="odd", text='THEN(pay.tag("\x01"))')
        ChainRepository(engine, "dms-liteflow", "default").save(row)
    assert code(export.run, str(tmp_path / "odd.xml"), None, site) == 2
    assert "write JSON or YAML" in capsys.readouterr().err
    assert export.run(str(tmp_path / "odd.json"), None, site) == 0
    assert taken(site, tmp_path / "odd.json") == 0
    assert "unchanged  odd" in capsys.readouterr().out


def test_columns_that_liteflow_does_not_know_go_along(site: Site, tmp_path: Path) -> None:
    row = ChainRow(
        tenant="1",
        name="special",
        text="THEN(pay);",
        description="Zahlung & mehr",
        status="DRAFT",
        enabled=False,
        transactional=False,
        undo_policy="continue",
        route="isVip",
    )
    with site.database() as engine:
        ChainRepository(engine, "dms-liteflow", "default").save(row)
    path = tmp_path / "special.xml"
    assert export.run(str(path), None, site) == 0
    with site.database() as engine, engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM flow_chain")
    assert taken(site, path, publish=True) == 0
    assert kept(site) == {"special": row}
