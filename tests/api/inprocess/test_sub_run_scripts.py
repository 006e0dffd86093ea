"""What scripts are told of the request of the chain that a step runs."""

import asyncio
from uuid import uuid4

from pydantic import JsonValue

from activities.component import Step, component
from activities.registry import Registry
from activities.runner import Provider, Runner
from activities.scripts.engine import ScriptEngines, ScriptLimits
from api.inprocess.clock import SystemClock
from api.inprocess.execute import InMemoryExecution
from rules.compiler import ChainText, compile_chain
from rules.execution import Execution
from rules.scripts import Components, ScriptText
from rules.wire import Frost, SagaOptions

TEXTS = {
    "main": "THEN(told, sums);",
    "priced": "THEN(told, within);",
    "within": "THEN(told);",
}
TOLD = """\
meta = _meta
defaultContext.append('told', [meta.currChainId, meta.requestData, meta.subRequestData])
"""


@component("sums", runs_chains=True)
async def sums(step: Step) -> None:
    """Asks for a price."""
    await step.run_chain("priced", {"price": 7})


def frost(chain: str, request: JsonValue, registry: Registry, engines: ScriptEngines) -> Frost:
    components = Components(
        registry.policies, {"told": ScriptText("told", TOLD, language="python")}, engines
    )
    texts = {name: ChainText(name, text) for name, text in TEXTS.items()}
    plan = compile_chain(chain, chains=texts, components=components).plan
    return Frost(plan=plan, request=request, request_sha="", options=SagaOptions(unattended=True))


async def executed(engines: ScriptEngines) -> Execution:
    registry = Registry([sums])

    async def find(chain: str, request: JsonValue, _options: SagaOptions) -> Frost:
        return frost(chain, request, registry, engines)

    running = InMemoryExecution(
        "1",
        uuid4().hex,
        frost("main", {"price": 1}, registry, engines),
        registry,
        Runner(Provider(), None, engines),
        clock=SystemClock(),
        chains=find,
    )
    return await running.run()


def test_only_the_chain_that_is_run_has_a_request_of_its_own() -> None:
    engines = ScriptEngines(ScriptLimits(seconds=30))
    try:
        execution = asyncio.run(executed(engines))
    finally:
        engines.close()
    own, call = {"price": 1}, {"price": 7}
    assert execution.context["told"] == [
        ["main", own, None],
        ["priced", call, call],
        ["within", call, None],
    ], execution.error
