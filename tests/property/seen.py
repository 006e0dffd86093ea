"""What a runtime made of a case, in the words of the model, so that both can be compared."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from pydantic import JsonValue

from rules.decisions import DecisionRecord, Verdict
from rules.execution import Cause, Execution
from rules.wire import Frost, SagaOptions
from tests.property.model import Saga
from tests.property.model_case import Action, Answer, Case, Entry
from tests.property.telling import describe

OPERATOR: Final = "cancel"
ALONE: Final = "CHAINSAGA_TEST_CASE"


class Seen(NamedTuple):
    """How a saga ended. `calls` counts those of steps by path, of undos by path and `!`.

    `reverse` is whether the undos began in the reverse order of completion.
    """

    status: str
    cause: str | None
    failed: str | None
    entries: dict[str, Entry]
    undone: list[str]
    accepted: bool | None
    calls: dict[str, int]
    reverse: bool


def frost_of(case: Case) -> Frost:
    """The case's chain, frozen."""
    options = SagaOptions(undo_policy=case.undo_policy)
    return Frost(plan=case.plan, request_sha="", options=options)


def payload_of(action: Action) -> dict[str, JsonValue]:
    """The operator's act as a signal carries it."""
    said: dict[str, JsonValue] = {"decision_id": OPERATOR, "in_flight": action.in_flight}
    if action.step is not None:
        said["step"] = action.step
    if action.output is not None:
        said["output"] = written(action.output)
    return said


def written(answer: Answer) -> JsonValue:
    """An answer as JSON."""
    return list(answer) if isinstance(answer, tuple) else answer


def seen(
    execution: Execution, decisions: Sequence[DecisionRecord], calls: Mapping[str, int]
) -> Seen:
    """What the runtime says of the execution, and what its components were asked to do."""
    # A deadline's default is recorded as a decision, too.
    own = [d.verdict is Verdict.ACCEPTED for d in decisions if OPERATOR in (d.decision_id, d.kind)]
    undone = sorted((e for e in execution.stack if e.undone), key=lambda entry: entry.undone)
    undos = [path.removesuffix("!") for path in calls if path.endswith("!")]
    ended = [entry.ended for path in undos for entry in execution.stack if entry.path == path]
    stopped = execution.cause in (Cause.CANCEL, Cause.OPERATOR)
    return Seen(
        status=execution.status.value,
        cause=execution.cause and execution.cause.value,
        failed=None if stopped else execution.failed_step,
        entries={
            e.path: Entry(e.component, (e.outcome or e.status).value, e.status.value)
            for e in execution.stack
        },
        undone=[entry.path for entry in undone],
        accepted=own[0] if own else None,
        calls=dict(calls),
        reverse=ended == sorted(ended, reverse=True),
    )


def expected(case: Case, ending: Saga) -> Seen:
    """The same of the model; steps that were cancelled at one moment may be undone in any order."""
    calls: dict[str, int] = {}
    for span in ending.spans:
        if span.number:
            calls[span.path + "!" * (span.doing == "undo")] = span.number
    return Seen(
        status=ending.status,
        cause=ending.cause,
        failed=None if ending.cause in ("cancel", "operator") else ending.failed,
        entries=ending.entries | ending.literals,
        undone=ending.undone,
        accepted=ending.accepted,
        calls=calls,
        reverse=True,
    )


def in_order(found: Seen, ending: Saga) -> Seen:
    """With the undos of steps that were cancelled at one moment, whose order is chance, by path."""
    ended = {span.path: span.end for span in ending.spans if span.doing == "run"}
    undone = [path for _, group in groupby(found.undone, key=ended.get) for path in sorted(group)]
    return found._replace(undone=undone)


def alone(case: Case) -> str:
    """The command that runs a case alone."""
    return f"  alone: {ALONE}='{case.key}' pytest -s tests/property -k alone"


def differences(case: Case, ending: Saga, found: Seen) -> list[str]:
    """In what a runtime differs from the model, the case, how to run it alone; or nothing."""
    wanted, found = in_order(expected(case, ending), ending), in_order(found, ending)
    if wanted == found:
        return []
    return [
        describe(case),
        *(
            f"  {name}: expected {was}, found {got}"
            for name, was, got in zip(Seen._fields, wanted, found, strict=True)
            if was != got
        ),
        alone(case),
    ]
