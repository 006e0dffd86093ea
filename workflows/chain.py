"""The dynamic chain workflow: workflow type = chain name, workflow id = `tenant:execution`.

For Temporal's worker. Temporal's sandbox loads this module anew for every run, so it holds the
workflow's outer shape only; `workflows.driver` does the work.
"""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from rules.decisions import DecisionKind, DecisionRecord
from rules.execution import Execution, Status
from rules.wire import (
    DECISIONS_QUERY,
    EXECUTION_QUERY,
    STATUS_QUERY,
    TREE_QUERY,
    UNDO_INPUT_QUERY,
    UNDO_PLAN_QUERY,
    PlannedUndo,
    SagaResult,
)
from workflows.details import render_all
from workflows.driver import ChainDriver
from workflows.showing import fitting, fitting_records, fitting_text, fitting_undos


@workflow.defn(dynamic=True)
class ChainWorkflow:
    """Runs one execution of one chain."""

    def __init__(self) -> None:
        self._driver = ChainDriver()

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> SagaResult:
        """Run the chain named by the workflow's type.

        The input is a `ChainInput` (from the API, or continued), or any JSON: then it is the
        chain's request, as `temporal workflow start` or a schedule gives it.
        """
        return await self._driver.run(args)

    @workflow.query(name=EXECUTION_QUERY, description="The execution with its stack, as it stands")
    def execution(self) -> Execution:
        """The execution as it stands."""
        return fitting(self._driver.saga.execution())

    @workflow.query(name=STATUS_QUERY, description="The public status")
    def status(self) -> Status:
        """The public status."""
        return self._driver.saga.state.status

    @workflow.query(name=UNDO_PLAN_QUERY, description="What would be undone now, in order")
    def undo_plan(self) -> list[PlannedUndo]:
        """What would be undone now, in order."""
        return fitting_undos(self._driver.saga.undo_plan())

    @workflow.query(name=DECISIONS_QUERY, description="Every decision with its verdict")
    def decisions(self) -> list[DecisionRecord]:
        """Every decision with its verdict, in the order in which they came."""
        return fitting_records(self._driver.saga.decisions())

    @workflow.signal(name=DecisionKind.RETRY, description="Run the waiting step, or undo, again")
    def retry(self, decision: Any = None, *_more: Any) -> None:  # noqa: ANN401 - see ChainDriver.receive
        """Decide to retry."""
        self._driver.receive(DecisionKind.RETRY, decision)

    @workflow.signal(name=DecisionKind.SKIP, description="Go on without the waiting step, or undo")
    def skip(self, decision: Any = None, *_more: Any) -> None:  # noqa: ANN401 - see ChainDriver.receive
        """Decide to skip."""
        self._driver.receive(DecisionKind.SKIP, decision)

    @workflow.signal(name=DecisionKind.COMPENSATE, description="Stop, and undo what was done")
    def compensate(self, decision: Any = None, *_more: Any) -> None:  # noqa: ANN401 - see ChainDriver.receive
        """Decide to undo."""
        self._driver.receive(DecisionKind.COMPENSATE, decision)

    @workflow.signal(
        name=DecisionKind.MANUAL_DECISION, description="retry, skip or compensate, as 'action'"
    )
    def manual_decision(self, decision: Any = None, *_more: Any) -> None:  # noqa: ANN401 - see ChainDriver
        """Decide by `action`."""
        self._driver.receive(DecisionKind.MANUAL_DECISION, decision)

    @workflow.query(name=UNDO_INPUT_QUERY, description="What undoes it, now that it has completed")
    def undo_input(self) -> RawValue:
        """What a workflow is started with that undoes this one."""
        return self._driver.undo_input()

    @workflow.query(name=TREE_QUERY, description="The chain as a tree with each node's state")
    def tree(self) -> str:
        """The whole tree, also of chains too long for the current details."""
        saga = self._driver.saga
        return fitting_text(render_all(saga.frost.plan, saga.state))
