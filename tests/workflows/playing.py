"""How a case of `tests.workflows.operators` is played on a runtime, from its text to its end."""

from collections.abc import Mapping
from typing import Any, Final, cast
from uuid import uuid4

from pydantic import JsonValue

from rules.execution import Execution
from rules.plan import RetryPolicy
from rules.wire import Frost, SagaOptions
from tests.workflows.acting import tell
from tests.workflows.cases import TOLD, Case, slug, whole
from tests.workflows.lab import QUEUE, UNCACHED_QUEUE, Lab
from tests.workflows.stages import InMemory, OnTemporal, plan_of, play, stage_of, until

RUNTIMES: Final = {
    "temporal": None,
    "lowest": 20,
    "uncached": 20,
    "memory": None,
    "memory_lowest": 20,
}
"""With the hint for a new run, None for Temporal's own."""
QUICK: Final[Mapping[str, Mapping[str, Any]]] = {
    "work": {"retry": {"attempts": 1, "interval": 0.01}, "timeout": 60.0},
}
GRACE: Final = "5"
"""Seconds: a run that parks awaits steps of losers, which then wait for what is not to come."""


async def begun(lab: Lab, id: str, case: Case, runtime: str) -> OnTemporal | InMemory:
    """A case whose scenes are over and whose steps wait for nothing more."""
    execution_id = f"{slug(id)}-{uuid4().hex[:8]}"
    queue = UNCACHED_QUEUE if runtime == "uncached" else QUEUE
    frost = frost_of(lab, case, RUNTIMES[runtime])
    stage = await stage_of(lab, frost, execution_id, runtime, queue)
    for scene in case.scenes:
        await play(stage, scene)
    awaited = set(case.after.split())
    if awaited:
        await until(stage.execution, lambda execution: awaited <= ended(execution))
    tell(execution_id, TOLD)
    return stage


def ended(execution: Execution) -> set[str | None]:
    return {entry.tag for entry in execution.stack if entry.outcome is not None}


def frost_of(lab: Lab, case: Case, max_events: int | None) -> Frost:
    """What a case's chain and script are once frozen."""
    changed = {
        name: {**QUICK.get(name, {}), **case.changed.get(name, {})}
        for name in {*QUICK, *case.changed}
    }
    for changes in changed.values():
        if "retry" in changes:
            changes["retry"] = RetryPolicy.model_validate(changes["retry"])
    includes = {name: whole(text) for name, text in case.includes.items()}
    script = case.script if max_events is None else {**case.script, "grace": [GRACE]}
    return Frost(
        plan=plan_of(lab, whole(case.chain), case.policy, changed, includes),
        request=cast(JsonValue, script),
        request_sha="",
        options=SagaOptions.model_validate({**case.options, "max_events": max_events}),
    )
