"""What a process loads when it imports only one part; import-linter cannot see all of it."""

import ast
import json
import subprocess
import sys

import pytest

from tests.architecture.sources import PACKAGES, PRODUCT, ROOT, Module, dotted, imported, modules

LOADED = "import json, sys; print(json.dumps(sorted(sys.modules)))"
HELP = """
import runpy, sys
sys.argv = ["chainsaga", "--help"]
try:
    runpy.run_module("api.cli.main", run_name="__main__")
except SystemExit as stop:
    assert not stop.code, stop.code
"""

FRESH: list[tuple[str, str, set[str]]] = [
    (
        "the workflow",
        "import workflows.chain",
        {
            "sqlalchemy",
            "pymysql",
            "redis",
            "fastapi",
            "structlog",
            "uvicorn",
            "prometheus_client",
            "activities",
            "api",
        },
    ),
    (
        "a component's author",
        "import activities.component",
        {"sqlalchemy", "pymysql", "redis", "fastapi", "temporalio", "structlog", "workflows"},
    ),
    (
        "the compiler",
        "import rules.compiler",
        {
            "sqlalchemy",
            "pymysql",
            "redis",
            "fastapi",
            "temporalio",
            "structlog",
            "prometheus_client",
        },
    ),
    (
        "the in-memory interpreter",
        "import workflows.saga",
        {"sqlalchemy", "temporalio", "fastapi", "redis"},
    ),
    (
        "a rule file that is no YAML",
        """
from rules.files.reading import read_definitions as read
read("f.xml", b"<flow/>"), read("f.json", b'{"flow": {}}')
""",
        {"ruamel", "sqlalchemy", "pydantic", "temporalio", "structlog"},
    ),
    (
        "the command's help",
        HELP,
        {"temporalio", "sqlalchemy", "fastapi", "pymysql", "redis", "prometheus_client"},
    ),
]

ROOTS = {"worker", "api.app", "api.cli.processes", "migrations.env"}
TOOLING = {"dev.samples", "benchmarks.handwritten_worker"}


@pytest.mark.parametrize(("_", "code", "unwanted"), FRESH, ids=[what for what, _, _ in FRESH])
def test_a_fresh_interpreter_stays_light(_: str, code: str, unwanted: set[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LOADED}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = {name.partition(".")[0] for name in json.loads(run.stdout.splitlines()[-1])}
    # Proof that the interpreter did import something of ours.
    assert loaded & {"rules", "api"}
    assert loaded & unwanted == set()


def test_every_package_is_an_empty_file() -> None:
    for package in PACKAGES:
        for folder in (ROOT / package).rglob("*"):
            if folder.is_dir() and any(folder.glob("*.py")):
                assert (folder / "__init__.py").read_text() == "", folder


@pytest.mark.parametrize("module", modules(), ids=str)
def test_settings_are_read_by_the_composition_roots_only(module: Module) -> None:
    reads = any(name.partition(".")[0] == "settings" for name in imported(module.tree))
    assert not reads or module.name in ROOTS | TOOLING


@pytest.mark.parametrize("module", modules(*PRODUCT), ids=str)
def test_the_environment_is_read_by_settings_and_the_sample_only(module: Module) -> None:
    named = {dotted(node) for node in ast.walk(module.tree)} | set(imported(module.tree))
    reads = named & {"os.environ", "os.getenv", "environ", "getenv"}
    assert not reads or module.name == "activities.components.shop"
