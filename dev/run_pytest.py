"""Run pytest and judge it by its report: `python -m dev.run_pytest [pytest's arguments]`.

For `make test`. A process that used the Temporal SDK may abort while the interpreter shuts down,
after every test has passed and the report is written (temporalio/sdk-python issue 300). So a green
and complete report stands even then, and nothing else does. Knows nothing of the tests themselves.
"""

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPORT: Final = Path(".chainsaga") / "pytest.xml"

# SIGABRT and SIGSEGV, as subprocess reports them and as a shell in between would.
CRASH_AT_EXIT: Final = frozenset({-6, -11, 134, 139})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a run counts as passed, and why."""

    passed: bool
    reason: str


def judge(report: Path, exit_code: int) -> Verdict:
    """Judge one finished run of pytest by the report it wrote and by its exit code."""
    try:
        suites = list(ET.parse(report).getroot().iter("testsuite"))
        tests, bad = (sum(_count(suite, *names) for suite in suites) for names in _COUNTERS)
    except FileNotFoundError:
        return Verdict(passed=False, reason=f"no report was written (exit code {exit_code})")
    except (ET.ParseError, KeyError, ValueError) as error:
        return Verdict(passed=False, reason=f"the report is incomplete: {error}")
    if bad:
        return Verdict(passed=False, reason=f"{bad} of {tests} tests failed")
    if not tests:
        return Verdict(passed=False, reason="no test ran")
    if exit_code in CRASH_AT_EXIT:
        reason = f"{tests} tests passed; the crash after the report ({exit_code}) is a known defect"
        return Verdict(passed=True, reason=f"{reason} of the Temporal SDK")
    return Verdict(passed=exit_code == 0, reason=f"{tests} tests, exit code {exit_code}")


_COUNTERS: Final = (("tests",), ("failures", "errors"))


def _count(suite: ET.Element, *names: str) -> int:
    return sum(int(suite.attrib[name]) for name in names)


def run(arguments: Sequence[str], report: Path = REPORT) -> int:
    """Run pytest with these arguments and return the exit code that the run deserves."""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)  # an old green report must never speak for this run
    command = [sys.executable, "-m", "pytest", f"--junitxml={report}", *arguments]
    with subprocess.Popen(command) as pytest:
        exit_code = _wait(pytest)
    verdict = judge(report, exit_code)
    if exit_code != 0 or not verdict.passed:
        sys.stderr.write(f"pytest {'passed' if verdict.passed else 'FAILED'}: {verdict.reason}\n")
    if verdict.passed:
        return 0
    return exit_code if 0 < exit_code < 128 else 1  # noqa: PLR2004 - above 128 are signals


def _wait(pytest: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return pytest.wait()
        except KeyboardInterrupt:
            # The terminal sent Ctrl-C to pytest as well: let it finish its own report.
            continue


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
