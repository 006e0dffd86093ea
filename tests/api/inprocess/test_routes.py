"""Routes in memory: which chains match, each asked by itself, on virtual time."""

import asyncio
import subprocess
import sys
from typing import Annotated

import pytest

from activities.component import Ctx, Refused, Retry, Step, component, seconds
from activities.registry import Registry, declared_in
from activities.runner import Provider, Runner
from api.inprocess.clock import EPOCH, VirtualClock, run_virtual
from api.inprocess.routes import Answer, ask_routes
from dev.stack import ROOT
from rules.checks.filling import ChainText
from rules.compiler import compile_route


@component("isLarge", kind="boolean")
async def is_large(request: int) -> bool:
    return request > 100


@component("isEven", kind="boolean")
def is_even(request: int) -> bool:
    return request % 2 == 0


@component("isFree", kind="boolean")
async def is_free(step: Step, mark: Annotated[str | None, Ctx("mark")]) -> bool:
    """True once per context."""
    step.context.set("mark", "taken")
    return mark is None


@component("isSlow", kind="boolean")
async def is_slow() -> bool:
    await asyncio.sleep(30)
    return True


@component("refuses", kind="boolean", retry=Retry(attempts=3))
async def refuses() -> bool:
    raise Refused("not today")


@component("isLate", kind="boolean", timeout=seconds(5), idempotent=False)
async def is_late() -> bool:
    await asyncio.sleep(60)
    return True


def never() -> bool:
    return False


@component("isHidden", kind="boolean", access=never)
async def is_hidden() -> bool:
    return True


@component("ends", kind="boolean")
async def ends(step: Step) -> bool:
    step.end()
    return True


@component("act")
async def act() -> None:
    pass


REGISTRY = Registry(declared_in(sys.modules[__name__]))


def asked(request: int, *routes: str) -> tuple[Answer, ...]:
    chains = {
        f"c{at}": ChainText(f"c{at}", "THEN(act)", route=text) for at, text in enumerate(routes)
    }
    plans = [compile_route(name, chains=chains, components=REGISTRY.policies) for name in chains]
    running = ask_routes(
        "1",
        "decision",
        plans,
        request,
        components=REGISTRY,
        runner=Runner(Provider()),
        clock=VirtualClock(),
    )
    return run_virtual(running)


MATCHES = [
    (150, "isLarge", True),
    (50, "isLarge", False),
    (150, "NOT(isLarge)", False),
    (51, "OR(isLarge, NOT(isEven))", True),
    (51, "AND(isLarge, NOT(isEven))", False),
    (150, "large = isLarge; AND(large, isEven)", True),
    (150, 'isLarge.tag("t").data("d")', True),
    (150, 'OR(isHidden, isLarge).id("o")', True),
    # A failure, an answer that never comes, the end and no answer are no match.
    (150, "refuses", False),
    (150, "OR(isLarge, refuses)", True),
    (150, "OR(refuses, isLarge)", False),
    (150, "isLate", False),
    (150, "isHidden", False),
    (150, "NOT(isHidden)", False),
    (150, "ends", False),
]


@pytest.mark.parametrize(("request_", "route", "matches"), MATCHES)
def test_route(request_: int, route: str, matches: bool) -> None:
    (answer,) = asked(request_, route)
    assert (answer.chain, answer.matches) == ("c0", matches)


def test_each_has_a_context_of_its_own() -> None:
    answers = asked(1, "isFree", "isFree", "AND(isFree, NOT(isFree))")
    assert [answer.matches for answer in answers] == [True, True, True]


def test_they_are_asked_at_once_and_answer_in_their_order() -> None:
    answers = asked(150, "isSlow", "isLate", "isLarge", "AND(isSlow, isLarge)")
    assert [answer.chain for answer in answers] == ["c0", "c1", "c2", "c3"]
    assert [answer.matches for answer in answers] == [True, False, True, True]
    ended = [answer.execution.ended_at for answer in answers]
    assert [end and (end - EPOCH).total_seconds() for end in ended] == [30, 5, 0, 30]


def test_a_failed_route_says_why() -> None:
    (answer,) = asked(1, "refuses")
    assert answer.execution.error is not None
    assert answer.execution.error.message == "not today"
    assert [entry.attempts for entry in answer.execution.stack] == [3]


def test_no_routes_no_answers() -> None:
    assert asked(1) == ()


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys, api.inprocess.routes, rules.compiler;"
        "print({'sqlalchemy', 'fastapi', 'temporalio', 'redis'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "set()"
