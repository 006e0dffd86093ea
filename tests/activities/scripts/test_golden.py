"""Every golden request on every engine that its file has a text for."""

import pytest

from activities.runner import StepError
from activities.scripts.engine import HERE, ScriptEngines
from rules.wire import StepReply
from tests.activities.scripts.golden import GOLDENS, KNOWN, Expected, answered

CASES = [
    (name, language)
    for name, golden in GOLDENS.items()
    for language in golden.scripts
    if language in HERE
]


@pytest.mark.parametrize(("name", "language"), CASES)
async def test_is_answered_as_agreed(engines: ScriptEngines, name: str, language: str) -> None:
    golden = GOLDENS[name]
    found = await answered(engines, golden.asked(language), golden.attempt, golden.log)
    if golden.failure is not None:
        assert isinstance(found, StepError), found
        assert_failed(found, golden.failure, language)
    else:
        assert isinstance(found, StepReply), found
        reply = found.model_dump(mode="json")
        assert {key: reply[key] for key in golden.reply or {}} == golden.reply


def assert_failed(found: StepError, expected: Expected, language: str) -> None:
    failure = found.failure
    assert (failure.outcome, failure.error.code) == (expected.outcome, expected.code)
    assert found.final is expected.final
    if expected.line is not None:
        assert failure.error.details == {"language": language, "line": expected.line}
        assert f"line {expected.line}" in failure.error.message
    if expected.message is not None:
        assert failure.error.message == expected.message
    if language in expected.types:
        assert failure.error.type == expected.types[language]
    if expected.operations is not None:
        assert list(failure.operations) == expected.operations


@pytest.mark.parametrize("name", GOLDENS)
def test_a_file_says_one_thing_in_known_languages(name: str) -> None:
    golden = GOLDENS[name]
    assert (golden.reply is None) != (golden.failure is None)
    assert golden.request.script is None
    assert golden.scripts.keys() <= KNOWN
    assert golden.scripts.keys() & HERE.keys()


def test_each_engine_has_each_kind_that_it_is_for() -> None:
    asked = {(language, GOLDENS[name].kind) for name, language in CASES}
    heads = ("boolean", "switch", "for", "iterator")
    every = {(language, kind) for language in HERE for kind in ("common", *heads)}
    assert asked == every - {("cel", "common")}
