"""What the engines say of a script that somebody writes.

For the writing of components. A language that only another deployment runs is no error here. What
another worker compiles is asked before the script is judged: nobody waits for it in a transaction.
"""

import re
from typing import Final, Protocol

from rules.config.kinds import Content, Key
from rules.config.scripts import ScriptCheck, ScriptPrepare
from rules.el.findings import Findings
from rules.errors import Diagnostic
from rules.plan import Kind
from rules.scripts import KINDS, Engines, ScriptText, language_of, problem_of

_LINE: Final = re.compile(r"line (\d+): ")
CATEGORY: Final = "script"
UNCHECKED: Final = "unchecked"


class Compilers(Engines, Protocol):
    """Engines of which some are elsewhere."""

    def prepare(self, language: str, kind: Kind, text: str) -> None:
        """Ask elsewhere about a text, so that `problem` can say. Takes seconds at most."""
        ...

    def unchecked(self, language: str, kind: Kind, text: str) -> bool:
        """Whether it is for another worker, and nobody there has answered so far."""
        ...


def prepared_by(engines: Compilers) -> ScriptPrepare:
    """What must be done before a script is judged, by these engines."""

    def prepare(key: Key, content: Content) -> None:
        script = _script(key, content)
        if problem_of(script, engines) is None:
            engines.prepare(language_of(script.language), KINDS[script.type], script.text)

    return prepare


def checked_by(engines: Compilers) -> ScriptCheck:
    """A check of scripts by these engines."""

    def check(key: Key, content: Content) -> tuple[Diagnostic, ...]:
        script = _script(key, content)
        language = language_of(script.language)
        findings = Findings(key.name, script.text)
        problem = problem_of(script, engines)
        if problem is None:
            if engines.unchecked(language, KINDS[script.type], script.text):
                words = f"the text was not compiled: nobody who runs {language} has answered"
                hint = "a mistake in it shows when it is first run; save it again to try again"
                findings.warning(UNCHECKED, words, 0, 1, hint=hint)
        elif language in engines.languages:
            start, end = _line_of(problem, script.text)
            findings.error(CATEGORY, _LINE.sub("", problem, count=1), start, end)
        else:
            hint = "chains that name the script do not compile here"
            findings.warning(CATEGORY, problem, 0, 1, hint=hint)
        return findings.diagnostics()

    return check


def _script(key: Key, content: Content) -> ScriptText:
    return ScriptText(
        key.name,
        str(content["component_code"]),
        str(content["component_type"]),
        str(content["language"]),
    )


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
