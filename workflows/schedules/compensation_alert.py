"""`chainsaga.compensation-alert`: says aloud which sagas need a person, and retries blocked undos.

For the schedule of that name. Retries come before the webhook, so that one that does not answer
holds up no saga.
"""

from pydantic import JsonValue
from temporalio import workflow

from rules.jobs import (
    FIND_TROUBLES,
    RETRY_UNDOS,
    SEND_ALERTS,
    AlertsRaised,
    CompensationAlert,
    Job,
    Retried,
    RetryUndos,
    SendAlerts,
    Sent,
    Troubles,
    counted,
)
from workflows.schedules.calls import call, requested


@workflow.defn(name=Job.COMPENSATION_ALERT)
class CompensationAlertWorkflow:
    """Finds, retries, sends. Fails when the webhook takes nothing; the next run sends it."""

    @workflow.run
    async def run(self, given: JsonValue = None) -> AlertsRaised:
        """One run."""
        request = requested(CompensationAlert, given)
        found = await call(FIND_TROUBLES, request, Troubles, "find")
        retried, sent = Retried(), Sent()
        if found.retries:
            order = RetryUndos(retries=found.retries)
            words = counted(len(found.retries), "undo")
            retried = await call(RETRY_UNDOS, order, Retried, words)
        if found.unsent:
            words = counted(found.unsent, "alert")
            sent = await call(SEND_ALERTS, SendAlerts(), Sent, words)
        summary = _summary(found, retried, sent)
        if found.more or sent.left:
            workflow.logger.error("compensation-alert is behind: %s", summary)
        return AlertsRaised(
            summary=summary,
            blocked=found.blocked,
            aborted=found.aborted,
            due=found.due,
            raised=found.raised,
            sent=sent.sent,
            retried=retried.accepted,
        )


def _summary(found: Troubles, retried: Retried, sent: Sent) -> str:
    parts = [
        f"{counted(found.blocked, 'saga')} with a blocked undo",
        f"{found.due:,} with a decision due" if found.due else "",
        f"{found.aborted:,} aborted lately" if found.aborted else "",
        f"raised {counted(found.raised, 'alert')}",
        f"sent {sent.sent:,}" if sent.sent else "",
        f"retried {counted(retried.accepted, 'undo')}" if retried.accepted else "",
        f"{counted(retried.rejected, 'retry', 'retries')} came too late"
        if retried.rejected
        else "",
        "more are left for the next run" if found.more or sent.left else "",
    ]
    return ", ".join(part for part in parts if part)
