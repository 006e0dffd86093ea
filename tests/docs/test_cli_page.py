"""The commands on the page about the command line are typed, and answer as it says."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli.offline import COMMANDS
from dev.stack import ROOT
from tests.docs.markdown import Block, blocks, rows
from tests.docs.test_examples import check, only

PAGE = ROOT / "docs" / "cli.md"


@pytest.mark.parametrize("block", blocks(PAGE, "sh"), ids=str)
def test_it_answers_as_the_page_says(block: Block, tmp_path: Path) -> None:
    (tmp_path / "order.el").write_text(only(PAGE, "el").text)
    (tmp_path / "components.json").write_text(only(PAGE, "json").text)
    (tmp_path / "cases.jsonl").write_text(only(PAGE, "jsonl").text)
    name, *words = shlex.split(block.text)
    assert name == "chainsaga"
    done = subprocess.run(
        [sys.executable, "-m", "api.cli.main", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    check(block, done.stdout)


def test_every_command_is_told() -> None:
    told = {name.strip("`").split()[0] for name, *_ in rows(PAGE, r"`[a-z]+[^`]*`")}
    assert set(COMMANDS) <= told
