"""A run of pytest is judged by its report, and by its exit code where that can be trusted."""

from pathlib import Path

import pytest

from dev.run_pytest import judge, run


def report(tests: int = 3, failures: int = 0, errors: int = 0) -> str:
    counts = f'tests="{tests}" failures="{failures}" errors="{errors}" skipped="0"'
    return f'<testsuites name="pytest tests"><testsuite name="pytest" {counts}/></testsuites>'


GREEN = report()


@pytest.mark.parametrize(
    ("text", "exit_code", "passed", "reason"),
    [
        pytest.param(GREEN, 0, True, "3 tests", id="green"),
        pytest.param(GREEN, -6, True, "known defect", id="aborted after a green report"),
        pytest.param(GREEN, -11, True, "known defect", id="segfault after a green report"),
        pytest.param(GREEN, 134, True, "known defect", id="aborted below a shell"),
        pytest.param(GREEN, 139, True, "known defect", id="segfault below a shell"),
        pytest.param(GREEN, 1, False, "exit code 1", id="green report, yet pytest failed"),
        pytest.param(GREEN, 2, False, "exit code 2", id="interrupted"),
        pytest.param(GREEN, -9, False, "exit code -9", id="killed, by memory or a person"),
        pytest.param(GREEN, -15, False, "exit code -15", id="terminated"),
        pytest.param(report(failures=1), 1, False, "1 of 3 tests failed", id="a failure"),
        pytest.param(report(errors=2), 1, False, "2 of 3 tests failed", id="errors"),
        pytest.param(report(failures=1), 0, False, "1 of 3", id="a failure, yet exit code 0"),
        pytest.param(report(failures=1), -6, False, "1 of 3", id="a failure, then aborted"),
        pytest.param(report(tests=0), 5, False, "no test ran", id="nothing collected"),
        pytest.param(report(tests=0), 0, False, "no test ran", id="nothing ran"),
        pytest.param("<testsuites/>", 0, False, "no test ran", id="no suite"),
        pytest.param(None, 0, False, "no report", id="no report, exit code 0"),
        pytest.param(None, -11, False, "no report", id="crashed before the report"),
        pytest.param("", 0, False, "incomplete", id="empty report"),
        pytest.param(GREEN[:40], -6, False, "incomplete", id="crashed while writing the report"),
        pytest.param("<testsuite tests='3'/>", 0, False, "incomplete", id="counters missing"),
        pytest.param(GREEN.replace('"3"', '"x"'), 0, False, "incomplete", id="counter no number"),
    ],
)
def test_judge(tmp_path: Path, text: str | None, exit_code: int, passed: bool, reason: str) -> None:
    path = tmp_path / "pytest.xml"
    if text is not None:
        path.write_text(text)
    verdict = judge(path, exit_code)
    assert verdict.passed is passed
    assert reason in verdict.reason


ABORT_AT_EXIT = """
import atexit, os
def pytest_configure(config):
    atexit.register(os.abort)
"""
ABORT_IN_TEST = "import os\ndef test_a(): os.abort()\n"


@pytest.mark.parametrize(
    ("module", "conftest", "expected"),
    [
        pytest.param("def test_a(): pass\n", "", 0, id="green"),
        pytest.param("def test_a(): assert False\n", "", 1, id="red"),
        pytest.param("", "", 5, id="no test"),
        pytest.param("def test_a(): pass\n", ABORT_AT_EXIT, 0, id="green, then aborts at exit"),
        pytest.param("def test_a(): assert False\n", ABORT_AT_EXIT, 1, id="red, then aborts"),
        pytest.param(ABORT_IN_TEST, "", 1, id="aborts in a test"),
    ],
)
def test_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], module: str, conftest: str, expected: int
) -> None:
    (tmp_path / "test_sample.py").write_text(module)
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    path = tmp_path / "reports" / "pytest.xml"
    path.parent.mkdir()
    path.write_text(GREEN)  # left by an earlier run: must not count
    assert run([str(tmp_path), "-c", str(tmp_path / "pytest.ini")], path) == expected
    assert "test session starts" in capfd.readouterr().out
