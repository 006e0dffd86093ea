"""How somebody has a script compiled that only another worker can compile.

For the workflow that asks that worker, and who starts it. Every model here crosses Temporal as
JSON, so a new field needs a default. Nothing of it runs a script.
"""

from typing import Final

from rules.plan import Frozen

CHECK_SCRIPT: Final = "chainsaga.check-script"
"""The workflow."""
COMPILE_SCRIPT: Final = "chainsaga.compile-script"
"""The activity, of the worker for scripts of JVM languages."""
TO_START: Final = 3.0
"""Seconds: who has begun nothing by then is not there, or has no hand free."""
TO_COMPILE: Final = 5.0


class CompileRequest(Frozen):
    """A text; `sha` is over text and language, as in the requests of steps."""

    language: str
    text: str
    sha: str


class CompileReply(Frozen):
    """What a compiler says: nothing if it compiles; `line` counts from 1."""

    problem: str | None = None
    line: int | None = None


class ScriptChecked(Frozen):
    """What is known of a text. `answered` is whether anybody compiled it."""

    summary: str
    answered: bool
    problem: str | None = None
    line: int | None = None
