"""What an offline command loads. How long it takes, `benchmarks/cli_start.py` measures."""

import json
import subprocess
import sys

import pytest

from api.cli.offline import COMMANDS, run
from dev.stack import ROOT
from tests.api.cli.folders import CHAINS, COMPONENTS

HEAVY = {"temporalio", "sqlalchemy", "fastapi", "typer", "redis", "pymysql", "activities"}
LIGHT = {"ops", "fmt", "check"}
ORDER = str(CHAINS / "order.el")
CASES = [
    *([name] if name == "ops" else [name, ORDER] for name in COMMANDS if name != "simulate"),
    ["simulate", str(ROOT / "examples" / "cases" / "vipOrder.jsonl")],
    ["check", ORDER, "--components", str(COMPONENTS), "--json"],
    ["explain", ORDER, "--components", str(COMPONENTS)],
    ["graph", ORDER, "--format", "svg"],
]
CODE = """
import json, sys
from api.cli.main import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print()
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("words", CASES, ids=" ".join)
def test_a_command_starts_light(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert "rules" in loaded
    unwanted = HEAVY | {"pydantic", "pydantic_core"} if words[0] in LIGHT else HEAVY
    if words[0] == "simulate":
        # It runs components, as a worker does.
        unwanted = HEAVY - {"activities"}
    assert loaded & unwanted == set()


def test_packages_of_components_bring_no_server_along() -> None:
    code = CODE.replace("main()", "sys.path.insert(0, '.'); main()", 1)
    done = subprocess.run(
        [sys.executable, "-c", code, "check", ORDER, "--components", "activities.component"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    # The package declares nothing, so nothing in the chain is known.
    assert "there is no component and no chain 'createOrder'" in done.stderr


@pytest.mark.parametrize("name", ["order", "everything"])
def test_models_without_pydantic_say_the_same(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["check", str(CHAINS / f"{name}.el"), "--components", str(COMPONENTS), "--json"]
    words = words[:2] + words[4:] if name == "everything" else words
    done = subprocess.run(
        [sys.executable, "-m", "api.cli.main", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run(words) == 0
    assert json.loads(done.stdout) == json.loads(capsys.readouterr().out)


def test_models_without_pydantic_are_frozen_and_have_defaults() -> None:
    code = """
import rules.plain
from rules.plan import ComponentPolicy, NodeRetry, StepNode, WhenNode
policy = ComponentPolicy(id="a", timeout=3.0)
assert (policy.timeout, policy.heartbeat, policy.lost_attempts) == (3.0, 15.0, 3)
assert policy.on_failure.strategy == "COMPENSATE" and policy.needs.inputs == {}
assert WhenNode(items=(StepNode(component="a"),)).max_wait is None
assert NodeRetry(times=2).types == ()
try:
    policy.timeout = 1.0
except TypeError as error:
    assert str(error) == "ComponentPolicy is frozen"
else:
    raise AssertionError
import sys
assert "pydantic" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
