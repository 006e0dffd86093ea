"""The lint's time grows with the chain and not with its square, whatever the chain's form."""

from time import process_time

import pytest

from rules.checks.limits import Limits
from rules.compiler import ChainText, Compiled, compile_chain
from tests.rules.lint.parts import COMPONENTS

PARTS = [
    "write",
    "book",
    "CATCH(book)",
    "WHEN(book, all).any(true)",
    "WHILE(x).DO(all)",
    "FOR(9).DO(THEN(book, write).retry(1))",
    "IF(x, ship, pay).maxWaitSeconds(1)",
    "THEN(look, FINALLY(slow))",
    "SWITCH(s).TO(book, WHEN(all, key))",
]
AROUND = [
    "THEN({})",
    "WHEN({})",
    "CATCH(THEN({}))",
    "WHEN({}).any(true)",
    "FOR(2).parallel(true).DO(WHEN({}).ignoreError(true))",
    "THEN(look, FINALLY({}))",
    "SWITCH(s).TO({})",
]
WIDE = Limits(text=2**20, nodes=10**6, plan=2**24)
SMALL, LARGE = 20, 160
"""How often all parts stand beside one another."""


def compiled(around: str, times: int) -> Compiled:
    text = around.format(", ".join(PARTS * times))
    return compile_chain(
        "main", chains={"main": ChainText("main", text)}, components=COMPONENTS, limits=WIDE
    )


def seconds(chain: Compiled) -> float:
    def once() -> float:
        started = process_time()
        assert chain.warnings is not None
        return process_time() - started

    return min(once() for _ in range(3))


@pytest.mark.parametrize("around", AROUND)
def test_time_is_linear(around: str) -> None:
    few, many = (seconds(compiled(around, times)) for times in (SMALL, LARGE))
    # A square would be 64 times as long.
    assert many <= 24 * few


@pytest.mark.parametrize("opening", ["THEN(", "CATCH(", "FOR(2).DO(", "WHEN(look, ", "IF(x, "])
def test_deep_chains_are_no_trouble(opening: str) -> None:
    text = opening * 85 + "write" + ")" * 85
    chain = compile_chain("main", chains={"main": ChainText("main", text)}, components=COMPONENTS)
    assert isinstance(chain.warnings, tuple)
    assert seconds(chain) < 1
