"""A step of the reference model: its attempts, and what its strategy makes of a failure.

It also keeps what happened on the way forward: the entries, and what went on from when to when.
"""

from math import inf
from typing import TypeAlias

from rules import plan as plans
from tests.property.model_case import Act, Action, Bounds, Case, Entry, Failure, Span, Walk

Notes: TypeAlias = tuple[dict[str, Entry], dict[str, Entry], list[Span]]


class Steps:
    """The steps of one saga on its way forward, and what an operator does to those that wait.

    `literals` are heads of loops that need no component.
    """

    def __init__(self, case: Case, act: Action | None = None) -> None:
        self.case, self.act = case, act
        self.entries: dict[str, Entry] = {}
        self.literals: dict[str, Entry] = {}
        self.spans: list[Span] = []

    def noted(self) -> Notes:
        """What has been noted so far."""
        return self.entries.copy(), self.literals.copy(), self.spans.copy()

    def forget(self, notes: Notes) -> None:
        """Go back to what was noted then."""
        entries, literals, spans = notes
        self.entries, self.literals, self.spans = entries.copy(), literals.copy(), spans.copy()

    def literal(self, value: bool | int, path: str, at: float, bounds: Bounds) -> Walk:
        """A head that is written in the chain: it takes no time, and is shown among the steps."""
        if at >= bounds.stop:
            return Walk(at, halted=True)
        self.literals[path] = Entry(f"LOOP_{str(value).lower()}", "COMPLETED", "COMPLETED")
        return Walk(at, value=value)

    def step(self, node: plans.StepNode, path: str, at: float, bounds: Bounds) -> Walk:
        """Rounds of attempts, and after each the step's own strategy."""
        if at >= bounds.stop:
            return Walk(at, halted=True)
        plan, rounds = self.case.plan.components[node.component].on_failure, 0
        retries = plan.strategy is plans.FailureStrategy.RETRY
        while True:
            at, act = self.attempts(node, path, at, bounds)
            if act == "ok":
                return Walk(at, value=self.case.script(path).answer(path))
            failed = Walk(at, Failure(node.component, refused=act == "refuse"))
            again = retries and rounds < plan.rounds
            then = plan.afterwards if retries else plan.strategy.value
            if not again and then != "MANUAL":
                return Walk(at) if then == "IGNORE" else failed
            rounds += again
            walk, answer = self.wait(node, path, failed, rounds if again else 0, bounds)
            if not walk.done:
                return walk
            at = walk.end
            if again or (answer and answer.kind == "retry"):
                continue
            if not answer and plan.default == "compensate":
                return failed._replace(end=at)
            self.entries[path] = self.entries[path]._replace(status="SKIPPED")
            return walk._replace(value=answer.output if answer else None)

    def attempts(
        self, node: plans.StepNode, path: str, at: float, bounds: Bounds
    ) -> tuple[float, Act]:
        """One round: when it ended, and with what. What may have happened stays in the entry."""
        policy, script = self.case.plan.components[node.component], self.case.script(path)
        retry, more = policy.retry or plans.RetryPolicy(), node.retry or plans.NodeRetry(times=0)
        outcome = self.entries[path].outcome if path in self.entries else "FAILED"
        act: Act = "ok"
        for number in range(retry.attempts * (more.times + 1)):
            begin = at + pause(retry, number)
            call = 1 + sum(span.path == path and span.doing == "run" for span in self.spans)
            act = script.act(path, call)
            at = begin + (policy.timeout if act == "hang" else script.seconds(path))
            if at > bounds.cut:  # a back-off is cancelled as much as an attempt
                call, begin, at, act = (
                    call - (begin > bounds.cut),
                    min(begin, bounds.cut),
                    bounds.cut,
                    "error",
                )
            self.spans.append(Span("run", path, begin, at, call))
            outcome = "COMPLETED" if act == "ok" else outcome if act == "refuse" else "UNKNOWN"
            own_end = (number + 1) % retry.attempts == 0
            given_up = own_end and not fits(Failure("", refused=act == "refuse"), more.types)
            if act == "ok" or at == bounds.cut or given_up:
                break
        self.entries[path] = Entry(node.component, outcome, outcome)
        return at, act

    def wait(
        self, node: plans.StepNode, path: str, failed: Walk, rounds: int, bounds: Bounds
    ) -> tuple[Walk, Action | None]:
        """Wait for a person, or (of so many rounds) for the next one; and who answered."""
        policy, at = self.case.plan.components[node.component], failed.end
        retry, plan = policy.retry or plans.RetryPolicy(), policy.on_failure
        due = at + (pause(retry, rounds) if rounds else plan.deadline)
        over = min(bounds.stop, bounds.free, inf if rounds else bounds.mute)
        answer = self.act if self.act and self.act.kind in ("retry", "skip") else None
        if answer and (rounds or answer.step not in (None, path)):
            answer = None
        if answer and not at < answer.at <= min(due, over):
            answer = None
        end = max(at, min(due, over, answer.at if answer else inf))
        if end > at:
            self.spans.append(Span("back-off" if rounds else "wait", path, at, end))
        if end < over or end in (due, answer and answer.at):
            return Walk(end), answer
        # Where nothing begins any more the step stands; where nobody waits its failure goes up.
        stands = over == bounds.stop
        return Walk(end, None if stands else failed.failure, halted=stands), None


def fits(failure: Failure, types: tuple[str, ...]) -> bool:
    """Whether a `.retry` of these types is about a failure; refusals are of one type."""
    return not types or (failure.refused and "Refused" in types)


def pause(retry: plans.RetryPolicy, number: int) -> float:
    """The back-off before an attempt or a round; the first comes at once."""
    return min(retry.interval * retry.backoff ** (number - 1), retry.max_interval) if number else 0
