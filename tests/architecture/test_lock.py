"""The lock: each version exact, each file known by its hash, and no address of any index."""

import re
import tomllib

import pytest

from tests.architecture.sources import ROOT

LOCK = (ROOT / "dev" / "requirements.lock").read_text(encoding="utf-8")
ENTRY = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[0-9][A-Za-z0-9.+!]*)(?P<marker> ; [^\\]+)?"
)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries() -> dict[str, list[str]]:
    """Each entry's first line with what belongs to it."""
    joined = re.sub(r" *\\\n\s*", "\n    ", LOCK)
    found: dict[str, list[str]] = {}
    for line in joined.splitlines():
        if line.lstrip().startswith("#") or not line.strip():
            continue
        if line.startswith(" "):
            next(reversed(found.values())).append(line.strip())
        else:
            found[line] = []
    return found


@pytest.mark.parametrize(("head", "rest"), entries().items(), ids=lambda part: str(part)[:40])
def test_an_entry_is_exact_and_hashed(head: str, rest: list[str]) -> None:
    assert ENTRY.fullmatch(head), head
    assert rest
    assert all(HASH.fullmatch(part) for part in rest)


def test_it_names_no_address() -> None:
    for word in ("://", "--index", "--extra-index", "--find-links", " @ ", "file:", "-e "):
        assert word not in LOCK


def test_it_locks_everything_that_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=;~! ]", line)[0].lower().replace("_", "-") for line in asked}
    locked = {head.partition("==")[0] for head in entries()}
    assert names - locked == set()
