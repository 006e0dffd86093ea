"""A worker killed with SIGKILL in the midst of a step or an undo: another one carries on.

Nothing is lost and nothing is done twice, by the sample tables.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import JsonValue
from temporalio.client import Client, WorkflowHandle
from temporalio.common import TypedSearchAttributes

from activities.components.shop import prepare_shop, shop_engine
from activities.registry import discover
from dev.processes import ChildProcess, running
from dev.stack import ROOT, product_environment
from dev.temporal_server import DevServer
from migrations.run import upgrade
from rules.compiler import ChainText, compile_chain
from rules.execution import EntryStatus, Execution, Status
from rules.wire import EXECUTION_QUERY, ChainInput, Frost, SagaResult
from tests.workflows.held import FOLDER
from tests.workflows.lab import FIRST, TENANT, Rows, ending, new_goods, rows_of
from workflows.plugin import saga_plugin
from workflows.temporal import start_attributes

COMPONENTS = ("activities.components", "tests.workflows.held")
SOLD = Rows(orders=1, available=7, coupon="free", paid=4500, messages=0)


@dataclass(frozen=True)
class Case:
    """Where the worker is killed, and how the saga ends all the same."""

    hold: str
    chain: str
    request: dict[str, JsonValue]
    status: Status
    rows: Rows
    step: str


CASES = [
    Case(
        hold="step-before",
        chain="THEN(createOrder, deductHeldBefore, pay)",
        request={},
        status=Status.COMPLETED,
        rows=SOLD,
        step="deductHeldBefore",
    ),
    Case(
        hold="step-after",
        chain="THEN(createOrder, deductHeldAfter, pay)",
        request={},
        status=Status.COMPLETED,
        rows=SOLD,
        step="deductHeldAfter",
    ),
    Case(
        hold="undo-before",
        chain="THEN(createOrder, deductUndoneBefore, pay)",
        request={"card": "declined"},
        status=Status.COMPENSATED,
        rows=FIRST,
        step="deductUndoneBefore",
    ),
    Case(
        hold="undo-after",
        chain="THEN(createOrder, deductUndoneAfter, pay)",
        request={"card": "declined"},
        status=Status.COMPENSATED,
        rows=FIRST,
        step="deductUndoneAfter",
    ),
]


@dataclass(frozen=True)
class Outcome:
    """What became of one saga whose worker was killed."""

    execution: Execution
    rows: Rows
    killed: ChildProcess
    reached: list[str]


@pytest_asyncio.fixture(scope="module")
async def outcomes(
    temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Outcome]]:
    """All cases side by side, each with worker processes, a queue and a shop of its own."""
    with ExitStack() as parts:
        found = await asyncio.gather(
            *(
                _kill(parts, temporal_server, case, tmp_path_factory.mktemp(case.hold))
                for case in CASES
            )
        )
        yield {case.hold: outcome for case, outcome in zip(CASES, found, strict=True)}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.hold)
async def test_another_worker_carries_on(outcomes: dict[str, Outcome], case: Case) -> None:
    outcome = outcomes[case.hold]
    assert outcome.killed.exit_code == -9
    assert len(outcome.reached) == 2, "both workers were in the component, one after the other"
    assert outcome.execution.status is case.status
    assert outcome.rows == case.rows
    entry = next(e for e in outcome.execution.stack if e.component == case.step)
    if case.status is Status.COMPLETED:
        assert (entry.status, entry.attempts) == (EntryStatus.COMPLETED, 2)
    else:
        assert (entry.status, entry.undo_attempts) == (EntryStatus.COMPENSATED, 2)


async def _kill(parts: ExitStack, server: DevServer, case: Case, home: Path) -> Outcome:
    upgrade(f"sqlite:///{home}/chainsaga.db")
    shop = shop_engine(f"sqlite:///{home}/shop.db")
    prepare_shop(shop)
    execution_id = new_goods(shop, case.hold)
    environment = product_environment(home, server.address, server.ui_url, 0) | {
        "CHAINSAGA_COMPONENTS": ",".join(COMPONENTS),
        "CHAINSAGA_TASK_QUEUE": case.hold,
        FOLDER: str(home),
    }
    first = parts.enter_context(_worker("first", home, environment))
    handle = await _start(server, case, execution_id)
    await _until(lambda: _reached(home, case), first)
    first.kill()
    second = parts.enter_context(_worker("second", home, environment))
    await _until(lambda: len(_reached(home, case)) == 2, second)
    (home / f"{case.hold}.go").touch()
    await ending(handle)
    execution = await handle.query(EXECUTION_QUERY, result_type=Execution)
    return Outcome(execution, rows_of(shop, execution_id), first, _reached(home, case))


def _reached(home: Path, case: Case) -> list[str]:
    return [file.name for file in home.glob(f"{case.hold}.reached.*")]


async def _start(
    server: DevServer, case: Case, execution_id: str
) -> WorkflowHandle[object, SagaResult]:
    client = await Client.connect(server.address, plugins=[saga_plugin()])
    compiled = compile_chain(
        "held",
        chains={"held": ChainText("held", case.chain)},
        components=discover(COMPONENTS).policies,
    )
    own: dict[str, JsonValue] = {"item": execution_id, "customer": execution_id, "quantity": 3}
    frost = Frost(plan=compiled.plan, request={**own, **case.request}, request_sha="")
    return await client.start_workflow(
        "held",
        ChainInput(frost=frost),
        id=f"{TENANT}:{execution_id}",
        task_queue=case.hold,
        search_attributes=TypedSearchAttributes(start_attributes(TENANT, frost)),
        result_type=SagaResult,
    )


def _worker(
    name: str, home: Path, environment: dict[str, str]
) -> AbstractContextManager[ChildProcess]:
    return running(
        [sys.executable, "worker.py"],
        name=f"{name} worker",
        log=home / f"{name}.log",
        env=environment,
        cwd=ROOT,
    )


async def _until(condition: Callable[[], object], child: ChildProcess, limit: float = 60.0) -> None:
    """Wait for a condition without holding up the event loop that the other cases share."""
    async with asyncio.timeout(limit):
        while not condition():
            child.check_alive()
            await asyncio.sleep(0.05)
