"""What the tests of the EL compiler share: components, chains to include, and `compile_el`."""

from collections.abc import Callable

import pytest

from rules.compiler import ChainText, Compiled, compile_chain
from rules.plan import ComponentPolicy, Needs, OutputNeed

Compile = Callable[[str], Compiled]

COMPONENTS = {
    policy.id: policy
    for policy in (
        *(ComponentPolicy(id=name) for name in "abcd"),
        *(ComponentPolicy(id=name, kind="boolean") for name in "xy"),
        ComponentPolicy(id="s", kind="switch"),
        ComponentPolicy(id="n", kind="for"),
        ComponentPolicy(id="it", kind="iterator"),
        ComponentPolicy(id="standIn", fallback=True),
        ComponentPolicy(id="standInSwitch", kind="switch", fallback=True),
        ComponentPolicy(id="pay", compensate="refund"),
        ComponentPolicy(id="refund"),
        ComponentPolicy(id="lost", compensate="refnd"),
        ComponentPolicy(id="needsA", needs=Needs(outputs=(OutputNeed(name="a"),))),
        ComponentPolicy(id="needsVip", needs=Needs(outputs=(OutputNeed(name="a", tag="vip"),))),
        ComponentPolicy(id="mayHaveA", needs=Needs(outputs=(OutputNeed(name="a", optional=True),))),
        ComponentPolicy(id="创建订单"),
    )
}

INCLUDED = {
    chain.name: chain
    for chain in (
        ChainText("sub", "THEN(a, b)", 3),
        ChainText("outer", "THEN(sub, c)", 2),
        ChainText("asks", "THEN(needsA)"),
        ChainText("either", "AND(x, y)"),
        ChainText("broken", "THEN(a, nosuch)"),
        ChainText("round1", "THEN(round2)"),
        ChainText("round2", "THEN(a, round1)"),
        ChainText("main2", "THEN(main)"),
        ChainText("order-1", "THEN(a)"),
    )
}


def _compile_main(text: str) -> Compiled:
    return compile_chain(
        "main", chains={**INCLUDED, "main": ChainText("main", text)}, components=COMPONENTS
    )


@pytest.fixture(scope="session")
def compile_el() -> Compile:
    """Compiles a text as the chain `main`."""
    return _compile_main
