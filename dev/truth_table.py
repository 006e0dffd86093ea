"""Writes the truth table of final statuses into `docs/saga-semantics.md`.

For who changes it; run as `python -m dev.truth_table`. A test fails when the page is stale.
"""

import re
from collections.abc import Iterator
from typing import Final

from dev.stack import ROOT
from workflows.outcome import TRUTH_TABLE

PAGE: Final = ROOT / "docs" / "saga-semantics.md"

_BEGIN: Final = (
    "<!-- truth table: written by `python -m dev.truth_table` from workflows/outcome.py -->\n"
)
_END: Final = "<!-- end of the truth table -->\n"


def with_table(page: str) -> str:
    """The page with the table as it is in the code."""
    table = _BEGIN + "".join(_lines()) + _END
    # A function, so that nothing in the table is taken for a reference to a group.
    return re.sub(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", lambda _: table, page, flags=re.S)


def _lines() -> Iterator[str]:
    yield "\n| | line | when | status |\n|---|---|---|---|\n"
    for number, line in enumerate(TRUTH_TABLE, start=1):
        yield f"| **L{number}** | {line.id} | {line.words} | `{line.status.value}` |\n"
    yield "\n"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
