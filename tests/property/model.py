"""What a saga must come to: the reference model that judges the engine on short chains.

Written from the design, not from the engine, of which it knows the plan alone. It is in four
parts: the words (`model_case`), a step (`model_steps`), the operators (`model_flow`), and here the
decisions, the way back and the final status. A step that can hang has one attempt, as has an undo.
"""

from math import inf
from typing import Final

from tests.property.model_case import Action, Case, Span
from tests.property.model_flow import Flow

UNDO_SECONDS: Final = 0.5
OUTPUTS: Final = {"boolean": bool, "for": int, "iterator": tuple, "switch": str}


def judge(case: Case) -> "Saga":
    """How the case must end."""
    late, flow = case.action, Flow(case)
    if late is not None and late.at < flow.end:
        if late.kind in ("compensate", "cancel") or Saga(case, flow).addressed("wait", late):
            flow = Flow(case, late)
        late = None
    saga = Saga(case, flow)
    if saga.cause is not None:
        saga.undo(flow.end, late)
    return saga


class Saga:
    """One saga after its way forward, and its end once it is undone."""

    def __init__(self, case: Case, flow: Flow) -> None:
        self.case, self.policies = case, case.plan.components
        self.entries, self.spans = flow.entries.copy(), flow.spans.copy()
        self.literals, self.unclear = flow.literals, flow.unclear
        self.accepted = flow.act is not None if case.action else None
        self.undone, self.status = list[str](), "COMPLETED"
        failure = flow.result.failure
        self.cause = "failure" if failure else None
        self.failed = failure.component if failure else None
        if flow.act and flow.stop < inf:
            self.cause = "cancel" if flow.act.kind == "cancel" else "operator"

    def undo(self, at: float, late: Action | None) -> None:
        """The way back, one undo after the other, with a late decision; then the final status."""
        stops = self.case.undo_policy == "stop"
        ended = {span.path: span.end for span in self.spans if span.doing == "run"}
        for path in sorted(self.entries, key=lambda path: -ended[path]):
            component, outcome, _ = self.entries[path]
            policy = self.policies[component]
            if policy.compensate and (outcome != "FAILED" or policy.compensate_when == "always"):
                if not (stops and self.blocked()):
                    at = self.undo_one(path, at)
                at = self.decided(at, late) if stops else at
        if not stops:
            self.decided(at, late)
        self.status = "COMPENSATION_BLOCKED" if self.blocked() else self.final()

    def blocked(self) -> bool:
        return any(entry.status == "COMPENSATION_FAILED" for entry in self.entries.values())

    def undo_one(self, path: str, at: float) -> float:
        call, end = (
            1 + sum(s.doing == "undo" and s.path == path for s in self.spans),
            at + UNDO_SECONDS,
        )
        good = self.case.script(path).act(path, call, undo=True) == "ok"
        status = "COMPENSATED" if good else "COMPENSATION_FAILED"
        self.entries[path] = self.entries[path]._replace(status=status)
        self.spans.append(Span("undo", path, at, end, call))
        self.spans += [] if good else [Span("blocked", path, end, inf)]
        self.undone += [path] if good else []
        return end

    def decided(self, at: float, late: Action | None) -> float:
        """Take a retry or a skip of a blocked undo, once nothing else is to be done."""
        if not late or self.accepted or not (path := self.addressed("blocked", late)):
            return at
        self.accepted, at = True, max(at, late.at)
        if late.kind == "retry":
            return self.undo_one(path, at)
        self.entries[path] = self.entries[path]._replace(status="COMPENSATION_SKIPPED")
        return at

    def addressed(self, doing: str, action: Action) -> str | None:
        """The path that a retry or skip is about: the named one, or the only one that waits."""
        found = [s.path for s in self.spans if s.doing == doing and s.begin <= action.at < s.end]
        found = [path for path in found if action.step in (None, path)]
        if len(found) != 1 or action.kind not in ("retry", "skip"):
            return None
        kind = self.policies[self.entries[found[0]].component].kind
        skips = doing == "wait" and action.kind == "skip"
        fits = kind == "common" or isinstance(action.output, OUTPUTS[kind])
        return found[0] if fits or not skips else None

    def final(self) -> str:
        """The final status of what did not simply complete: the first line that holds."""
        entries = self.entries.values()
        some = any(entry.status == "COMPENSATED" for entry in entries)
        left = [e for e in entries if e.outcome != "FAILED" and e.status != "COMPENSATED"]
        if any(not self.policies[entry.component].read_only for entry in left):
            return "PARTIALLY_COMPENSATED" if some else "FAILED"
        return "CANCELLED" if self.cause == "cancel" else "COMPENSATED" if some else "FAILED"
