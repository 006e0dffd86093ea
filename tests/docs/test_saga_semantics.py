"""Every rule of the semantics page is held by tests that are there, on both runtimes.

The page numbers its rules and ends with a table from rule to tests. The tests are those that
pytest collects; a rule may miss a runtime only where the table says why.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from dev.stack import ROOT
from dev.truth_table import PAGE, with_table
from tests.docs.markdown import rows
from workflows.outcome import TRUTH_TABLE

TEMPORAL, MEMORY = "temporal", "memory"
RULE: Final = re.compile(r"^(?:- |\| )\*\*([A-Z]\d+)\*\*", re.MULTILINE)
COLLECT_SECONDS: Final = 120.0

# Whose tests run on which runtime, where their parameters do not say it. What is not listed, such
# as tests of pure functions, holds a rule on neither.
FOLDERS: Final = (
    ("tests/api/inprocess/", MEMORY),
    ("tests/api/", TEMPORAL),
    ("tests/outages/", TEMPORAL),
    ("tests/property/test_in_memory.py", MEMORY),
    ("tests/property/test_on_temporal.py", TEMPORAL),
    ("tests/activities/mirror/test_reconcile.py", TEMPORAL),
    ("tests/workflows/unit/", None),
    ("tests/workflows/", TEMPORAL),
)
PARAMETERS: Final = {
    "temporal": TEMPORAL,
    "uncached": TEMPORAL,
    "lowered": TEMPORAL,
    "lowest": TEMPORAL,
    "memory": MEMORY,
    "memory_lowest": MEMORY,
}
# Each of them compares the runtimes with one another.
BOTH: Final = ("test_runtimes_agree",)


@dataclass(frozen=True, slots=True)
class Held:
    """A row of the table: the tests that hold a rule, and why a runtime has none."""

    rule: str
    tests: tuple[str, ...]
    why_one: str


def table() -> list[Held]:
    return [
        Held(rule, tuple(re.findall(r"`([^`]+)`", tests)), why)
        for rule, tests, why in rows(PAGE, r"[A-Z]\d+")
    ]


def named() -> Iterator[str]:
    """Every test as the table names it, once per runtime where it says `*`."""
    for held in table():
        for test in held.tests:
            yield from expanded(test)


def expanded(test: str) -> tuple[str, ...]:
    if not test.endswith("*]"):
        return (test,)
    return tuple(f"{test.removesuffix('*]')}{runtime}]" for runtime in (TEMPORAL, MEMORY))


@cache
def collected() -> dict[str, list[str]]:
    """The ids that pytest collects from the files that the table names, by id without folder.

    Also by id without parameters. Another process: pytest does not collect within a test.
    """
    names = {Path(test.partition("::")[0]).name for test in named()}
    files = [str(file) for name in sorted(names) for file in (ROOT / "tests").rglob(name)]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=COLLECT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        file, separator, test = line.partition("::")
        if separator:
            for name in (test, test.partition("[")[0]):
                found.setdefault(f"{Path(file).name}::{name}", []).append(line)
    return found


def ids_of(test: str) -> list[str]:
    """The collected tests that a name of the table stands for, of one file."""
    file, _, name = test.partition("::")
    ids = collected().get(f"{Path(file).name}::{name}", [])
    return sorted({id for id in ids if f"/{id.partition('::')[0]}".endswith(f"/{file}")})


def runtimes_of(id: str) -> set[str]:
    if any(f"::{name}[" in id for name in BOTH):
        return {TEMPORAL, MEMORY}
    told = PARAMETERS.get(re.split(r"[-\[]", id.removesuffix("]"))[-1])
    if told is not None:
        return {told}
    test = id.partition("::")[2]
    if "in_memory" in test or "[in memory" in test:
        return {MEMORY}
    folder = next((runtime for start, runtime in FOLDERS if id.startswith(start)), None)
    return set() if folder is None else {folder}


def test_every_rule_has_its_row() -> None:
    rules = RULE.findall(PAGE.read_text())
    assert rules
    assert len(rules) == len(set(rules))
    held = [row.rule for row in table()]
    assert sorted(held) == sorted(rules)


def test_every_named_test_is_there() -> None:
    missing = [test for test in named() if not ids_of(test)]
    assert not missing, missing


def test_every_named_test_is_in_one_file() -> None:
    files = {test: {id.partition("::")[0] for id in ids_of(test)} for test in named()}
    assert not {test for test, found in files.items() if len(found) > 1}


@pytest.mark.parametrize("held", table(), ids=lambda held: held.rule)
def test_a_rule_holds_on_both_runtimes(held: Held) -> None:
    ids = [id for test in held.tests for name in expanded(test) for id in ids_of(name)]
    on = set[str]().union(*map(runtimes_of, ids))
    assert on, f"{held.rule} is tested on no runtime"
    assert (len(on) == 1) is bool(held.why_one), f"{held.rule} is tested on {sorted(on)}"


def test_the_truth_table_is_the_one_in_the_code() -> None:
    page = PAGE.read_text()
    assert with_table(page) == page, "run python -m dev.truth_table"
    assert [row[1:] for row in rows(PAGE, r"\*\*L\d+\*\*")] == [
        [line.id, line.words, f"`{line.status.value}`"] for line in TRUTH_TABLE
    ]


def test_every_line_of_the_truth_table_is_tested_by_its_name() -> None:
    held = {row.rule: row.tests for row in table()}
    for number, line in enumerate(TRUTH_TABLE, start=1):
        assert f"test_outcome.py::test_line[{line.id}]" in held[f"L{number}"]
