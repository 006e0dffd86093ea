"""The table of sagas that cross a size limit on purpose, and how each must end."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from rules.compiler import ChainText, compile_chain
from rules.execution import EntryStatus, Status
from rules.plan import ComponentPolicy, FailurePolicy, FailureStrategy, RetryPolicy
from rules.wire import Frost, SagaOptions
from tests.workflows.dramas import Scene
from tests.workflows.heavy import text

QUICK = RetryPolicy(attempts=1, interval=0.01)

KEPT = EntryStatus.COMPLETED
FAILED = EntryStatus.FAILED
UNKNOWN = EntryStatus.UNKNOWN
SKIPPED = EntryStatus.SKIPPED
UNDONE = EntryStatus.COMPENSATED
UNDO_SKIPPED = EntryStatus.COMPENSATION_SKIPPED

IGNORE = FailurePolicy(strategy=FailureStrategy.IGNORE)
ROUNDS = FailurePolicy(strategy=FailureStrategy.RETRY, rounds=3)
MANUAL = FailurePolicy(strategy=FailureStrategy.MANUAL)


@dataclass(frozen=True, slots=True)
class Crossing:
    """One saga that crosses a limit.

    `ends` counts its steps by status; `request` is in KiB. `in_one_run`: when parked, some of its
    steps would start when it carries too much already.
    """

    id: str
    chain: str
    status: Status
    ends: Mapping[EntryStatus, int]
    code: str | None = None
    words: str = ""
    request: int = 0
    policies: Mapping[str, FailurePolicy] = field(default_factory=dict)
    scenes: tuple[Scene, ...] = ()
    in_one_run: bool = False


def then(*steps: str) -> str:
    return f"THEN({', '.join(map(step, steps))})"


def when(*steps: str) -> str:
    return f"WHEN({', '.join(map(step, steps))})"


def step(words: str) -> str:
    """`component tag…`, or an operator as it is."""
    if "(" in words:
        return words
    component, _, tag = words.partition(" ")
    return f'{component}.tag("{tag}")'


THREE_WRITES = [f"heavy set=200 key={key}" for key in "abc"]
FOUR_WRITES = [f"heavy set=200 key={key}" for key in "abcd"]

CROSSINGS = [
    # The context.
    Crossing(
        "context", then(*THREE_WRITES, "heavy never"), Status.COMPENSATED, {UNDONE: 3},
        "CONTEXT_TOO_LARGE", "has answered",
    ),
    Crossing(
        "context-side-by-side", when(*FOUR_WRITES), Status.COMPENSATED, {UNDONE: 4},
        "CONTEXT_TOO_LARGE",
    ),
    Crossing(
        "context-ignored", then(*THREE_WRITES, "heavy set=100 key=d"), Status.COMPLETED,
        {KEPT: 3, UNKNOWN: 1}, policies={"heavy": IGNORE},
    ),
    Crossing(
        "context-of-a-refusal", then(*THREE_WRITES[:2], "heavy set=200 key=c refuse"),
        Status.COMPENSATED, {UNDONE: 2, FAILED: 1}, "AS_TAGGED", "is lost",
    ),
    # What a step is given.
    Crossing(
        "input", then("heavy a", "eats b", "heavy never"), Status.COMPENSATED,
        {UNDONE: 1, FAILED: 1}, "INPUT_TOO_LARGE", "'eats'", request=257,
    ),
    Crossing(
        "input-from-the-context", then(*THREE_WRITES[:2], "readsAll c"), Status.COMPENSATED,
        {UNDONE: 2, FAILED: 1}, "INPUT_TOO_LARGE", "'readsAll'",
    ),
    Crossing(
        "input-in-further-rounds", then("heavy a", "eats b"), Status.COMPENSATED,
        {UNDONE: 1, FAILED: 1}, "INPUT_TOO_LARGE", request=257, policies={"eats": ROUNDS},
    ),
    Crossing(
        "input-skipped-by-hand", then("heavy a", "eats b", "heavy c"), Status.COMPLETED,
        {KEPT: 2, SKIPPED: 1}, request=257, policies={"eats": MANUAL},
        scenes=(
            Scene(
                Status.WAITING_DECISION, ("b",), "skip", {"output": text(257)},
                accepted=False, why="the output has",
            ),
            Scene(
                Status.WAITING_DECISION, ("b",), "retry", {"context": {"a": text(513)}},
                accepted=False, why="the context would have",
            ),
            Scene(
                Status.WAITING_DECISION, ("b",), "retry",
                {"decision_id": "huge", "context": {"a": text(1100)}},
                accepted=False, why="are allowed",
            ),
            Scene(Status.WAITING_DECISION, ("b",), "skip", {"context": {"a": text(500)}}),
        ),
    ),
    # What a step answers.
    Crossing(
        "output", then("heavy a", "heavy out=257"), Status.COMPENSATED, {UNDONE: 2},
        "OUTPUT_TOO_LARGE",
    ),
    Crossing(
        "words-of-a-failure", then("heavy a", "heavy error=5000"), Status.COMPENSATED, {UNDONE: 2},
        "STEP_FAILED",
    ),
    Crossing(
        "writes-of-a-failure", then("heavy a", "heavy set=5000 refuse"), Status.COMPENSATED,
        {UNDONE: 1, FAILED: 1}, "AS_TAGGED",
    ),
    # What the saga carries from run to run.
    Crossing(
        "stack", then(*[f"heavy out=250 {n}" for n in range(9)]), Status.COMPENSATED,
        {UNDONE: 6, FAILED: 1}, "STACK_TOO_LARGE", "carries",
    ),
    Crossing(
        "stack-of-inputs", then(*[f"keeps {n}" for n in range(9)]), Status.COMPENSATED,
        {UNDONE: 5, FAILED: 1}, "STACK_TOO_LARGE", "carries", request=250,
    ),
    Crossing(
        "stack-side-by-side", when(*[f"heavy out=250 {n}" for n in range(10)]),
        Status.COMPENSATED, {UNDONE: 10}, "STACK_TOO_LARGE", "has answered", in_one_run=True,
    ),
    Crossing(
        "stack-in-further-rounds", then(*[f"heavy out=250 {n}" for n in range(9)]),
        Status.COMPENSATED, {UNDONE: 6, FAILED: 1}, "STACK_TOO_LARGE", policies={"heavy": ROUNDS},
    ),
    Crossing(
        "stack-ignored", then(*[f"heavy out=250 {n}" for n in range(9)], "eats refuse"),
        Status.COMPENSATED, {UNDONE: 6, FAILED: 4}, "STACK_TOO_LARGE", policies={"heavy": IGNORE},
    ),
    Crossing(
        "everything-just-fits",
        then(*THREE_WRITES[:2], *[f"heavy out=250 {n}" for n in range(3)], "eats refuse"),
        Status.COMPENSATED, {UNDONE: 5, FAILED: 1}, "AS_TAGGED", request=60,
    ),
    # What an undo is given.
    Crossing(
        "undo",
        then(*[f"heavy set=245 key={k}" for k in "xy"], "gives out=250 a", "gives out=250 b",
             "looks", "unwieldy out=60", "heavy never"), Status.PARTIALLY_COMPENSATED,
        {UNDONE: 4, KEPT: 1, UNDO_SKIPPED: 1, FAILED: 1}, "STACK_TOO_LARGE", request=500,
        scenes=(
            Scene(Status.COMPENSATION_BLOCKED, ("out=60",), "retry", {"decision_id": "1"}),
            Scene(Status.COMPENSATION_BLOCKED, ("out=60",), "skip", {"decision_id": "2"}),
        ),
    ),
    # What starts side by side.
    Crossing(
        "slices", when(*[f"eats {n}" for n in range(50)]), Status.COMPLETED, {KEPT: 50},
        request=250,
    ),
    Crossing(
        "slices-undone", then(when(*[f"eats {n}" for n in range(20)]), "heavy refuse"),
        Status.COMPENSATED, {UNDONE: 20, FAILED: 1}, "AS_TAGGED", request=250,
    ),
    Crossing(
        "answers-side-by-side", when(*[f"eats out=250 {n}" for n in range(30)]),
        Status.COMPLETED, {KEPT: 30}, request=250,
    ),
]  # fmt: skip


def frozen(
    components: Mapping[str, ComponentPolicy],
    crossing: Crossing,
    request: JsonValue,
    max_events: int | None = None,
) -> Frost:
    texts = {"heavyChain": ChainText("heavyChain", crossing.chain)}
    plan = compile_chain("heavyChain", chains=texts, components=components).plan
    own = {
        name: policy.model_copy(
            update={
                "retry": QUICK,
                "on_failure": crossing.policies.get(name, policy.on_failure),
            }
        )
        for name, policy in plan.components.items()
    }
    return Frost(
        plan=plan.model_copy(update={"components": own}),
        request=request,
        request_sha="",
        options=SagaOptions(max_events=max_events),
    )
