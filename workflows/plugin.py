"""What a client, a worker and a replayer share, as one Temporal plugin.

For the composition roots; given to the client, whose workers inherit it. Activities and
interceptors come from outside, since `workflows` must not import them.
"""

from collections.abc import Callable, Sequence
from typing import Final

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.plugin import SimplePlugin
from temporalio.worker import Interceptor

from workflows.chain import ChainWorkflow
from workflows.check_script import CheckScriptWorkflow
from workflows.sandbox import sandboxed_runner
from workflows.schedules.clean_history import CleanHistoryWorkflow
from workflows.schedules.clean_hot_state import CleanHotStateWorkflow
from workflows.schedules.compensation_alert import CompensationAlertWorkflow
from workflows.schedules.reconcile import ReconcileWorkflow

SCHEDULED: Final = (
    CleanHotStateWorkflow,
    CleanHistoryWorkflow,
    CompensationAlertWorkflow,
    ReconcileWorkflow,
)


def saga_plugin(
    activities: Sequence[Callable[..., object]] = (), interceptors: Sequence[Interceptor] = ()
) -> SimplePlugin:
    """The plugin; a process that only starts and queries sagas gives no activities."""
    return SimplePlugin(
        "chainsaga",
        data_converter=pydantic_data_converter,
        workflows=[ChainWorkflow, CheckScriptWorkflow, *SCHEDULED],
        workflow_runner=sandboxed_runner(),
        activities=list(activities),
        interceptors=list(interceptors),
    )
