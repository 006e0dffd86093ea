"""The example of every operator, as the page of the language has it, runs to its end.

With the components that the page speaks of: `a` to `d` common, `x` and `y` boolean, `s` a switch,
`n` a for and `it` an iterator component, and `sub` a chain.
"""

import pytest
from pydantic import JsonValue

from activities.component import Step, component
from activities.registry import Registry
from activities.runner import Provider, Runner
from api.inprocess.clock import VirtualClock, run_virtual
from api.inprocess.execute import execute
from rules.compiler import ChainText, compile_chain
from rules.el.operators.rows import Operator
from rules.el.operators.table import OPERATORS
from rules.execution import Status, steps_string
from rules.wire import Frost, SagaOptions

# How often each head has said yes; then it says no, so that every loop ends.
YES = 2
ASKED: dict[str, int] = {}


@component("a", read_only=True)
async def a() -> str:
    return "a"


@component("b", read_only=True)
async def b() -> str:
    return "b"


@component("c", read_only=True)
async def c() -> str:
    return "c"


@component("d", read_only=True)
async def d() -> str:
    return "d"


async def _asked(step: Step) -> bool:
    ASKED[step.execution_id] = ASKED.get(step.execution_id, 0) + 1
    return ASKED[step.execution_id] <= YES


@component("x", kind="boolean")
async def x(step: Step) -> bool:
    return await _asked(step)


@component("y", kind="boolean")
async def y(step: Step) -> bool:
    return await _asked(step)


@component("s", kind="switch")
async def s() -> str:
    return "a"


@component("n", kind="for")
async def n() -> int:
    return 2


@component("it", kind="iterator")
async def it() -> list[JsonValue]:
    return ["p", "q"]


REGISTRY = Registry([a, b, c, d, x, y, s, n, it])

# What the example of each operator comes to, where nothing fails; steps side by side sorted.
STEPS = {
    "THEN": "a b c",
    "WHEN": "a b c d",
    "any": "a b c",
    "must": "a b c a b",
    "percentage": "a b c",
    "ignoreError": "a b c",
    "PRE": "b a c",
    "FINALLY": "a b c",
    "CATCH": "a b",
    "IF": "x a",
    "ELIF": "x a",
    "ELSE": "x a",
    "SWITCH": "s a",
    "TO": "s a",
    "DEFAULT": "s a",
    "AND": "x y",
    "OR": "x a",
    "NOT": "x",
    "FOR": "n a LOOP_3 b b b a LOOP_3 b b b",
    "WHILE": "x a x a x",
    "ITERATOR": "it a a",
    "DO": "LOOP_3 a b a b a b",
    "BREAK": "x a y",
    "parallel": "LOOP_3 a a a",
    "node": "a b",
    "id": "a b",
    "tag": "a a",
    "data": "a b",
    "bind": "a b",
    "retry": "a b c",
    "maxWaitSeconds": "a b c",
    "maxWaitMilliseconds": "a b",
    "threadPool": "a b",
}
BESIDE = {"WHEN", "any", "must", "percentage", "ignoreError", "parallel", "threadPool"}


def test_every_operator_has_an_example() -> None:
    assert STEPS.keys() == {row.name for row in OPERATORS}


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: row.name)
def test_an_example_runs(row: Operator) -> None:
    chains = {"main": ChainText("main", row.example), "sub": ChainText("sub", "THEN(a, b)")}
    plan = compile_chain("main", chains=chains, components=REGISTRY.policies).plan
    frost = Frost(plan=plan, request=None, request_sha="", options=SagaOptions(unattended=True))
    runner = Runner(Provider())
    running = execute("1", f"example-{row.name}", frost, REGISTRY, runner, clock=VirtualClock())
    execution = run_virtual(running)
    assert execution.status is Status.COMPLETED, execution.error
    found, told = steps_string(execution.stack).split("==>"), STEPS[row.name].split()
    if row.name in BESIDE:
        assert sorted(found) == sorted(told)
    else:
        assert found == told
