"""What the engines say of a script that somebody writes.

For the writing of components. A language that only another deployment runs is no error here.
"""

import re
from typing import Final

from rules.config.kinds import Content, Key
from rules.config.scripts import ScriptCheck
from rules.el.findings import Findings
from rules.errors import Diagnostic
from rules.scripts import Engines, ScriptText, language_of, problem_of

_LINE: Final = re.compile(r"line (\d+): ")
CATEGORY: Final = "script"


def checked_by(engines: Engines) -> ScriptCheck:
    """A check of scripts by these engines."""

    def check(key: Key, content: Content) -> tuple[Diagnostic, ...]:
        script = ScriptText(
            key.name,
            str(content["component_code"]),
            str(content["component_type"]),
            str(content["language"]),
        )
        findings = Findings(key.name, script.text)
        problem = problem_of(script, engines)
        if problem is None:
            return ()
        if language_of(script.language) in engines.languages:
            start, end = _line_of(problem, script.text)
            findings.error(CATEGORY, _LINE.sub("", problem, count=1), start, end)
        else:
            hint = "chains that name the script do not compile here"
            findings.warning(CATEGORY, problem, 0, 1, hint=hint)
        return findings.diagnostics()

    return check


def _line_of(problem: str, text: str) -> tuple[int, int]:
    """Where the line stands that a problem begins with; else the first character."""
    found = _LINE.match(problem)
    if found is None:
        return 0, 1
    lines = text.splitlines(keepends=True)
    number = min(int(found[1]), len(lines)) - 1
    if number < 0:
        return 0, 1
    start = sum(len(line) for line in lines[:number])
    blanks = len(lines[number]) - len(lines[number].lstrip())
    return start + blanks, max(start + len(lines[number].rstrip()), start + blanks + 1)
