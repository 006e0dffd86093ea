"""Plays an authored saga on either runtime and says what of it differs from the table.

For the tests of authored sagas in memory and on Temporal.
"""

from collections.abc import Mapping
from typing import cast

from pydantic import JsonValue

from rules.compiler import ChainText, compile_chain
from rules.execution import Execution, steps_string
from rules.plan import ComponentPolicy
from rules.wire import Frost
from tests.workflows.authored import CALLS
from tests.workflows.authored_sagas import Case


def frost(case: Case, policies: Mapping[str, ComponentPolicy]) -> Frost:
    texts = {"main": ChainText("main", case.chain), "inner": ChainText("inner", "THEN(tell)")}
    plan = compile_chain("main", chains=texts, components=policies).plan
    return Frost(plan=plan, request=cast(JsonValue, case.script), request_sha="")


def check(case: Case, execution: Execution) -> None:
    told = execution.error
    assert execution.status is case.status, told
    assert (told.code if told else None) == case.code
    if case.calls:
        assert CALLS[execution.execution_id] == case.calls.split()
    if case.steps is not None:
        assert steps_string(execution.stack) == case.steps
    if case.ends:
        ends = {entry.tag or entry.component: entry.status for entry in execution.stack}
        assert ends == dict(word.split(":") for word in case.ends.split())
    if case.context:
        assert execution.context == case.context
