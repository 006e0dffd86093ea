"""Addresses in answers: the API's own and Temporal's Web UI. Pure."""

from dataclasses import dataclass
from urllib.parse import quote

from api.schemas import Links


@dataclass(frozen=True, slots=True)
class LinkMaker:
    """Makes the links of executions; `ui_url` and `namespace` are Temporal's."""

    ui_url: str
    namespace: str

    def of(self, tenant: str, execution_id: str) -> Links:
        """All links of one execution."""
        here = f"/api/saga/executions/{quote(execution_id, safe='')}"
        workflow = quote(f"{tenant}:{execution_id}", safe="")
        return Links(
            self=here,
            logs=f"{here}/logs",
            undo_plan=f"{here}/undo-plan",
            temporal_ui=f"{self.ui_url}/namespaces/{self.namespace}/workflows/{workflow}",
        )
