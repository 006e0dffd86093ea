"""Five no-op steps as somebody would write them by hand on Temporal: the baseline."""

from datetime import timedelta

from temporalio import workflow


@workflow.defn(name="handwritten")
class Handwritten:
    """Calls the same five activities in a row."""

    @workflow.run
    async def run(self, execution_id: str) -> str:
        """Call them, and answer with the execution's id."""
        saga = {
            "tenant": "1",
            "execution_id": execution_id,
            "chain": "handwritten",
            "rule_version": 1,
            "first_run_id": workflow.info().first_execution_run_id,
        }
        for number in range(1, 6):
            await workflow.execute_activity(
                f"noop{number}",
                {"saga": saga, "seq": number, "path": str(number), "component": f"noop{number}"},
                start_to_close_timeout=timedelta(seconds=60),
            )
        return execution_id
