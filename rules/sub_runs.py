"""Sub-runs: the chains that a step runs, their ids, and what is said of them.

For the steps that run chains, both runtimes that find or start the runs, and the interpreter that
has them undone. Pure.
"""

from hashlib import sha256
from typing import Final

from pydantic import JsonValue

from rules.execution import ErrorInfo, Parent, Status, SubRun
from rules.plan import Frozen
from rules.sizes import short
from rules.wire import Frost, SagaOptions, SagaRef, SagaResult, SubRunTerms

DEEPEST: Final = 16
"""So many runs may stand inside each other: a chain that runs itself for ever must end."""
ID_LIMIT: Final = 128 - len("!undo")
STEPS_LIMIT: Final = 8 * 1024
"""Characters that a caller remembers of a sub-run's step string."""
SUB_QUEUE: Final = "-sub"
"""What the name of the task queue of callers adds to that of their application."""
UNDO_SUFFIX: Final = "!undo"


class ChainCall(Frozen):
    """A step runs a chain: its `number`th call, with the context as it is then."""

    saga: SagaRef
    path: str
    number: int
    chain: str
    request: JsonValue = None
    context: dict[str, JsonValue] = {}
    terms: SubRunTerms

    @property
    def parent(self) -> Parent:
        """What the sub-run is told of its caller."""
        depth = self.terms.depth + 1
        return Parent(execution_id=self.saga.execution_id, path=self.path, depth=depth)


class SubRunEnd(Frozen):
    """How a sub-run ended, and what its caller will remember of it."""

    run: SubRun
    output: JsonValue = None
    context: dict[str, JsonValue] = {}
    error: ErrorInfo | None = None


class SubRunsRequest(Frozen):
    """Whose sub-runs are to be undone: those of one step, which remembers the `known` ones."""

    saga: SagaRef
    path: str
    known: tuple[SubRun, ...] = ()


class SubRunsUndone(Frozen):
    """What is left of a step's sub-runs once they are undone."""

    runs: tuple[SubRun, ...] = ()


def sub_run_id(execution_id: str, path: str, number: int, again: int = 1) -> str:
    """The execution id of a step's `number`th sub-run, and of its repetitions.

    Too long a one is shortened: its head stays readable, a hash keeps it apart from others.
    """
    last = f"/{number}" if again == 1 else f"/{number}~{again}"
    id = f"{execution_id}/{path}{last}"
    if len(id) <= ID_LIMIT:
        return id
    digest = sha256(f"{execution_id}/{path}".encode()).hexdigest()[:16]
    return f"{id[: ID_LIMIT - len(digest) - len(last) - 1]}~{digest}{last}"


def sub_frost(frost: Frost, call: ChainCall) -> Frost:
    """A chain that was frozen for a call, as the sub-run is to have it."""
    return frost.model_copy(update={"parent": call.parent})


def sub_options(terms: SubRunTerms) -> SagaOptions:
    """The options of a sub-run; each of them is given, so that no chain's column decides."""
    return SagaOptions.model_validate(terms.options.model_dump())


def repeatable(run: SubRun) -> bool:
    """Whether a later attempt of the caller runs it once more: it failed and left nothing."""
    return run.status.final and run.status is not Status.COMPLETED and not run.left


def end_of(result: SagaResult) -> SubRunEnd:
    """How a sub-run ended, as its result tells."""
    run = SubRun(
        execution_id=result.execution_id,
        chain=result.chain,
        status=result.status,
        steps=short(result.steps or "", STEPS_LIMIT),
        undoable=bool(result.undoable),
        # Who says nothing was ended by Temporal, without undo.
        left=result.left is not False,
    )
    return SubRunEnd(run=run, output=result.output, context=result.context, error=result.error)
