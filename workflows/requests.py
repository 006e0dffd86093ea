"""What a step is sent: exactly what its component declares, taken from the state.

For the interpreter and the undoing. Pure; the runtime that carries the request is not known.
"""

from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from rules.execution import ErrorInfo, StackEntry
from rules.plan import (
    UNDO_RETRY,
    ComponentPolicy,
    Needs,
    NodeRetry,
    OutputNeed,
    RetryPolicy,
    StepNode,
)
from rules.wire import (
    Frost,
    Place,
    Produced,
    SagaRef,
    SagaState,
    ScriptCall,
    StepRequest,
    SubRunTerms,
    UndoRequest,
    output_key,
)
from workflows.paths import below, passes_around

UNDO_LOST_ATTEMPTS: Final = 10


class MissingOutput(Exception):
    """A step declares an output that no completed step has produced."""

    def __init__(self, component: str, need: OutputNeed) -> None:
        wanted = output_key(need.name, need.tag)
        self.error = ErrorInfo(
            type="MissingOutput",
            code="MISSING_OUTPUT",
            message=f"'{component}' needs the output of '{wanted}', which has not completed",
        )
        super().__init__(self.error.message)


def forward_request(
    ref: SagaRef,
    frost: Frost,
    state: SagaState,
    node: StepNode,
    entry: StackEntry,
    *,
    place: Place | None = None,
) -> StepRequest:
    """The request of a forward step. Raises MissingOutput."""
    policy = frost.plan.components[node.component]
    needs = policy.needs
    types = node.retry.types if node.retry else ()
    return StepRequest(
        saga=ref,
        seq=entry.seq,
        path=entry.path,
        component=node.component,
        tag=node.tag,
        data=node.data,
        request=frost.request if needs.request else None,
        outputs=_outputs(node.component, needs, state, entry.path),
        context=_context(needs, state),
        answers=forward_retry(policy, node.retry).attempts,
        round=forward_retry(policy).attempts if node.retry else None,
        retry_types=types,
        lost_attempts=policy.lost_attempts,
        timeout=policy.timeout,
        place=place,
        name=policy.name,
        terms=_terms(frost) if policy.runs_chains else None,
        script=_script(policy),
        called=_called(frost, policy),
    )


def _called(frost: Frost, policy: ComponentPolicy) -> bool | None:
    return True if frost.parent is not None and policy.script is not None else None


def _script(policy: ComponentPolicy) -> ScriptCall | None:
    script = policy.script
    if script is None:
        return None
    return ScriptCall(kind=policy.kind, language=script.language, text=script.text, sha=script.sha)


def _terms(frost: Frost) -> SubRunTerms:
    """A sub-run has its caller's options but for the time limit, which is the caller's own."""
    depth = frost.parent.depth if frost.parent else 0
    options = frost.options.model_copy(update={"timeout": None})
    return SubRunTerms(options=options, depth=depth, namespace=frost.namespace)


def undo_request(ref: SagaRef, frost: Frost, state: SagaState, entry: StackEntry) -> StepRequest:
    """The request of the undo of one stack entry. Raises MissingOutput."""
    assert entry.compensation is not None
    assert entry.outcome is not None
    policy = frost.plan.components[entry.compensation]
    needs = policy.needs
    return StepRequest(
        saga=ref,
        seq=entry.seq,
        path=entry.path,
        component=entry.compensation,
        tag=entry.tag,
        request=frost.request if needs.request else None,
        outputs=_outputs(entry.compensation, needs, state, entry.path),
        context=_context(needs, state),
        answers=undo_retry(policy).attempts,
        lost_attempts=UNDO_LOST_ATTEMPTS,
        timeout=policy.timeout,
        undo=UndoRequest.model_validate(
            {
                "component": entry.component,
                "outcome": entry.outcome.value,
                "output": entry.output,
                "input": entry.input,
                "error": entry.error,
                "attempts": entry.attempts,
            }
        ),
        script=_script(policy),
        called=_called(frost, policy),
    )


def forward_retry(policy: ComponentPolicy, more: NodeRetry | None = None) -> RetryPolicy:
    """How often a forward step may answer: once, unless its component says more.

    `more` is the node's own `.retry`, which multiplies (EL reference section 13).
    """
    retry = policy.retry or RetryPolicy()
    if more is None:
        return retry
    return retry.model_copy(update={"attempts": retry.attempts * (more.times + 1)})


def undo_retry(policy: ComponentPolicy) -> RetryPolicy:
    """How often an undo may answer: its own policy, else `UNDO_RETRY`."""
    return policy.retry or UNDO_RETRY


def _outputs(component: str, needs: Needs, state: SagaState, path: str) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for need in needs.outputs:
        produced = _nearest(need, state.produced, path)
        if produced is not None:
            found[output_key(need.name, need.tag)] = produced.value
        elif not need.optional:
            raise MissingOutput(component, need)
    return found


def _nearest(need: OutputNeed, produced: Sequence[Produced], path: str) -> Produced | None:
    """The last in the same pass of a loop or block, else in the pass around it, else of all."""
    fitting = [
        item
        for item in reversed(produced)
        if item.component == need.name and need.tag in (None, item.tag)
    ]
    for around in passes_around(path):
        for item in fitting:
            if item.path == around or below(item.path, around):
                return item
    return fitting[0] if fitting else None


def _context(needs: Needs, state: SagaState) -> dict[str, JsonValue]:
    if needs.whole_context:
        return dict(state.context)
    return {key: state.context[key] for key in needs.context_keys if key in state.context}
