"""What the engines know of texts that another worker compiles."""

from collections.abc import Iterator

import pytest

from activities.errors import EngineDown
from activities.scripts.engine import ScriptEngines, ScriptLimits
from rules.config.kinds import COMPONENTS, Key
from rules.config.script_texts import checked_by, prepared_by
from rules.scripts import ScriptText, policy_of

WRONG = "def x = 1\nreturn (("
PROBLEM = "line 2: Unexpected input: '('"
KEY = Key("", "1", "made")


class Elsewhere:
    """A compiler that is there, or is not."""

    def __init__(self) -> None:
        self.there = True
        self.asked: list[tuple[str, str]] = []

    def problem(self, language: str, text: str) -> str | None:
        self.asked.append((language, text))
        if not self.there:
            raise EngineDown("nobody is there")
        return PROBLEM if text == WRONG else None


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def engines(elsewhere: Elsewhere) -> Iterator[ScriptEngines]:
    engines = ScriptEngines(ScriptLimits(), jvm=True, compiler=elsewhere)
    yield engines
    engines.close()


def content(text: str, language: str = "groovy") -> dict[str, object]:
    return {**COMPONENTS.defaults, "component_code": text, "language": language}


def found(engines: ScriptEngines, text: str, language: str = "groovy") -> list[tuple[str, int]]:
    """What the check says: severity and category, and the line."""
    told = checked_by(engines)(KEY, content(text, language))
    return [(f"{one.severity} {one.category}", one.line) for one in told]


def test_what_was_not_asked_is_unchecked(engines: ScriptEngines, elsewhere: Elsewhere) -> None:
    assert found(engines, WRONG) == [("warning unchecked", 1)]
    assert engines.problem("groovy", "common", WRONG) is None
    assert elsewhere.asked == []


def test_an_answer_is_kept(engines: ScriptEngines, elsewhere: Elsewhere) -> None:
    for text, expected in ((WRONG, [("error script", 2)]), ("return 1", [])):
        for _ in range(2):
            prepared_by(engines)(KEY, content(text))
            assert found(engines, text) == expected
    assert elsewhere.asked == [("groovy", WRONG), ("groovy", "return 1")]
    script = policy_of(ScriptText("made", WRONG, language="groovy"), engines).script
    assert script is not None
    assert script.problem == PROBLEM


def test_no_answer_is_asked_for_again(engines: ScriptEngines, elsewhere: Elsewhere) -> None:
    elsewhere.there = False
    prepared_by(engines)(KEY, content(WRONG))
    assert found(engines, WRONG) == [("warning unchecked", 1)]
    elsewhere.there = True
    prepared_by(engines)(KEY, content(WRONG))
    assert found(engines, WRONG) == [("error script", 2)]


@pytest.mark.parametrize(
    ("language", "text"), [("lua", "x"), ("cel", "1 +"), ("java", " " * 70_000)]
)
def test_only_what_runs_there_is_asked(
    engines: ScriptEngines, elsewhere: Elsewhere, language: str, text: str
) -> None:
    prepared_by(engines)(KEY, content(text, language))
    assert elsewhere.asked == []
    assert "unchecked" not in str(found(engines, text, language))


def test_a_deployment_without_that_worker_asks_nobody(elsewhere: Elsewhere) -> None:
    engines = ScriptEngines(ScriptLimits(), jvm=False, compiler=elsewhere)
    prepared_by(engines)(KEY, content(WRONG))
    assert (found(engines, WRONG), elsewhere.asked) == ([("warning script", 1)], [])
    engines.close()
