"""`chainsaga.check-script`: has a script compiled by the worker that could run it.

For who writes script components. A workflow, since only a workflow can call a worker's activity; it
waits seconds, not minutes: somebody waits for it.
"""

from datetime import timedelta

from pydantic import JsonValue
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from rules.script_checks import (
    CHECK_SCRIPT,
    COMPILE_SCRIPT,
    TO_COMPILE,
    TO_START,
    CompileReply,
    CompileRequest,
    ScriptChecked,
)
from rules.scripts import JVM_QUEUE
from workflows.schedules.calls import requested


@workflow.defn(name=CHECK_SCRIPT)
class CheckScriptWorkflow:
    """Asks once. That nobody answers is an answer, too."""

    @workflow.run
    async def run(self, given: JsonValue = None) -> ScriptChecked:
        """One check."""
        request = requested(CompileRequest, given)
        try:
            reply: CompileReply = await workflow.execute_activity(
                COMPILE_SCRIPT,
                request,
                result_type=CompileReply,
                task_queue=f"{workflow.info().task_queue}{JVM_QUEUE}",
                summary=f"compile {request.language}",
                schedule_to_start_timeout=timedelta(seconds=TO_START),
                start_to_close_timeout=timedelta(seconds=TO_COMPILE),
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except ActivityError as error:
            why = str(error.cause or error)
            return ScriptChecked(summary=f"nobody compiled it: {why}", answered=False)
        where = "" if reply.line is None else f"line {reply.line}: "
        summary = "it compiles" if reply.problem is None else f"{where}{reply.problem}"
        return ScriptChecked(summary=summary, answered=True, problem=reply.problem, line=reply.line)
