"""The sandbox that workflow code runs in, with the reason for each module it lets through.

For the plugin that client, worker and replayer share. (ADR 6.)
"""

from typing import Final

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

# No clock, no chance, no input or output, no state of their own: `tests/architecture` holds them
# to it. Loading them anew for every run costs about 20 ms of CPU.
ENGINE: Final = (
    "workflows.branches",
    "workflows.check_script",
    "workflows.choices",
    "workflows.context",
    "workflows.desk",
    "workflows.details",
    "workflows.driver",
    "workflows.endings",
    "workflows.gate",
    "workflows.interpreter",
    "workflows.limit",
    "workflows.loops",
    "workflows.losers",
    "workflows.outcome",
    "workflows.owed",
    "workflows.packing",
    "workflows.paths",
    "workflows.requests",
    "workflows.runtime",
    "workflows.saga",
    "workflows.schedules.calls",
    "workflows.schedules.clean_history",
    "workflows.schedules.clean_hot_state",
    "workflows.schedules.compensation_alert",
    "workflows.schedules.reconcile",
    "workflows.scope",
    "workflows.showing",
    "workflows.sizes",
    "workflows.slices",
    "workflows.stack",
    "workflows.steps",
    "workflows.strategies",
    "workflows.temporal",
    "workflows.undoing",
)

# Frozen pydantic models; pydantic itself is passed through by default.
MODELS: Final = ("rules",)


def sandboxed_runner() -> SandboxedWorkflowRunner:
    """The runner; the workflow class itself (`workflows.chain`) stays inside."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*MODELS, *ENGINE)
    )
