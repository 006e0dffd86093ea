"""The golden requests: what every engine of scripts is asked, and what it must answer.

Each file has texts for some languages; a JVM worker's own tests read the same files.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from activities.runner import Provider, Runner, StepError
from activities.scripts.engine import HERE, ScriptEngines
from rules.plan import Kind
from rules.scripts import JVM_LANGUAGES, script_sha
from rules.wire import AttemptLog, ContextOperation, ScriptCall, StepReply, StepRequest

FOLDER = Path(__file__).parents[2] / "golden" / "scripts"


class Expected(BaseModel):
    """How a step fails; what is None is not looked at."""

    model_config = ConfigDict(extra="forbid")

    outcome: str
    code: str
    final: bool
    line: int | None = None
    message: str | None = None
    types: dict[str, str] = {}
    operations: list[ContextOperation] | None = None


class Golden(BaseModel):
    """One request, and the answer to it; of a reply only what is named is looked at."""

    model_config = ConfigDict(extra="forbid")

    about: str
    kind: Kind
    request: StepRequest
    attempt: int = 1
    log: AttemptLog = AttemptLog()
    scripts: dict[str, str]
    reply: dict[str, JsonValue] | None = None
    failure: Expected | None = None

    def asked(self, language: str) -> StepRequest:
        text = self.scripts[language]
        call = ScriptCall(
            kind=self.kind, language=language, text=text, sha=script_sha(language, text)
        )
        return self.request.model_copy(update={"script": call})


def goldens() -> dict[str, Golden]:
    return {
        path.stem: Golden.model_validate_json(path.read_bytes())
        for path in sorted(FOLDER.glob("*.json"))
    }


GOLDENS = goldens()
KNOWN = {*HERE, *JVM_LANGUAGES}


async def answered(
    engines: ScriptEngines, request: StepRequest, attempt: int = 1, log: AttemptLog | None = None
) -> StepReply | StepError:
    """What the runner makes of a request with a script."""
    runner = Runner(Provider(), engines=engines)
    component = runner.scripted(request)
    assert component is not None
    try:
        return await runner.attempt(component, request, attempt, log or AttemptLog())
    except StepError as error:
        return error
