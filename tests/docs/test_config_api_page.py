"""The page about changing rules over HTTP: its commands run, and it names every path."""

import subprocess
from pathlib import Path

import httpx2

from api.handlers import STATUS
from dev.processes import free_port, wait_until
from dev.samples import prepare
from dev.stack import ROOT, product_environment, product_process
from dev.temporal_server import HOST
from rules.config import errors
from tests.docs.markdown import blocks
from tests.docs.test_examples import READY_SECONDS, check

PAGE = ROOT / "docs" / "config-api.md"
NO_TEMPORAL = f"{HOST}:1"


def test_the_commands_run(tmp_path: Path) -> None:
    prepare(tmp_path).dispose()
    port = free_port()
    url = f"http://{HOST}:{port}"
    settings = product_environment(tmp_path, NO_TEMPORAL, "http://127.0.0.1:1", port)
    commands = blocks(PAGE, "sh")
    assert len(commands) > 5
    with product_process("api", tmp_path, settings) as api:

        def read() -> bool:
            try:
                found = httpx2.get(f"{url}/api/config/status", timeout=5, trust_env=False)
            except httpx2.TransportError:
                return False
            return found.json()["instances"][0]["refreshed_at"] is not None

        wait_until(read, READY_SECONDS, "the API to read its rules", child=api)
        for block in commands:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text.replace(f"http://{HOST}:8000", url)],
                env={"NO_PROXY": HOST, "PATH": "/usr/bin:/bin:/usr/local/bin"},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            check(block, done.stdout)


def test_every_refusal_is_on_the_page() -> None:
    page = PAGE.read_text()
    codes = {code for kind, (_, code) in STATUS.items() if kind.__module__ == errors.__name__}
    assert len(codes) > 5
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []
