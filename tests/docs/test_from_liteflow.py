"""The commands on the page about LiteFlow's files are typed in order, and answer as it says."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from dev.stack import ROOT
from migrations.run import upgrade
from rules.files.definitions import SCRIPTS
from rules.files.entries import CHAIN_PARTS
from tests.docs.markdown import blocks
from tests.docs.test_examples import check

PAGE = ROOT / "docs" / "from-liteflow.md"


def test_the_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/chainsaga.db"
    upgrade(database)
    commands = blocks(PAGE, "sh")
    assert len(commands) == 4
    for block in commands:
        name, *words = shlex.split(block.text)
        assert name == "chainsaga"
        done = subprocess.run(
            [sys.executable, "-m", "api.cli.main", *words],
            cwd=ROOT,
            env={**os.environ, "CHAINSAGA_DATABASE_URL": database},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        check(block, done.stdout)


def test_everything_that_a_chain_may_say_is_told() -> None:
    page = PAGE.read_text()
    assert [part for part in CHAIN_PARTS if part not in page] == []
    assert "script" in SCRIPTS
