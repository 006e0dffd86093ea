"""Which jobs recur, how often, and with what request: from the settings of a process.

For the worker, which brings the settings' values.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from activities.maintenance.schedules import Recurring
from activities.maintenance.troubles import Limits
from rules.execution import Status
from rules.jobs import CleanHistory, CleanHotState, CompensationAlert, Job, Reconcile

LATEST: Final = timedelta(hours=1)
"""A clean-up that was missed for longer waits for its next time."""

LEAST_CATCH_UP: Final = timedelta(seconds=10)
"""Temporal takes no shorter one."""


def timetable(
    *,
    clean_hot_every: float,
    clean_history_every: float,
    clean_history_limit: int,
    keep: Mapping[Status, int],
    alert_every: float,
    limits: Limits,
    reconcile_every: float,
) -> list[Recurring]:
    """All jobs; intervals in seconds."""
    return [
        _recurring(
            Job.CLEAN_HOT_STATE,
            clean_hot_every,
            CleanHotState(),
            "Removes from Redis what belongs to no open saga",
        ),
        _recurring(
            Job.CLEAN_HISTORY,
            clean_history_every,
            CleanHistory(keep=dict(keep), limit=clean_history_limit),
            "Deletes sagas from the mirror that ended long ago",
        ),
        _recurring(
            Job.COMPENSATION_ALERT,
            alert_every,
            CompensationAlert(
                retries=limits.retries,
                retry_wait=limits.retry_wait.total_seconds(),
                before_deadline=limits.before_deadline.total_seconds(),
            ),
            "Alerts about sagas that need a person, and retries blocked undos",
        ),
        _recurring(
            Job.RECONCILE,
            reconcile_every,
            Reconcile(),
            "Compares the mirror with Temporal and writes what is missing",
        ),
    ]


def _recurring(
    job: Job,
    every: float,
    request: CleanHotState | CleanHistory | CompensationAlert | Reconcile,
    about: str,
) -> Recurring:
    interval = timedelta(seconds=every)
    catch_up = max(min(interval, LATEST), LEAST_CATCH_UP)
    return Recurring(job, interval, request, about, catch_up)
