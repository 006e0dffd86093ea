"""What can be wrong with a rule file, and the error that carries all of it.

For the readers of the formats and whoever shows what they found.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rules.errors import RuleError
from rules.files.definitions import Place


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; `mend` says what to do.

    `category` is one of the EL reference (`duplicate_chain`) or of rule files: `syntax`,
    `missing_id`, `missing_text`, `missing_body`, `unknown_type`, `unknown_part`, `bad_value`,
    `old_format`, `duplicate_node`, `missing_file`, `unsafe`.
    """

    category: str
    message: str
    place: Place
    mend: str

    def __str__(self) -> str:
        return f"{self.place}: error: {self.message} [{self.category}]\n  {self.mend}"


class RuleFileInvalid(RuleError):
    """Rule files cannot be read as they are; carries all that is wrong, in the files' order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class NotWritable(RuleError):
    """A definition cannot be expressed in the format that was asked for."""

    def __init__(self, what: str, why: str, mend: str) -> None:
        self.what = what
        super().__init__(f"{what}: {why}; {mend}")
