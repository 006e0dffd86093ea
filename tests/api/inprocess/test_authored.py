"""Everything that a component's author can declare, in whole sagas on virtual time."""

from uuid import uuid4

import pytest

from activities.registry import Registry, declared_in
from activities.runner import Provider, Runner
from api.inprocess.clock import VirtualClock, run_virtual
from api.inprocess.execute import execute
from tests.workflows import authored
from tests.workflows.authored_sagas import CASES, Case
from tests.workflows.staged import check, frost

REGISTRY = Registry(declared_in(authored))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_authored(case: Case) -> None:
    running = execute(
        "1",
        f"{case.id}-{uuid4().hex[:8]}",
        frost(case, REGISTRY.policies),
        REGISTRY,
        Runner(Provider()),
        clock=VirtualClock(),
    )
    check(case, run_virtual(running))
