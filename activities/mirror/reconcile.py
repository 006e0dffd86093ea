"""Compares the mirror with Temporal and writes what is missing: lost endings, aborted sagas.

For the worker, at its start and each minute. A round does a bounded amount of work and goes on
from where the last one came, which the table of watermarks keeps. Everything it writes is ordered
by versions like any other report, so a round may be repeated, cut short, or run by two workers at
once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine
from temporalio.client import Client, WorkflowExecution

from activities.mirror import watermark
from activities.mirror.endings import Witness, alert, owner_of, status_of
from activities.mirror.reader import MirrorReader
from activities.mirror.writer import MirrorWriter
from rules.execution import Execution, Status
from rules.wire import TASK_QUEUE, MirrorChange

LIMIT: Final = 500
LOOKBACK: Final = timedelta(days=7)
SETTLE: Final = timedelta(seconds=5)
"""So fresh an ending is still on its way to the mirror by itself."""

OVERLAP: Final = timedelta(minutes=1)
"""Temporal's lists lag behind its truth, and its clock is not ours: look again at so much."""

FLUSH_LIMIT: Final = 5.0
CLOSED_MARK: Final = "reconcile.closed"
OPEN_MARK: Final = "reconcile.open"

_PAGE: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST: Final = timedelta(milliseconds=1)
_CLOSED: Final = "ExecutionStatus IN ('Completed','Failed','Terminated','Canceled','TimedOut')"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a round did, in executions; `aborted` are part of the repaired.

    `caught_up` is False when more endings wait, or SQL did not take the repairs: do not wait a
    minute for the next round.
    """

    checked: int
    repaired: int
    aborted: int
    caught_up: bool


async def reconcile(
    client: Client,
    engine: Engine,
    reader: MirrorReader,
    writer: MirrorWriter,
    *,
    task_queue: str = TASK_QUEUE,
    limit: int = LIMIT,
    settle: timedelta = SETTLE,
    lookback: timedelta = LOOKBACK,
    flush_limit: float = FLUSH_LIMIT,
) -> Reconciled:
    """One round: up to about three times `limit` executions are looked at.

    Closed ones since the watermark (the first time: `lookback`), and on a sweep over the open
    ones. Raises RPCError and SQLAlchemyError; the next round then begins at the same place.
    """
    ours = f"TaskQueue = '{task_queue}' AND SagaTenant IS NOT NULL"
    work = _Round(client, reader, writer)
    upper = datetime.now(UTC) - settle
    mark = await asyncio.to_thread(watermark.read, engine, CLOSED_MARK) or upper - lookback
    until = await _window_end(client, f"{ours} AND {_CLOSED}", mark, upper, limit)
    await work.look_at(f"{ours} AND {_CLOSED} AND {_between(mark, until)}", None)
    await work.look_at(f"{ours} AND {_CLOSED} AND {_between(mark - OVERLAP, mark)}", limit)

    swept = await asyncio.to_thread(watermark.read, engine, OPEN_MARK) or _EPOCH
    older = "" if swept == _EPOCH else f" AND StartTime < '{_text(swept + _SHORTEST)}'"
    seen = await work.look_at(f"{ours} AND ExecutionStatus = 'Running'{older}", limit)

    flushed = not work.repaired or await asyncio.to_thread(writer.flush, flush_limit)
    if flushed:
        await asyncio.to_thread(watermark.move, engine, CLOSED_MARK, max(mark, until))
        sweep_on = seen[-1].start_time if len(seen) == limit else _EPOCH
        await asyncio.to_thread(watermark.move, engine, OPEN_MARK, sweep_on)
    return Reconciled(work.checked, work.repaired, work.aborted, flushed and until >= upper)


class _Round:
    """Looks at executions and counts."""

    def __init__(self, client: Client, reader: MirrorReader, writer: MirrorWriter) -> None:
        self.checked = self.repaired = self.aborted = 0
        self._client = client
        self._reader = reader
        self._writer = writer
        self._witness = Witness(client)

    async def look_at(self, query: str, limit: int | None) -> list[WorkflowExecution]:
        """Compare what the query finds, the newest first, and repair it."""
        seen: list[WorkflowExecution] = []
        page: list[WorkflowExecution] = []
        async for run in self._client.list_workflows(query, limit=limit, page_size=_PAGE):
            page.append(run)
            if len(page) == _PAGE:
                await self._compare(page)
                seen, page = seen + page, []
        await self._compare(page)
        return seen + page

    async def _compare(self, page: Sequence[WorkflowExecution]) -> None:
        self.checked += len(page)
        owners = [owner_of(run) for run in page]
        mirrored = await asyncio.to_thread(self._reader.statuses, owners)
        for run, owner in zip(page, owners, strict=True):
            expected = status_of(run)
            if expected is None or mirrored.get(owner) is not expected:
                await self._repair(run, mirrored.get(owner))

    async def _repair(self, run: WorkflowExecution, mirrored: Status | None) -> None:
        if run.close_time is None:
            answer = await self._witness.ask(run)
            if answer is not None:
                self._write(answer)
            return
        if not await self._witness.is_last(run):
            return
        known = await asyncio.to_thread(self._reader.get, *owner_of(run))
        execution = await self._witness.ending(run, known)
        if mirrored is execution.status:
            return
        self._write(execution)
        if execution.status is Status.ABORTED:
            self.aborted += 1
            alert(execution)

    def _write(self, execution: Execution) -> None:
        self._writer.put(MirrorChange(execution=execution))
        self.repaired += 1


async def _window_end(
    client: Client, where: str, start: datetime, end: datetime, limit: int
) -> datetime:
    """Up to when no more than `limit` were closed since `start`: the end, or before it."""
    while end - start > _SHORTEST:
        counted = await client.count_workflows(f"{where} AND {_between(start, end)}")
        if counted.count <= limit:
            break
        end = start + (end - start) / 2
    return end


def _between(start: datetime, end: datetime) -> str:
    return f"CloseTime >= '{_text(start)}' AND CloseTime < '{_text(end)}'"


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
