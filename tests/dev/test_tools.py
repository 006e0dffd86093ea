"""Where the `temporal` command and Chromium come from, with stand-ins for Go and the download."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dev.chromium import ChromiumMissingError, find_chromium
from dev.tools import (
    DOWNLOAD_LIMIT_ALONE,
    DOWNLOAD_LIMIT_WITH_GO,
    ToolMissingError,
    find_temporal,
    temporal_binary,
    tool_folder,
)

GO = """#!/bin/sh
echo "$@" >> "$GO_CALLS"
[ -n "$GO_FAILS" ] && { echo 'no such module' >&2; exit 1; }
printf '#!/bin/sh\\n' > "$GOBIN/temporal"
chmod +x "$GOBIN/temporal"
"""


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A machine without any of the programs."""
    calls = tmp_path / "go-calls"
    calls.touch()
    folders = f"{tmp_path / 'bin'}{os.pathsep}/bin"  # /bin: the stand-in for Go is a shell script
    return {"PATH": folders, "XDG_CACHE_HOME": str(tmp_path / "cache"), "GO_CALLS": str(calls)}


class Offline:
    """A download that fails, and remembers how long it might have taken."""

    def __init__(self) -> None:
        self.limits: list[float] = []

    def __call__(self, _folder: Path, limit: float, _environment: Mapping[str, str]) -> None:
        self.limits.append(limit)


def online(folder: Path, _limit: float, _environment: Mapping[str, str]) -> Path:
    return program(folder / "temporal-v1")


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (["chosen", "path", "kept"], "chosen"),
        (["path", "kept"], "path"),
        (["kept"], "kept"),
        ([], None),
    ],
)
def test_order_of_search(
    tmp_path: Path, environment: dict[str, str], present: list[str], expected: str | None
) -> None:
    places = {
        "chosen": tmp_path / "mine" / "any-name",
        "path": tmp_path / "bin" / "temporal",
        "kept": tool_folder(environment) / "temporal",
    }
    for name in present:
        program(places[name])
    if "chosen" in present:
        environment["CHAINSAGA_TEMPORAL_BINARY"] = str(places["chosen"])
    assert find_temporal(environment) == (places[expected] if expected else None)


def test_a_wrong_choice_is_an_error_and_not_passed_over(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    program(tmp_path / "bin" / "temporal")
    environment["CHAINSAGA_TEMPORAL_BINARY"] = str(tmp_path / "absent")
    with pytest.raises(ToolMissingError, match="absent is not a program"):
        temporal_binary(environment)


def test_the_download_is_kept(environment: dict[str, str]) -> None:
    binary = temporal_binary(environment, download=online)
    assert binary == tool_folder(environment) / "temporal"
    assert os.access(binary, os.X_OK)
    assert temporal_binary(environment, download=Offline()) == binary
    assert {path.name for path in binary.parent.iterdir()} == {"temporal", ".lock"}


def test_go_builds_what_cannot_be_downloaded(tmp_path: Path, environment: dict[str, str]) -> None:
    program(tmp_path / "bin" / "go", GO)
    offline = Offline()
    assert temporal_binary(environment, download=offline).exists()
    assert offline.limits == [DOWNLOAD_LIMIT_WITH_GO]
    assert "install github.com/temporalio/cli" in Path(environment["GO_CALLS"]).read_text()


def test_two_at_once_build_once(
    tmp_path: Path, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    program(tmp_path / "bin" / "go", GO)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(temporal_binary, environment, download=Offline()) for _ in range(2)]
        assert jobs[0].result() == jobs[1].result()
    assert len(Path(environment["GO_CALLS"]).read_text().splitlines()) == 1
    assert capsys.readouterr().err.count("Installed ") == 1


@pytest.mark.parametrize(
    ("go", "reason"), [(False, "Go is not installed"), (True, "no such module")]
)
def test_an_error_says_how_to_mend_it(
    tmp_path: Path, environment: dict[str, str], go: bool, reason: str
) -> None:
    if go:
        program(tmp_path / "bin" / "go", GO)
        environment["GO_FAILS"] = "1"
    offline = Offline()
    with pytest.raises(ToolMissingError, match=reason) as caught:
        temporal_binary(environment, download=offline)
    for words in ("is on PATH", "CHAINSAGA_TEMPORAL_BINARY", "install Go"):
        assert words in str(caught.value)
    assert offline.limits == [DOWNLOAD_LIMIT_WITH_GO if go else DOWNLOAD_LIMIT_ALONE]
    assert [path.name for path in tool_folder(environment).iterdir()] == [".lock"]


def test_chromium(tmp_path: Path, environment: dict[str, str]) -> None:
    environment["PATH"] = str(tmp_path / "bin")
    assert find_chromium(environment) is None
    chrome = program(tmp_path / "bin" / "google-chrome")
    assert find_chromium(environment) == chrome
    chromium = program(tmp_path / "bin" / "chromium")
    assert find_chromium(environment) == chromium
    environment["CHAINSAGA_CHROMIUM"] = str(chrome)
    assert find_chromium(environment) == chrome
    environment["CHAINSAGA_CHROMIUM"] = str(tmp_path / "absent")
    with pytest.raises(ChromiumMissingError, match="absent, not a program"):
        find_chromium(environment)
