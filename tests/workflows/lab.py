"""A laboratory: one worker with the sample shop on a real Temporal server, and the same in memory.

For the tests of whole sagas. Every run has its own goods, coupon and customer in one shop, so that
runs go on side by side and each can be asked whether its rows are as they were.
"""

from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from pydantic import JsonValue
from sqlalchemy import Engine, select
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.common import TypedSearchAttributes
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities.chains import Chains
from activities.components import shop
from activities.execute import component_activities
from activities.mirror.interceptor import MirrorInterceptor
from activities.mirror.reader import MirrorReader
from activities.mirror.writer import MirrorWriter
from activities.registry import Registry, discover
from activities.runner import Provider, Runner
from activities.system import system_activities
from activities.undo_sub_runs import undo_activities
from api.inprocess.execute import execute
from migrations.run import upgrade
from rules.execution import Execution
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.freeze import freeze
from rules.source.repository import ChainRepository, ChainRow
from rules.source.service import RuleSource
from rules.sub_runs import SUB_QUEUE
from rules.wire import EXECUTION_QUERY, ChainInput, Frost, SagaOptions, SagaResult
from tests.workflows.callers import CHAINS as CALLED
from tests.workflows.replaying import histories_of
from tests.workflows.scenarios import CHAINS
from workflows.plugin import saga_plugin
from workflows.temporal import start_attributes

TENANT = "1"
PATIENCE = 60.0
QUEUE = "lab"
UNCACHED_QUEUE = "lab-uncached"

Overrides = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Rows:
    """What the shop holds of one run: all that its sample components can change."""

    orders: int
    available: int
    coupon: str
    paid: int
    messages: int


FIRST = Rows(orders=0, available=10, coupon="free", paid=0, messages=0)


@dataclass(frozen=True, slots=True)
class Run:
    """One run that has ended: the execution, the shop's rows, how many Temporal runs it took."""

    execution: Execution
    rows: Rows
    runs: int = 1
    mirrored: Execution | None = None


@dataclass(frozen=True, slots=True)
class Lab:
    """Everything that a saga needs, on both runtimes."""

    client: Client
    rules: RuleSource
    registry: Registry
    runner: Runner
    shop: Engine
    writer: MirrorWriter
    reader: MirrorReader

    def frost(
        self,
        chain: str,
        execution_id: str,
        request: Mapping[str, JsonValue],
        overrides: Overrides | None = None,
        max_events: int | None = None,
    ) -> Frost:
        """A frozen chain for the run's own goods; `overrides` changes policies by component.

        A component that none gives a time-out has much time: the machine may be slow.
        """
        own: dict[str, JsonValue] = {
            "item": execution_id,
            "coupon": execution_id,
            "customer": execution_id,
        }
        frost = freeze(
            self.rules.snapshot,
            TENANT,
            chain,
            {**own, **request},
            options=SagaOptions(max_events=max_events),
        )
        components: dict[str, ComponentPolicy] = {
            id: policy.model_copy(update={"timeout": PATIENCE, **(overrides or {}).get(id, {})})
            for id, policy in frost.plan.components.items()
        }
        plan = frost.plan.model_copy(update={"components": components})
        return frost.model_copy(update={"plan": plan})

    async def find(self, chain: str, request: JsonValue, options: SagaOptions) -> Frost:
        """A chain that a step runs in memory."""
        return freeze(self.rules.snapshot, TENANT, chain, request, options=options)

    def new_run(self) -> str:
        """The id of a run whose goods, coupon and customer are in the shop."""
        return new_goods(self.shop, uuid4().hex)

    async def start(
        self, frost: Frost, execution_id: str, queue: str = QUEUE
    ) -> WorkflowHandle[object, SagaResult]:
        """Start an execution on Temporal."""
        return await self.client.start_workflow(
            frost.plan.chain,
            ChainInput(frost=frost),
            id=f"{TENANT}:{execution_id}",
            task_queue=queue,
            search_attributes=TypedSearchAttributes(start_attributes(TENANT, frost)),
            result_type=SagaResult,
        )

    async def on_temporal(self, frost: Frost, execution_id: str, queue: str = QUEUE) -> Run:
        """Run to the end on Temporal; the workflow's own answer, checked against its ending."""
        handle = await self.start(frost, execution_id, queue)
        result = await ending(handle)
        execution = await handle.query(EXECUTION_QUERY, result_type=Execution)
        assert result.status is execution.status
        assert self.writer.flush(10)
        mirrored = self.reader.get(TENANT, execution_id)
        runs = len(await self.histories(execution_id))
        return Run(execution, rows_of(self.shop, execution_id), runs, mirrored)

    async def in_memory(self, frost: Frost, execution_id: str) -> Run:
        """Run to the end in this process."""
        execution = await execute(TENANT, execution_id, frost, self.registry, self.runner)
        return Run(execution, rows_of(self.shop, execution_id))

    async def start_by_hand(
        self, chain: str, execution_id: str
    ) -> WorkflowHandle[object, SagaResult]:
        """Start an execution as the `temporal` command does: with a bare request and no plan."""
        own = {"item": execution_id, "coupon": execution_id, "customer": execution_id}
        return await self.client.start_workflow(
            chain,
            own,
            id=f"{TENANT}:{execution_id}",
            task_queue=QUEUE,
            result_type=SagaResult,
        )

    async def histories(self, execution_id: str) -> list[WorkflowHistory]:
        """The histories of every run of an execution, oldest first."""
        return await histories_of(self.client, f"{TENANT}:{execution_id}")


def new_goods(goods: Engine, execution_id: str) -> str:
    """Put goods, a coupon and a customer of a run's own into a shop; gives back the run's id."""
    with goods.begin() as connection:
        connection.execute(shop.stock.insert().values(item=execution_id, available=FIRST.available))
        connection.execute(shop.coupons.insert().values(coupon=execution_id, status="free"))
        connection.execute(shop.accounts.insert().values(customer=execution_id, paid=0))
    return execution_id


def rows_of(goods: Engine, execution_id: str) -> Rows:
    """A shop's rows of one run."""
    with goods.connect() as connection:
        orders = connection.execute(
            select(shop.orders).where(shop.orders.c.order_id == execution_id)
        ).all()
        available = connection.execute(
            select(shop.stock.c.available).where(shop.stock.c.item == execution_id)
        ).scalar_one()
        coupon = connection.execute(
            select(shop.coupons.c.status).where(shop.coupons.c.coupon == execution_id)
        ).scalar_one()
        paid = connection.execute(
            select(shop.accounts.c.paid).where(shop.accounts.c.customer == execution_id)
        ).scalar_one()
        messages = connection.execute(
            select(shop.messages).where(shop.messages.c.text.startswith(f"{execution_id}:"))
        ).all()
    return Rows(len(orders), available, coupon, paid, len(messages))


async def ending(handle: WorkflowHandle[object, SagaResult]) -> SagaResult:
    """How an execution ended, whether its workflow completed or failed."""
    try:
        return await handle.result()
    except WorkflowFailureError as failure:
        cause = failure.cause
    assert isinstance(cause, ApplicationError), cause
    result = SagaResult.model_validate(cause.details[0])
    assert cause.type == result.status.value
    return result


def callers_worker(client: Client, queue: str) -> Worker:
    """The worker of steps that wait for chains they run."""
    return Worker(
        client,
        task_queue=f"{queue}{SUB_QUEUE}",
        max_concurrent_activities=1000,
        graceful_shutdown_timeout=timedelta(0),
    )


@asynccontextmanager
async def open_lab(address: str, home: Path) -> AsyncIterator[Lab]:
    """A lab on the Temporal server at `address`, with its databases in `home`."""
    engine = create_engine_for(f"sqlite:///{home}/chainsaga.db", "lab")
    upgrade(engine)
    repository = ChainRepository(engine, "lab", "default")
    for name, text in {**CHAINS, **CALLED}.items():
        repository.save(ChainRow(tenant=TENANT, name=name, text=text))
    registry = discover(
        [
            "activities.components",
            "tests.workflows.doors",
            "tests.workflows.acting",
            "tests.workflows.bounded",
            "tests.workflows.authored",
            "tests.workflows.heavy",
            "tests.workflows.callers",
        ]
    )
    rules = RuleSource(engine, "lab", "default", registry.policies)
    goods = shop.shop_engine(f"sqlite:///{home}/shop.db")
    shop.prepare_shop(goods)
    writer, reader = MirrorWriter(engine), MirrorReader(engine)
    with ThreadPoolExecutor(64) as executor:
        runner = Runner(Provider({shop.open_shop: goods}), executor)
        plugin = saga_plugin(
            [
                *component_activities(
                    registry, runner, Chains(rules, writer, reader, start_attributes)
                ),
                *undo_activities(),
                *system_activities(rules, writer),
            ],
            [MirrorInterceptor(writer)],
        )
        client = await Client.connect(address, plugins=[plugin])
        async with (
            Worker(client, task_queue=QUEUE, activity_executor=executor),
            callers_worker(client, QUEUE),
            callers_worker(client, UNCACHED_QUEUE),
            # Every workflow task of this one replays its history from the start.
            Worker(
                client,
                task_queue=UNCACHED_QUEUE,
                activity_executor=executor,
                max_cached_workflows=0,
            ),
        ):
            yield Lab(client, rules, registry, runner, goods, writer, reader)
    assert writer.close(10)
    goods.dispose()
    engine.dispose()
