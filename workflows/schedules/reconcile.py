"""`chainsaga.reconcile`: compares the mirror with Temporal and writes what is missing.

For the schedule of that name; a worker does the same once at its start.
"""

from datetime import timedelta
from typing import Final

from pydantic import JsonValue
from temporalio import workflow

from rules.jobs import COMPARE_MIRROR, Compared, Job, Reconcile, Reconciliation, counted
from workflows.schedules.calls import call, requested

ROUNDS: Final = 60
BETWEEN: Final = timedelta(seconds=1)
"""Between rounds of a reconcile that has more to do than one round may."""


@workflow.defn(name=Job.RECONCILE)
class ReconcileWorkflow:
    """Goes on round by round until the mirror has caught up."""

    @workflow.run
    async def run(self, given: JsonValue = None) -> Reconciliation:
        """One run."""
        request = requested(Reconcile, given)
        rounds = [await call(COMPARE_MIRROR, request, Compared, "round 1")]
        while not rounds[-1].caught_up and len(rounds) < ROUNDS:
            await workflow.sleep(BETWEEN)
            words = f"round {len(rounds) + 1}"
            rounds.append(await call(COMPARE_MIRROR, request, Compared, words))
        checked = sum(each.checked for each in rounds)
        repaired = sum(each.repaired for each in rounds)
        aborted = sum(each.aborted for each in rounds)
        more = not rounds[-1].caught_up
        return Reconciliation(
            summary=f"compared {counted(checked, 'execution')}, repaired {repaired:,}"
            + (f" ({aborted:,} aborted)" if aborted else "")
            + (f" in {len(rounds)} rounds" if len(rounds) > 1 else "")
            + ("; more are left for the next run" if more else ""),
            checked=checked,
            repaired=repaired,
            aborted=aborted,
            rounds=len(rounds),
            more=more,
        )
