"""What a case is answered with, as JSON objects.

For the command. Names are those of what a case may expect; what does not apply is left out.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from pydantic import JsonValue

from api.diagnostics import as_json
from api.simulation.running import Ran
from api.simulation.world import MOST_CALLS
from rules.errors import Diagnostic
from rules.execution import EntryStatus, StackEntry, Status, steps_string

Answer: TypeAlias = dict[str, JsonValue]

OURS: Final = "chainsaga."


def parsed(diagnostics: Sequence[Diagnostic] = ()) -> Answer:
    """Chains that compile, and none is run."""
    return {"parse": "ok", "phase": "parse", **_diagnostics(diagnostics)}


def not_parsed(diagnostics: Sequence[Diagnostic]) -> Answer:
    """Chains that do not compile."""
    return {"parse": "error", "phase": "parse", **_refused(diagnostics)}


def not_run(error: str, message: str, diagnostics: Sequence[Diagnostic] = ()) -> Answer:
    """Chains that were loaded, and then could not be run."""
    told = _refused(diagnostics) if diagnostics else {"success": False}
    return {
        "parse": "ok",
        "phase": "execute",
        **told,
        "error": error,
        "message": message,
        "steps": "",
        "records": [],
        "ctx": {},
        "rollback": "",
        "status": {},
        "timeout_items": [],
    }


def ran(one: Ran, diagnostics: Sequence[Diagnostic]) -> Answer:
    """A run that has ended."""
    execution, run = one.execution, one.run
    answer: Answer = {
        "parse": "ok",
        "phase": "execute",
        "success": execution.status is Status.COMPLETED,
        "error": None,
    }
    if execution.error is not None:
        answer["error"] = execution.error.type
        answer["message"] = execution.error.message
        answer["code"] = execution.error.code
    if one.endless:
        answer["error"] = "Endless"
        answer["message"] = f"stopped after {MOST_CALLS} calls of components; it would not end"
    answer |= {
        "steps": steps_string(execution.stack),
        "records": list(run.records),
        "ctx": {key: v for key, v in execution.context.items() if not key.startswith(OURS)},
        "rollback": "==>".join(run.undone),
        "undo_failed": list(run.undo_failed),
        "status": dict(_status(execution.stack)),
        "timeout_items": list(one.timed_out),
    }
    return answer | _diagnostics(diagnostics)


def routed(runs: Mapping[str, Ran]) -> Answer:
    """The chains that were chosen by their routes, and have run; one that fails fails alone."""
    run = next(iter(runs.values())).run
    return {
        "parse": "ok",
        "phase": "execute",
        "success": True,
        "error": None,
        "routes": {id: steps_string(one.execution.stack) for id, one in runs.items()},
        "records": list(run.records),
        "rollback": "==>".join(run.undone),
        "undo_failed": list(run.undo_failed),
        "failed": {
            id: one.execution.error.type
            for id, one in runs.items()
            if one.execution.error is not None
        },
    }


def _status(stack: Sequence[StackEntry]) -> Mapping[str, str]:
    """How the last occurrence of each component ended."""
    return {
        entry.component: "ok" if entry.outcome is EntryStatus.COMPLETED else "fail"
        for entry in sorted(stack, key=lambda entry: entry.seq)
        if entry.outcome is not EntryStatus.SKIPPED
    }


def _refused(diagnostics: Sequence[Diagnostic]) -> Answer:
    first = next(one for one in diagnostics if one.severity == "error")
    return {
        "error_category": first.category,
        "success": False,
        "error": "ChainInvalid",
        "message": f"{first.chain}:{first.line}:{first.column}: {first.message}",
        **_diagnostics(diagnostics),
    }


def _diagnostics(diagnostics: Sequence[Diagnostic]) -> Answer:
    if not diagnostics:
        return {}
    return {"diagnostics": [{"chain": one.chain, **as_json(one)} for one in diagnostics]}
