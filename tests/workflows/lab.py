"""A laboratory: one worker with the sample shop on a real Temporal server, and the same in memory.

For the tests of whole sagas. Every run has its own goods, coupon and customer in one shop, so that
runs go on side by side and each can be asked whether its rows are as they were.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from pydantic import JsonValue
from sqlalchemy import Engine, select
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import TypedSearchAttributes
from temporalio.exceptions import ApplicationError

from activities.components import shop
from activities.mirror.reader import MirrorReader
from activities.mirror.writer import MirrorWriter
from activities.registry import Registry
from activities.runner import Runner
from api.inprocess.execute import execute
from rules.execution import Execution
from rules.plan import ComponentPolicy
from rules.source.freeze import freeze
from rules.source.service import RuleSource
from rules.wire import EXECUTION_QUERY, ChainInput, Frost, SagaOptions, SagaResult
from workflows.temporal import start_attributes

TENANT = "1"
QUEUE = "lab"

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
        """A frozen chain for the run's own goods; `overrides` changes policies by component."""
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
        components: dict[str, ComponentPolicy] = dict(frost.plan.components)
        for component, changes in (overrides or {}).items():
            components[component] = components[component].model_copy(update=dict(changes))
        plan = frost.plan.model_copy(update={"components": components})
        return frost.model_copy(update={"plan": plan})

    def new_run(self) -> str:
        """The id of a run whose goods, coupon and customer are in the shop."""
        execution_id = uuid4().hex
        with self.shop.begin() as connection:
            connection.execute(
                shop.stock.insert().values(item=execution_id, available=FIRST.available)
            )
            connection.execute(shop.coupons.insert().values(coupon=execution_id, status="free"))
            connection.execute(shop.accounts.insert().values(customer=execution_id, paid=0))
        return execution_id

    def rows(self, execution_id: str) -> Rows:
        """The shop's rows of a run."""
        with self.shop.connect() as connection:
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

    async def start(self, frost: Frost, execution_id: str) -> WorkflowHandle[object, SagaResult]:
        """Start an execution on Temporal."""
        return await self.client.start_workflow(
            frost.plan.chain,
            ChainInput(frost=frost),
            id=f"{TENANT}:{execution_id}",
            task_queue=QUEUE,
            search_attributes=TypedSearchAttributes(start_attributes(TENANT, frost)),
            result_type=SagaResult,
        )

    async def on_temporal(self, frost: Frost, execution_id: str) -> Run:
        """Run to the end on Temporal; the workflow's own answer, checked against its ending."""
        handle = await self.start(frost, execution_id)
        result = await ending(handle)
        execution = await handle.query(EXECUTION_QUERY, result_type=Execution)
        assert result.status is execution.status
        assert self.writer.flush(10)
        mirrored = self.reader.get(TENANT, execution_id)
        return Run(execution, self.rows(execution_id), await self._runs(execution_id), mirrored)

    async def in_memory(self, frost: Frost, execution_id: str) -> Run:
        """Run to the end in this process."""
        execution = await execute(TENANT, execution_id, frost, self.registry, self.runner)
        return Run(execution, self.rows(execution_id))

    async def _runs(self, execution_id: str) -> int:
        """How many Temporal runs an execution took, counted back from its last one."""
        workflow_id = f"{TENANT}:{execution_id}"
        count, run_id = 0, None
        while True:
            handle = self.client.get_workflow_handle(workflow_id, run_id=run_id)
            first = (await handle.fetch_history()).events[0]
            count += 1
            run_id = first.workflow_execution_started_event_attributes.continued_execution_run_id
            if not run_id:
                return count


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
