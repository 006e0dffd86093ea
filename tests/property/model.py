"""What a saga must come to: the reference model that judges the engine on short chains.

Written from the design, not from the engine, of which it knows the plan alone. Attempts take what
their script says and an operator acts at a moment, so a chain is a calculation of times, branch
after branch, without any concurrency. A step that can hang has one attempt, as has an undo.
"""

from math import inf
from typing import Final, Literal, NamedTuple

from rules import plan as plans

# no: done, and a head says no. error: done, and its answer is lost. hang: done without an answer.
Act = Literal["ok", "no", "refuse", "error", "hang"]
Head = bool | None
Parts = list[tuple[str, plans.PlanNode]]

UNDO_SECONDS: Final = 0.5


class Script(NamedTuple):
    """What the calls of a step, and of its undo, do one by one (the last repeats); seconds."""

    acts: tuple[Act, ...] = ("ok",)
    undos: tuple[Act, ...] = ("ok",)
    takes: float = 1.0


class Action(NamedTuple):
    """What an operator does at a moment. `step` is a path; None names no step."""

    at: float
    kind: Literal["retry", "skip", "compensate", "cancel"]
    step: str | None = None
    output: bool | None = None
    in_flight: Literal["await", "cancel"] = "await"


class Case(NamedTuple):
    """A chain, what its steps do by path, and at most one act of an operator."""

    plan: plans.Plan
    scripts: dict[str, Script]
    undo_policy: Literal["stop", "continue"] = "stop"
    action: Action | None = None


class Entry(NamedTuple):
    """What becomes of a step: how it ended, and what is left of it after the way back."""

    component: str
    outcome: str
    status: str


class Span(NamedTuple):
    """What went on with a step from one moment to another; `number` counts calls from 1."""

    doing: Literal["run", "back-off", "wait", "undo", "blocked"]
    path: str
    begin: float
    end: float
    number: int = 0


class Walk(NamedTuple):
    """A block that was walked: when it ended, the path of the failure that goes up, its answer."""

    end: float
    failure: str | None = None
    value: Head = None


def judge(case: Case) -> "Saga":
    """How the case must end."""
    late, saga = case.action, Saga(case)
    walk = saga.walk(case.plan.root, "0", 0.0, inf)
    if late is not None and late.at < walk.end:
        if late.kind in ("compensate", "cancel") or saga.addressed("wait", late):
            saga = Saga(case, late)
            walk = saga.walk(case.plan.root, "0", 0.0, saga.stop)
        late = None
    if walk.failure is not None:
        saga.cause, saga.failed = "failure", saga.entries[walk.failure].component
    if case.action is not None and saga.stop < inf:
        saga.cause = "cancel" if case.action.kind == "cancel" else "operator"
    if saga.cause is not None:
        saga.undo(walk.end, late)
    return saga


def inside(path: str, *nodes: plans.PlanNode | None) -> Parts:
    """The blocks directly in a block, with their paths."""
    return [(f"{path}.{i}", node) for i, node in enumerate(nodes) if node is not None]


class Saga:
    """One saga and its end; `act` is done on the way forward, and from `stop` on no step starts."""

    def __init__(self, case: Case, act: Action | None = None) -> None:
        self.case, self.policies, self.act = case, case.plan.components, act
        self.stop = act.at if act and act.kind in ("compensate", "cancel") else inf
        self.cut = self.stop if act and act.in_flight == "cancel" else inf
        self.entries: dict[str, Entry] = {}
        self.spans: list[Span] = []
        self.accepted = act is not None if case.action else None
        self.undone, self.status = list[str](), "COMPLETED"
        self.cause: str | None = None
        self.failed: str | None = None

    def walk(self, node: plans.PlanNode, path: str, at: float, release: float) -> Walk:
        """Walk a block from a moment on; from `release` on nobody waits any more."""
        match node:
            case plans.StepNode():
                return self.step(node.component, path, at, release)
            case plans.ThenNode():
                return self.in_turn(inside(path, *node.items), Walk(at), release)
            case plans.WhenNode():
                return self.side_by_side(inside(path, *node.items), at, release)
            case plans.IfNode():
                _, *branches = inside(path, node.test, node.then, node.otherwise)
                head = self.walk(node.test, f"{path}.0", at, release)
                return self.in_turn(branches[:1] if head.value else branches[1:], head, release)
            case plans.CatchNode():
                body = self.walk(node.body, f"{path}.0", at, release)
                caught = body.failure is not None and body.end < self.stop
                handler = inside(path, node.body, node.handler)[1:] if caught else []
                return self.in_turn(handler, Walk(body.end) if caught else body, release)
            case _:
                raise NotImplementedError(node.op)

    def in_turn(self, items: Parts, walk: Walk, release: float) -> Walk:
        for path, item in items:
            if walk.failure is None and walk.end < self.stop:
                walk = self.walk(item, path, walk.end, release)
        return walk

    def side_by_side(self, items: Parts, at: float, release: float) -> Walk:
        before = self.entries.copy(), self.spans.copy()
        walks = [self.walk(item, path, at, release) for path, item in items]
        # Siblings of a failed branch run to their end, but those that wait are superseded.
        release = min([release, *(walk.end for walk in walks if walk.failure)])
        self.entries, self.spans = before
        walks = [self.walk(item, path, at, release) for path, item in items]
        return Walk(max(w.end for w in walks), next((w.failure for w in walks if w.failure), None))

    def step(self, component: str, path: str, at: float, release: float) -> Walk:
        """Rounds of attempts, and after each the step's own strategy."""
        policy, script = self.policies[component], self.case.scripts[path]
        plan, retry = policy.on_failure, policy.retry or plans.RetryPolicy()
        outcome, calls, rounds = "FAILED", 0, 0

        def end(outcome: str, status: str = "", *, up: bool = False, value: Head = None) -> Walk:
            self.entries[path] = Entry(component, outcome, status or outcome)
            return Walk(self.spans[-1].end, path if up else None, value)

        while True:
            for number in range(retry.attempts):
                begin = at + pause(retry, number)
                calls += begin <= self.cut  # a back-off is cancelled as much as an attempt
                act = script.acts[min(calls, len(script.acts)) - 1]
                at = begin + (policy.timeout if act == "hang" else script.takes)
                self.spans.append(Span("run", path, min(begin, self.cut), min(at, self.cut), calls))
                if at > self.cut:
                    return end("UNKNOWN", up=True)
                if act in ("ok", "no"):
                    return end("COMPLETED", value=act == "ok")
                outcome = "UNKNOWN" if act != "refuse" else outcome
            again = plan.strategy.value == "RETRY" and rounds < plan.rounds
            then = plan.afterwards if plan.strategy.value == "RETRY" else plan.strategy.value
            asks = then == "MANUAL" and not again
            if at >= release or then == "IGNORE" or not (again or asks):
                return end(outcome, up=then != "IGNORE")
            rounds += again
            due = at + (pause(retry, rounds) if again else plan.deadline)
            answer = self.act if asks and self.stop == inf else None
            if answer and (answer.step not in (None, path) or not at < answer.at < due):
                answer = None
            due = answer.at if answer else due
            self.spans.append(Span("wait" if asks else "back-off", path, at, min(due, release)))
            at = min(due, release)
            if at < due:
                return end(outcome, up=True)
            if asks and (answer.kind == "skip" if answer else plan.default == "skip"):
                return end(outcome, "SKIPPED", value=answer.output if answer else None)
            if asks and not answer:
                return end(outcome, up=True)

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
        calls = 1 + sum(span.doing == "undo" and span.path == path for span in self.spans)
        acts, end = self.case.scripts[path].undos, at + UNDO_SECONDS
        good = acts[min(calls, len(acts)) - 1] == "ok"
        status = "COMPENSATED" if good else "COMPENSATION_FAILED"
        self.entries[path] = self.entries[path]._replace(status=status)
        self.spans.append(Span("undo", path, at, end, calls))
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
        head = self.policies[self.entries[found[0]].component].kind == "boolean"
        mute = doing == "wait" and action.kind == "skip" and action.output is None
        return None if head and mute else found[0]

    def final(self) -> str:
        """The final status of what did not simply complete: the first line that holds."""
        entries = self.entries.values()
        some = any(entry.status == "COMPENSATED" for entry in entries)
        left = [e for e in entries if e.outcome != "FAILED" and e.status != "COMPENSATED"]
        if any(not self.policies[entry.component].read_only for entry in left):
            return "PARTIALLY_COMPENSATED" if some else "FAILED"
        return "CANCELLED" if self.cause == "cancel" else "COMPENSATED" if some else "FAILED"


def pause(retry: plans.RetryPolicy, number: int) -> float:
    """The back-off before an attempt or a round; the first comes at once."""
    return min(retry.interval * retry.backoff ** (number - 1), retry.max_interval) if number else 0
