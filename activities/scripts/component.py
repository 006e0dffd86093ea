"""Script components as the runner takes them: what is bound, and what becomes of the answer.

For the worker's dynamic activity and the in-memory runtime, which both have the script in the
step's request. Knows no processes.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from pydantic import JsonValue

from activities.binding import bind_signature
from activities.declaration import Declaration
from activities.errors import (
    ActivityError,
    BadOutput,
    EngineDown,
    OutputTooLarge,
    Refused,
    ScriptFailed,
    ScriptInvalid,
)
from activities.registry import Component
from activities.scripts.engine import ScriptEngines
from activities.scripts.inside.frames import Question
from activities.step import Context, Step, Undo
from rules.plan import ComponentPolicy, Needs
from rules.wire import ContextOperation, ScriptCall, StepRequest, delivery_key

EVERYTHING: Final = Needs(request=True, whole_context=True)

_log = structlog.get_logger(__name__)


def script_component(engines: ScriptEngines, sent: StepRequest) -> Component | None:
    """The component of a step whose request has a script; None for others."""
    script = sent.script
    if script is None:
        return None

    async def forward(request: JsonValue, context: Context, step: Step) -> JsonValue:
        return await _run(engines, script, question(sent, step, context, request), step)

    async def backward(
        request: JsonValue, context: Context, step: Step, undo: Undo[JsonValue]
    ) -> JsonValue:
        return await _run(engines, script, question(sent, step, context, request, undo), step)

    function: Callable[..., object] = forward if sent.undo is None else backward
    id = sent.component
    policy = ComponentPolicy(id=id, kind=script.kind, name=sent.name, needs=EVERYTHING)
    declaration = Declaration(id=id, kind=script.kind)
    return Component(declaration, function, bind_signature(id, function), policy)


async def _run(
    engines: ScriptEngines, script: ScriptCall, asked: Question, step: Step
) -> JsonValue:
    engine = engines.of(script.language)
    if engine is None:
        raise EngineDown(f"there is no engine for '{script.language}' in this worker")
    answer = await engine.run(asked, step.timeout)
    for operation in answer.get("operations", ()):
        step.context.operations.append(ContextOperation.model_validate(operation))
    if answer.get("printed"):
        _log.info("script_printed", script=step.component, path=step.path, words=answer["printed"])
    step.wishes.end = answer.get("end", False) or step.wishes.end
    if "error" in answer:
        raise _failure(script, step.component, answer["error"])
    value: JsonValue = answer["value"]
    return value


def question(
    sent: StepRequest,
    step: Step,
    context: Context,
    request: JsonValue,
    undo: Undo[JsonValue] | None = None,
) -> Question:
    """What an engine is asked: the text, and what is bound to it (ADR 26)."""
    deliveries = step.bound.context.get(delivery_key(step.component))
    assert sent.script is not None
    return {
        "text": sent.script.text,
        "context": dict(context),
        "meta": {
            "slotIndex": 0,
            "currChainId": step.current_chain,
            "nodeId": step.component,
            "tag": step.tag,
            "cmpData": _data(step.data),
            "loopIndex": step.index,
            "loopObject": step.object,
            "requestData": request,
            "subRequestData": _call_of(sent, step, request),
            "key": step.key,
            "undo": None if undo is None else _told(undo),
        },
        "name": sent.name,
        "chain": step.chain,
        "bind": {key: step.bound.get(key) for key in step.bound.values},
        "targets": list(step.targets),
        "indexes": list(step.indexes),
        "objects": list(step.objects),
        "delivered": delivery_key(""),
        "deliveries": deliveries if isinstance(deliveries, list) else [],
    }


def _call_of(sent: StepRequest, step: Step, request: JsonValue) -> JsonValue:
    """What a step that ran the chain gave it, in whose text this step stands."""
    return request if sent.called and step.current_chain == step.chain else None


def _told(undo: Undo[JsonValue]) -> dict[str, JsonValue]:
    """What a script that undoes is told of the step."""
    return {
        "component": undo.component,
        "outcome": undo.outcome,
        "output": undo.output,
        "error": None if undo.error is None else undo.error.model_dump(mode="json"),
        "key": undo.forward_key,
    }


def _data(text: str | None) -> JsonValue:
    """The text of `.data` as JSON if it is some."""
    if text is None:
        return None
    try:
        data: JsonValue = json.loads(text)
    except ValueError:
        return text
    return data


# Any: JSON of our own processes
def _failure(script: ScriptCall, id: str, error: Mapping[str, Any]) -> ActivityError:
    code, message = error["code"], error["message"]
    if error["refused"]:
        return Refused(message, code=code)
    if code == "BAD_OUTPUT":
        return BadOutput(id, message)
    if code == "OUTPUT_TOO_LARGE":
        return OutputTooLarge(id, message)
    kind = ScriptInvalid if code == "SCRIPT_INVALID" else ScriptFailed
    return kind(
        id,
        script.language,
        message,
        code=code,
        named=error["type"],
        line=error["line"],
        kinds=tuple(error["kinds"]),
    )
