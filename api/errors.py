"""What the API itself can refuse, as one tree; how each becomes HTTP stands in `api.handlers`.

ApiError
  TenantInvalid         X-Tenant-Id has another shape than a tenant's name
  ComponentUnknown      no such component in this deployment
  NoRouteMatched        chains of the namespace have routes, and none of them matches
  ExecutionUnknown      no such execution for this tenant
  ExecutionConflict     the id is taken by another chain or request
  TemporalUnavailable   Temporal did not answer; carries the id to repeat a start with
  DecisionRejected      a decision cannot be carried out, or came too late
    ExecutionCompleted  the execution has completed, and is not undone afterwards
  StateUnavailable      neither the mirror nor the workflow could answer
  CaseInvalid           a case to simulate is not of the form that it needs
  AttemptCancelled      an attempt in memory was stopped by a decision (`api.inprocess.runtime`)
"""

from collections.abc import Mapping, Sequence


class ApiError(Exception):
    """The API refuses; `code` is for programs."""

    code = "ERROR"


class TenantInvalid(ApiError):
    """X-Tenant-Id has another shape than a tenant's name."""

    code = "TENANT_INVALID"

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        super().__init__(
            f"X-Tenant-Id '{tenant:.80}' is no tenant: letters, digits, '_' and '-', at most 64"
        )


class ComponentUnknown(ApiError):
    """No such component in this deployment."""

    code = "COMPONENT_UNKNOWN"

    def __init__(self, component: str, near: str | None = None) -> None:
        self.component = component
        self.near = near
        hint = f"; did you mean '{near}'?" if near else ""
        super().__init__(f"no component '{component}' is registered{hint}")


class NoRouteMatched(ApiError):
    """Chains of the namespace have routes, and none of them matches this request.

    `failed` has the routes that gave no answer, with what went wrong.
    """

    code = "NO_ROUTE_MATCHED"

    def __init__(self, namespace: str, asked: Sequence[str], failed: Mapping[str, str]) -> None:
        self.namespace = namespace
        self.asked = tuple(asked)
        self.failed = dict(failed)
        without = f"; {len(failed)} gave no answer" if failed else ""
        super().__init__(
            f"none of the {len(asked)} routes of namespace '{namespace}' matches the "
            f"request{without}"
        )


class ExecutionUnknown(ApiError):
    """No such execution for this tenant."""

    code = "EXECUTION_UNKNOWN"

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        super().__init__(f"this tenant has no execution '{execution_id}'")


class ExecutionConflict(ApiError):
    """The id is taken by another chain or request."""

    code = "EXECUTION_CONFLICT"

    def __init__(self, execution_id: str, chain: str) -> None:
        self.execution_id = execution_id
        self.chain = chain
        super().__init__(
            f"execution '{execution_id}' exists already, with another chain or request "
            f"(chain '{chain}'); repeat the first request unchanged, or use a new id"
        )


class TemporalUnavailable(ApiError):
    """Temporal did not answer; a start may or may not have happened."""

    code = "TEMPORAL_UNAVAILABLE"

    def __init__(self, why: str, execution_id: str | None = None) -> None:
        self.why = why
        self.execution_id = execution_id
        repeat = (
            f"; it is safe to repeat the request with execution_id '{execution_id}'"
            if execution_id
            else "; try again later"
        )
        super().__init__(f"Temporal does not answer ({why}){repeat}")


class DecisionRejected(ApiError):
    """A decision cannot be carried out, or came too late."""

    code = "DECISION_REJECTED"

    def __init__(self, decision_id: str, why: str) -> None:
        self.decision_id = decision_id
        super().__init__(why)


class ExecutionCompleted(DecisionRejected):
    """The execution has completed; undoing it afterwards is not there yet."""

    code = "COMPLETED"


class StateUnavailable(ApiError):
    """Neither the mirror nor the workflow could answer."""

    code = "STATE_UNAVAILABLE"

    def __init__(self, why: str) -> None:
        super().__init__(f"the state of the execution cannot be read now ({why}); try again later")


class CaseInvalid(ApiError):
    """A case to simulate is not of the form that it needs; `case` is its id, if it says one."""

    code = "CASE_INVALID"

    def __init__(self, problem: str, case: str | None = None) -> None:
        self.case = case
        super().__init__(f"case '{case}': {problem}" if case else problem)
