"""Which of two versions wins: the table of the ordering rule."""

from datetime import UTC, datetime

import pytest

from activities.mirror.versions import (
    SILENT,
    Phase,
    asked,
    guessed,
    told_by_activity,
    told_by_workflow,
)
from tests.activities.mirror.sagas import at

CASES = [
    ("anything over silence", SILENT, guessed(at(0))),
    ("the earlier guess", guessed(at(5)), guessed(at(1))),
    ("what was asked over a guess", guessed(at(0)), asked(at(9))),
    ("the earlier ask", asked(at(5)), asked(at(1))),
    ("the workflow over what was asked", asked(at(0)), told_by_workflow(at(0), 1)),
    (
        "an end over its start",
        told_by_activity(at(0), 1, Phase.START),
        _end := told_by_activity(at(0), 1, Phase.END),
    ),
    ("a retry's start over the end before it", _end, told_by_activity(at(0), 2, Phase.START)),
    (
        "attempt 10 over attempt 9",
        told_by_activity(at(0), 9, Phase.END),
        told_by_activity(at(0), 10, Phase.START),
    ),
    (
        "an undo over its step",
        told_by_activity(at(0), 7, Phase.END),
        told_by_activity(at(1), 1, Phase.START),
    ),
    ("the workflow over what ended before", _end, told_by_workflow(at(1), 1)),
    ("an activity over the workflow that began it", told_by_workflow(at(0), 9), _end),
    ("a later revision", told_by_workflow(at(1), 9), told_by_workflow(at(1), 10)),
    ("a reset's time over a revision", told_by_workflow(at(1), 9), told_by_workflow(at(2), 1)),
    (
        "an hour over a microsecond",
        told_by_workflow(at(0.000001), 1),
        told_by_workflow(at(3600), 1),
    ),
]


@pytest.mark.parametrize(("why", "lower", "higher"), CASES, ids=[case[0] for case in CASES])
def test_order(why: str, lower: str, higher: str) -> None:
    assert lower < higher


def test_versions_have_one_width_whatever_the_numbers() -> None:
    versions = {
        told_by_activity(datetime(1970, 1, 1, tzinfo=UTC), 1, Phase.START),
        told_by_activity(datetime(9999, 12, 31, tzinfo=UTC), 10**12, Phase.END),
        told_by_workflow(datetime(1900, 1, 1, tzinfo=UTC), 0),
        guessed(at(0)),
        asked(at(0)),
    }
    assert {len(version) for version in versions} == {32}
