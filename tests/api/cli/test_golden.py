"""Golden files of what the offline commands print. Write them anew, then read the difference:

CHAINSAGA_REGENERATE=1 pytest tests/api/cli/test_golden.py
"""

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from api.cli.offline import run
from rules.plan import Plan
from tests.api.cli.folders import CHAINS, COMPONENTS, GOLDEN

CASES = [
    ("order.explain.txt", ["explain", "order"]),
    ("order.mmd", ["graph", "order"]),
    ("order.svg", ["graph", "order", "--format", "svg"]),
    ("order.check.json", ["check", "order", "--json"]),
    ("everything.explain.txt", ["explain", "everything"]),
    ("everything.mmd", ["graph", "everything"]),
    ("everything.svg", ["graph", "everything", "--format", "svg"]),
    ("everything.fmt.el", ["fmt", "everything"]),
    ("ops.txt", ["ops"]),
    ("ops.json", ["ops", "--json"]),
]


@pytest.mark.parametrize(("file", "words"), CASES, ids=[file for file, _ in CASES])
def test_what_is_printed(
    file: str,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(CHAINS)
    command, *more = words
    if more and not more[0].startswith("-"):
        more[0] = f"{more[0]}.el"
        if more[0] == "order.el":
            more += ["--components", str(COMPONENTS)]
    assert run([command, *more]) == 0
    agree(GOLDEN / file, capsys.readouterr().out)


def agree(path: Path, actual: str) -> None:
    if os.environ.get("CHAINSAGA_REGENERATE"):
        path.write_text(actual, encoding="utf-8")
    assert actual == path.read_text(encoding="utf-8")


def test_a_plan_can_be_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(CHAINS / "everything.el")]) == 0
    plan = Plan.model_validate_json(capsys.readouterr().out)
    assert (plan.chain, plan.root.op) == ("everything", "then")


@pytest.mark.parametrize("name", ["order", "everything"])
def test_a_drawing_is_xml_and_shows_every_step(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(CHAINS / f"{name}.el")]
    run(["graph", *words, "--format", "svg"])
    drawn = {text.text for text in ET.fromstring(capsys.readouterr().out).iter() if text.text}
    run(["plan", *words])
    plan = Plan.model_validate_json(capsys.readouterr().out)
    shown = "\n".join(drawn)
    assert [name for name in plan.components if name not in shown] == []
