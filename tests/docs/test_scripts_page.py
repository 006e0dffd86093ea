"""The page about scripts: its example does what it says, and its lists are those of the code."""

import json
import re
from collections.abc import Iterator

import pytest

from activities.runner import Provider, Runner
from activities.scripts.engine import HERE, ScriptEngines, ScriptLimits
from activities.scripts.inside.python import MODULES
from api.inprocess.execute import execute
from dev.stack import ROOT
from rules.compiler import ChainText, compile_chain
from rules.execution import Status, steps_string
from rules.scripts import JVM_LANGUAGES, KINDS, Components, ScriptText
from rules.wire import Frost
from tests.docs.markdown import blocks
from tests.docs.test_examples import only

PAGE = ROOT / "docs" / "scripts.md"
SCRIPTS = {
    id: ScriptText(id, text, type, language)
    for id, type, language, text in re.findall(
        r"#### `(\w+)` \(`(\w+)`, `(\w+)`\)\n\n```\w+\n(.*?)```\n", PAGE.read_text(), re.DOTALL
    )
}


@pytest.fixture(scope="module")
def engines() -> Iterator[ScriptEngines]:
    engines = ScriptEngines(ScriptLimits(seconds=20))
    yield engines
    engines.close()


async def test_the_example_does_what_it_says(engines: ScriptEngines) -> None:
    request, context = (json.loads(block.text) for block in blocks(PAGE, "json"))
    chain = ChainText("order", only(PAGE, "el").text)
    known = Components({}, SCRIPTS, engines)
    compiled = compile_chain("order", chains={"order": chain}, components=known)
    assert not [one for one in compiled.warnings if one.severity == "error"]
    frost = Frost(plan=compiled.plan, request=request, request_sha="")
    runner = Runner(Provider(), engines=engines)
    execution = await execute("1", "docs", frost, {}, runner)
    assert execution.status is Status.COMPLETED, execution.error
    assert execution.context == context
    packed = "==>".join(["pack"] * 3)
    steps = f"price==>isLarge==>discount==>parcels==>{packed}==>carrier==>byTruck"
    assert steps_string(execution.stack) == steps


def test_every_example_is_used() -> None:
    assert {one.language for one in SCRIPTS.values()} == set(HERE)
    chain = only(PAGE, "el").text
    assert all(re.search(rf"\b{id}\b", chain) for id in SCRIPTS)


@pytest.mark.parametrize("word", [*KINDS, *HERE, *JVM_LANGUAGES])
def test_it_names_every_type_and_language(word: str) -> None:
    assert f"`{word}`" in PAGE.read_text()


def test_the_modules_are_those_that_can_be_imported() -> None:
    told = re.search(r"Imports: `([^`]+)`", PAGE.read_text())
    assert told is not None
    names = [module.__name__ for module in MODULES]
    assert told[1].split(", ") == ["urllib.parse" if name == "urllib" else name for name in names]
