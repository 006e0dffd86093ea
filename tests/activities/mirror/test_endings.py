"""What the alert about an aborted saga counts as left behind."""

import pytest
from structlog.testing import capture_logs

from activities.mirror.endings import alert
from rules.execution import EntryStatus, StackEntry
from tests.activities.mirror.sagas import Saga, entry

S = EntryStatus
# Status, outcome, and whether an effect may be left.
CASES: list[tuple[EntryStatus, EntryStatus | None, bool]] = [
    (S.RUNNING, None, True),
    (S.COMPLETED, S.COMPLETED, True),
    (S.FAILED, S.FAILED, False),
    (S.UNKNOWN, S.UNKNOWN, True),
    (S.RUNNING, S.FAILED, True),  # runs again, in another round
    (S.SKIPPED, S.FAILED, False),
    (S.SKIPPED, S.UNKNOWN, True),
    (S.COMPENSATING, S.COMPLETED, True),
    (S.COMPENSATED, S.COMPLETED, False),
    (S.COMPENSATION_FAILED, S.COMPLETED, True),
    (S.COMPENSATION_SKIPPED, S.COMPLETED, True),
]


@pytest.mark.parametrize(("status", "outcome", "left"), CASES)
@pytest.mark.parametrize("read_only", [True, False])
def test_what_is_left_behind(
    status: EntryStatus, outcome: EntryStatus | None, left: bool, read_only: bool
) -> None:
    fields = {"status": status, "outcome": outcome, "read_only": read_only}
    step: StackEntry = entry(1, ended=2).model_copy(update=fields)
    with capture_logs() as logs:
        alert(Saga().told(0, step).execution)
    assert logs[0]["left_behind"] == (["deductStock"] if left and not read_only else [])
