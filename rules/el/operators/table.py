"""THE TABLE of EL operators: one frozen row each. Parser and printer know none of it.

Drives the checks (`rules.checks`), the lowering (`rules.lower` has one function per row), the
suggestions and `docs/language.md`. A new operator is a row in `blocks`, `choices`, `loops` or
`marks`, a lowering there and a method of the interpreter. Must not know plan nodes.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from rules.el.operators.blocks import BLOCKS
from rules.el.operators.choices import CHOICES
from rules.el.operators.loops import LOOPS
from rules.el.operators.marks import MARKS
from rules.el.operators.rows import Operator

OPERATORS: Final[tuple[Operator, ...]] = (*BLOCKS, *CHOICES, *LOOPS, *MARKS)


def _spellings() -> Iterator[tuple[str, Operator]]:
    for row in OPERATORS:
        for name in (row.name, *row.aliases):
            yield name, row


BY_NAME: Final[Mapping[str, Operator]] = dict(_spellings())
FUNCTIONS: Final = {name: row for name, row in BY_NAME.items() if row.form == "function"}
MODIFIERS: Final = {name: row for name, row in BY_NAME.items() if row.form == "modifier"}
