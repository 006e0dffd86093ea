"""Chains and the scripts that they name are brought together, and checked together."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.cli import bring
from api.cli.bring import Options
from api.cli.site import Site
from rules.source.service import RuleSource

Captured = pytest.CaptureFixture[str]

CHAIN = "<chain id='order'>IF(isLarge, pay)</chain>"


def taken(site: Site, folder: Path, text: str, **options: Any) -> int:
    path = folder / "flow.xml"
    path.write_text(f"<flow>{text}</flow>")
    return bring.run([str(path)], site, Options(**{"publish": True, **options}))


def node(code: str = "true", language: str = "cel", **more: str) -> str:
    given = "".join(f" {name}='{value}'" for name, value in more.items())
    kind = "type='boolean_script'"
    return f"<nodes><node id='isLarge' {kind} language='{language}'{given}>{code}</node></nodes>"


def names(site: Site) -> set[str]:
    with site.database() as engine:
        kept = site.rows(engine, ["default"])
    return {row.name for row in kept.chains["default"]} | {row.id for row in kept.scripts}


def test_a_chain_comes_with_its_script_and_serves(site: Site, tmp_path: Path) -> None:
    assert taken(site, tmp_path, node() + CHAIN) == 0
    with site.database() as engine, site.engines() as engines:
        rules = RuleSource(engine, site.application, "default", site.components(), engines=engines)
        plan = rules.snapshot.compiled("1", "order").plan
    script = plan.components["isLarge"].script
    assert script is not None
    assert (script.language, script.text) == ("cel", "true")


def test_a_script_that_is_wrong_stops_the_import(
    site: Site, tmp_path: Path, capsys: Captured
) -> None:
    assert taken(site, tmp_path, node("1 +") + CHAIN) == 1
    told = capsys.readouterr()
    assert told.out.splitlines()[:2] == ["broken     script isLarge: cel", "broken     order"]
    assert "flow.xml:1: error: script 'isLarge' cannot be used: " in told.err
    assert names(site) == set()
    more = "<chain id='other'>THEN(pay)</chain>"
    assert taken(site, tmp_path, node("1 +") + CHAIN + more, keep_going=True) == 1
    assert names(site) == {"other"}


def test_a_script_that_nothing_runs_here_is_brought_and_its_chain_is_not(
    site: Site, tmp_path: Path, capsys: Captured
) -> None:
    there = node("true", "groovy")
    assert taken(site, tmp_path, there + CHAIN) == 1
    assert taken(site, tmp_path, there) == 0
    assert names(site) == {"isLarge"}
    assert "cannot be used here yet: engine groovy has no worker" in capsys.readouterr().err
    assert taken(replace(site, jvm=True), tmp_path, there + CHAIN) == 0
    assert names(site) == {"isLarge", "order"}


@pytest.mark.parametrize("change", [node(enable="false"), node("true", "groovy")])
def test_a_script_is_not_taken_from_the_chains_of_the_table(
    site: Site, tmp_path: Path, capsys: Captured, change: str
) -> None:
    above = CHAIN.replace("id=", "namespace='campaigns' id=")
    assert taken(site, tmp_path, node() + above) == 0
    assert taken(site, tmp_path, change) == 1
    assert "chain 'order' of the table would no longer compile" in capsys.readouterr().err
    assert taken(site, tmp_path, node("false")) == 0


def test_scripts_of_tenant_0_are_everybodys(site: Site, tmp_path: Path) -> None:
    assert taken(site, tmp_path, CHAIN) == 1
    assert taken(replace(site, tenant="0"), tmp_path, node()) == 0
    assert taken(site, tmp_path, CHAIN) == 0
    assert names(site) == {"order"}
