"""One slice of each clean-up: what to delete, who is asked first, and when it is enough.

For the jobs' activities, which bring the client and the stores.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import BaseModel
from sqlalchemy import Engine
from temporalio.client import Client

from activities.maintenance.history import Old, count_old, delete_old, find_old
from activities.maintenance.open_sagas import open_among
from activities.mirror.hot import HotState
from rules.execution import Status
from rules.jobs import Deleted, DeleteHistory, HotLeftovers

KEYS_AT_ONCE: Final = 500
KEYS_IN_ONE_SLICE: Final = 20_000


async def clean_history(
    client: Client,
    engine: Engine,
    order: DeleteHistory,
    done: Deleted,
    tell: Callable[[BaseModel], None],
) -> Deleted:
    """Delete up to the order's limit, status by status, the oldest first.

    `done` is what an earlier attempt has deleted. Raises SQLAlchemyError and RPCError.
    """
    keep = order.keep or {}
    now = datetime.now(UTC)
    done = done.model_copy(update={"keep": keep})
    for status, days in keep.items():
        before = now - timedelta(days=days)
        if order.dry_run:
            number = await asyncio.to_thread(count_old, engine, status, before)
            done = _more(done, status, number, batches=0)
            continue
        after: Old | None = None
        while done.total < order.limit:
            limit = min(order.batch, order.limit - done.total)
            old = await asyncio.to_thread(find_old, engine, status, before, limit, after)
            if not old:
                break
            after = old[-1]
            runs = await open_among(client, ((each.tenant, each.execution_id) for each in old))
            over = [each for each in old if (each.tenant, each.execution_id) not in runs]
            number = await asyncio.to_thread(delete_old, engine, status, before, over)
            done = _more(done, status, number, batches=bool(number), kept_open=len(runs))
            tell(done)
    left = not order.dry_run and done.total >= order.limit
    if left:
        left = await asyncio.to_thread(_any_old, engine, keep, now)
    return done.model_copy(update={"exhausted": not left})


async def clean_hot_state(client: Client, hot: HotState, cursor: int) -> HotLeftovers:
    """Look at some keys from `cursor` on. Raises RedisError and RPCError."""
    looked_at = deleted = expiring = 0
    while True:
        cursor, number, stale = await asyncio.to_thread(hot.scan, cursor, KEYS_AT_ONCE)
        runs = await open_among(client, ((each.tenant, each.execution_id) for each in stale))
        over = [each for each in stale if (each.tenant, each.execution_id) not in runs]
        lasting = [
            each for each in stale if (each.tenant, each.execution_id) in runs and not each.expires
        ]
        await asyncio.to_thread(hot.forget, over)
        await asyncio.to_thread(hot.let_expire, lasting)
        looked_at += number
        deleted += len(over)
        expiring += len(lasting)
        if not cursor or looked_at >= KEYS_IN_ONE_SLICE:
            return HotLeftovers(
                looked_at=looked_at, deleted=deleted, expiring=expiring, cursor=cursor
            )


def _any_old(engine: Engine, keep: Mapping[Status, int], now: datetime) -> bool:
    return any(
        find_old(engine, status, now - timedelta(days=days), 1) for status, days in keep.items()
    )


def _more(
    done: Deleted, status: Status, number: int, *, batches: int = 1, kept_open: int = 0
) -> Deleted:
    deleted = {**done.deleted, status: done.deleted.get(status, 0) + number}
    return done.model_copy(
        update={
            "deleted": deleted,
            "batches": done.batches + batches,
            "kept_open": done.kept_open + kept_open,
        }
    )
