"""Who says what of an execution: the rows, the hot state, the API, and the workflow itself."""

from dataclasses import dataclass
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus

from rules.execution import Execution, Status
from rules.wire import EXECUTION_QUERY
from tests.api.sites import Api
from tests.outages.site import Site

TENANT = "1"


@dataclass(frozen=True, slots=True)
class Accounts:
    """What each of them says, as plain data to compare; None: it knows nothing."""

    workflow: dict[str, Any]
    rows: dict[str, Any] | None
    hot: dict[str, Any] | None
    shown: dict[str, Any]
    source: str

    @property
    def agrees(self) -> bool:
        """Whether rows and API say what the workflow says."""
        return self.rows == self.workflow == self.shown


async def accounts_of(site: Site, api: Api, temporal: Client, id: str) -> Accounts:
    """Ask everybody."""
    handle = temporal.get_workflow_handle(f"{TENANT}:{id}")
    own: Execution = await handle.query(EXECUTION_QUERY, result_type=Execution)
    rows = site.rows.get(TENANT, id)
    known = site.hot.get(TENANT, id)
    view = await api.view(id)
    said = _told(own)
    if (await handle.describe()).status is WorkflowExecutionStatus.TERMINATED:
        # The workflow was never told of its own end.
        said["status"] = Status.ABORTED.value
    return Accounts(
        said,
        _told(rows) if rows else None,
        _told(known.told()) if known else None,
        _shown(view),
        view["source"],
    )


def _told(execution: Execution) -> dict[str, Any]:
    told = execution.model_dump(mode="json")
    return _compared(told, told["stack"])


def _shown(view: dict[str, Any]) -> dict[str, Any]:
    return _compared(view, view["executionStack"])


def _compared(told: dict[str, Any], stack: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        **{name: told[name] for name in ("status", "cause", "failed_step")},
        "decisions": [
            {name: record[name] for name in ("decision_id", "kind", "operator", "verdict", "why")}
            for record in told["decisions"]
        ],
        "stack": {
            entry["path"]: {
                name: entry[name]
                for name in ("component", "tag", "status", "outcome", "attempts", "undo_attempts")
            }
            for entry in stack
        },
    }
