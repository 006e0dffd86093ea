"""The activities of the scheduled jobs, over this process's stores.

For the worker's plugin. Each may be repeated at any point. What is down makes the attempt fail
with a name for it, and Temporal tries again.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import redis
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.maintenance import alerts, retries, troubles
from activities.maintenance.clean import clean_history, clean_hot_state
from activities.maintenance.heartbeat import beating
from activities.maintenance.webhook import WebhookDown, WebhookError, WebhookRefused, post
from activities.mirror.hot import HotState
from activities.mirror.reader import MirrorReader
from activities.mirror.reconcile import reconcile
from activities.mirror.writer import MirrorWriter
from rules.execution import Status
from rules.jobs import (
    COMPARE_MIRROR,
    DELETE_HISTORY,
    DELETE_HOT_STATE,
    FIND_TROUBLES,
    RETRY_UNDOS,
    SEND_ALERTS,
    Alert,
    AlertKind,
    Compared,
    CompensationAlert,
    Deleted,
    DeleteHistory,
    DeleteHotState,
    HotLeftovers,
    Reconcile,
    Retried,
    RetryUndos,
    SendAlerts,
    Sent,
    Troubles,
    UndoRetry,
)

ASKED_AT_ONCE: Final = 10
SENT_IN_ONE_RUN: Final = 200


@dataclass(frozen=True, slots=True)
class Stores:
    """What the jobs work on."""

    engine: Engine
    reader: MirrorReader
    writer: MirrorWriter
    hot: HotState | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds where a job's input does not say otherwise; the webhook's URL is in no input."""

    keep: Mapping[Status, int]
    limits: troubles.Limits
    webhook: str | None = None


def job_activities(stores: Stores, rules: Rules) -> tuple[Callable[..., object], ...]:
    """The activities of all jobs."""
    return (*_clean_ups(stores, rules), *_alerts(stores, rules))


def _clean_ups(stores: Stores, rules: Rules) -> tuple[Callable[..., object], ...]:
    @activity.defn(name=DELETE_HISTORY)
    async def delete_history(request: DeleteHistory) -> Deleted:
        """Delete a slice of what is old enough."""
        order = request.model_copy(update={"keep": request.keep or rules.keep})
        before = activity.info().heartbeat_details
        done = Deleted.model_validate(before[0]) if before else Deleted()
        with _explained():
            async with beating() as tell:
                return await clean_history(activity.client(), stores.engine, order, done, tell)

    @activity.defn(name=DELETE_HOT_STATE)
    async def delete_hot_state(request: DeleteHotState) -> HotLeftovers:
        """Delete a slice of what is left over in Redis."""
        if stores.hot is None:
            return HotLeftovers(redis=False)
        with _explained():
            async with beating():
                return await clean_hot_state(activity.client(), stores.hot, request.cursor)

    @activity.defn(name=COMPARE_MIRROR)
    async def compare_mirror(_request: Reconcile) -> Compared:
        """One round of the reconcile."""
        queue = activity.info().task_queue
        with _explained():
            async with beating():
                done = await reconcile(
                    activity.client(),
                    stores.engine,
                    stores.reader,
                    stores.writer,
                    task_queue=queue,
                )
        return Compared(
            checked=done.checked,
            repaired=done.repaired,
            aborted=done.aborted,
            caught_up=done.caught_up,
        )

    return delete_history, delete_hot_state, compare_mirror


def _alerts(stores: Stores, rules: Rules) -> tuple[Callable[..., object], ...]:
    @activity.defn(name=FIND_TROUBLES)
    async def find_troubles(request: CompensationAlert) -> Troubles:
        """Find who needs a person, and raise the alerts that were not raised yet."""
        with _explained():
            async with beating():
                found = await _find(stores, _limits(rules.limits, request), request.limit)
        unsent = 0
        if rules.webhook is not None:
            with _explained():
                unsent = await asyncio.to_thread(alerts.count_unsent, stores.engine)
        return found.model_copy(update={"unsent": unsent})

    @activity.defn(name=RETRY_UNDOS)
    async def retry_undos(request: RetryUndos) -> Retried:
        """Send the retries as decisions."""
        with _explained():
            async with beating():
                client = activity.client()
                accepted = [await retries.send(client, retry) for retry in request.retries]
        return Retried(accepted=sum(accepted), rejected=len(accepted) - sum(accepted))

    @activity.defn(name=SEND_ALERTS)
    async def send_alerts(_request: SendAlerts) -> Sent:
        """Send what waits for the webhook; what an earlier attempt has sent is sent no more."""
        before = activity.info().heartbeat_details
        sent = Sent.model_validate(before[0]).sent if before else 0
        url = rules.webhook
        if url is None:
            return Sent(sent=sent)
        with _explained():
            async with beating() as tell:
                waiting = await asyncio.to_thread(alerts.unsent, stores.engine, SENT_IN_ONE_RUN)
                refused: list[WebhookRefused] = []
                for alert in waiting:
                    try:
                        await asyncio.to_thread(post, url, alert)
                    except WebhookRefused as error:
                        refused.append(error)
                        continue
                    await asyncio.to_thread(alerts.mark_sent, stores.engine, alert.id)
                    sent += 1
                    tell(Sent(sent=sent))
                if refused:
                    raise refused[0]
                left = await asyncio.to_thread(alerts.count_unsent, stores.engine)
        return Sent(sent=sent, left=left)

    return find_troubles, retry_undos, send_alerts


async def _find(stores: Stores, limits: troubles.Limits, limit: int) -> Troubles:
    engine, now = stores.engine, datetime.now(UTC)
    suspects = await asyncio.to_thread(troubles.suspects, engine, limits, now)
    aborted = await asyncio.to_thread(troubles.aborted, engine, now)
    raised_before = await _raised_before(engine, suspects, aborted)
    pressing = [s for s in suspects if s.alert_ids - raised_before or s.retry_due(limits, now)]
    news = [owner for owner, id in _aborted_ids(aborted).items() if id not in raised_before]
    raised: list[Alert] = []
    due: list[UndoRetry] = []
    for start in range(0, len(pressing[:limit]), ASKED_AT_ONCE):
        some = pressing[start : min(start + ASKED_AT_ONCE, limit)]
        asked = await asyncio.gather(*(troubles.ask(activity.client(), each) for each in some))
        for execution in filter(None, asked):
            raised += troubles.wait_alerts(execution, limits, now)
            due += troubles.due_retries(execution, limits, now)
    for tenant, execution_id in news[:limit]:
        mirrored = await asyncio.to_thread(stores.reader.get, tenant, execution_id)
        if mirrored is not None:
            raised.append(troubles.aborted_alert(mirrored))
    new = [await asyncio.to_thread(alerts.raise_alert, engine, alert) for alert in raised]
    return Troubles(
        blocked=sum(suspect.blocked for suspect in suspects),
        aborted=len(aborted),
        due=sum(not suspect.blocked for suspect in suspects),
        raised=sum(new),
        more=max(len(pressing), len(news)) > limit,
        retries=tuple(due),
    )


async def _raised_before(
    engine: Engine,
    suspects: Iterable[troubles.Suspect],
    aborted: Iterable[tuple[str, str, datetime]],
) -> set[str]:
    ids = [id for suspect in suspects for id in suspect.alert_ids]
    ids += _aborted_ids(aborted).values()
    found: set[str] = set()
    for start in range(0, len(ids), SENT_IN_ONE_RUN):
        some = ids[start : start + SENT_IN_ONE_RUN]
        found |= await asyncio.to_thread(alerts.known, engine, some)
    return found


def _aborted_ids(
    aborted: Iterable[tuple[str, str, datetime]],
) -> dict[tuple[str, str], str]:
    kind = AlertKind.ABORTED
    return {
        (tenant, id): alerts.alert_id(kind, tenant, id, None, ended_at)
        for tenant, id, ended_at in aborted
    }


def _limits(limits: troubles.Limits, request: CompensationAlert) -> troubles.Limits:
    wait, before = request.retry_wait, request.before_deadline
    return troubles.Limits(
        retries=limits.retries if request.retries is None else request.retries,
        retry_wait=limits.retry_wait if wait is None else timedelta(seconds=wait),
        before_deadline=limits.before_deadline if before is None else timedelta(seconds=before),
    )


@contextmanager
def _explained() -> Iterator[None]:
    """A failure that names what is down; tracebacks of drivers help nobody in the Web UI."""
    try:
        yield
    except SQLAlchemyError as error:
        raise _failure("DATABASE_UNAVAILABLE", "the database", error) from None
    except redis.RedisError as error:
        raise _failure("REDIS_UNAVAILABLE", "Redis", error) from None
    except RPCError as error:
        raise _failure("TEMPORAL_UNAVAILABLE", "Temporal", error) from None
    except WebhookError as error:
        down = isinstance(error, WebhookDown)
        raise ApplicationError(
            f"{error}; the alerts are in the log, and wait for the webhook",
            type="WEBHOOK_DOWN" if down else "WEBHOOK_REFUSED",
        ) from None


def _failure(type: str, what: str, error: Exception) -> ApplicationError:
    return ApplicationError(f"{what} does not answer: {str(error)[:300]}", type=type)
