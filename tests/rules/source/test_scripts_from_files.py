"""Script components from files: whose they are, and when they change."""

from pathlib import Path

import pytest

from rules.source.edits import NO_EDITS
from rules.source.from_files import FileOrigin
from rules.source.scripts import ScriptRow

FLOW = """<flow>
  <nodes>
    <node id="pay" class="com.example.Pay"/>
    <node id="draw" type="if_script" language="groovy" enable="false">return true</node>
    <node id="count" name="how many" type="for_script" file="scripts/count.js"/>
  </nodes>
</flow>
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for inside in ("scripts", "0", "2"):
        (tmp_path / inside).mkdir()
    (tmp_path / "scripts" / "count.js").write_text("return 3")
    (tmp_path / "flow.xml").write_text(FLOW)
    return tmp_path


@pytest.fixture
def origin(folder: Path) -> FileOrigin:
    return FileOrigin(folder, ("default",), default_tenant="1", read_edits=lambda: NO_EDITS)


def served(origin: FileOrigin) -> dict[tuple[str, str], ScriptRow]:
    return {(row.tenant, row.id): row for row in origin.everything().scripts}


def test_scripts_are_rows_as_the_table_has_them(origin: FileOrigin, folder: Path) -> None:
    node = '<node id="draw" type="boolean_script" status="DRAFT">own</node>'
    for tenant in ("0", "2"):
        (folder / tenant / "own.xml").write_text(f"<flow><nodes>{node}</nodes></flow>")
    found = served(origin)
    assert list(found) == [("1", "count"), ("1", "draw"), ("0", "draw"), ("2", "draw")]
    draw, counting, own = found["1", "draw"], found["1", "count"], found["2", "draw"]
    assert (draw.type, draw.language, draw.text) == ("boolean_script", "groovy", "return true")
    assert (counting.type, counting.language, counting.text) == ("for_script", "js", "return 3")
    assert (own.type, own.language, own.text) == ("boolean_script", "java", "own")
    assert (counting.name, draw.name) == ("how many", None)
    assert [one.serving for one in (draw, counting, own)] == [False, True, False]
    assert own.version == found["0", "draw"].version != draw.version
    assert 0 <= own.version < 2**31
    assert origin.problems == ()


def test_a_script_that_changes_is_seen(origin: FileOrigin, folder: Path) -> None:
    before = origin.everything()
    assert origin.changes(before.stand) is None
    script = folder / "scripts" / "count.js"
    script.write_text("return 4")
    assert origin.moved(before.stand)
    after = origin.changes(before.stand)
    assert after is not None
    old, new = ({row.id: row for row in one.scripts} for one in (before, after))
    assert (new["count"].text, new["draw"]) == ("return 4", old["draw"])
    assert new["count"].version != old["count"].version

    script.unlink()
    gone = origin.changes(after.stand)
    assert gone is not None
    assert gone.scripts == after.scripts
    assert "the file 'scripts/count.js' of node 'count' cannot be read" in origin.problems[0]
    script.write_text("return 4")
    back = origin.changes(gone.stand)
    assert back is not None
    assert back.scripts == after.scripts
    assert origin.problems == ()


def test_of_a_script_that_is_there_twice_the_first_counts(origin: FileOrigin, folder: Path) -> None:
    second = FLOW.replace("return true", "return false").replace("<node id", "<node  id")
    (folder / "more.xml").write_text(second)
    assert served(origin)["1", "draw"].text == "return true"
    assert len(origin.problems) == 3
    assert "the node 'draw' is already defined in" in origin.problems[1]
