"""What the mirror answers: lists and their pages, one execution, its log."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, event

from activities.mirror.batch import Batch
from activities.mirror.changes import Change
from activities.mirror.reader import MirrorReader
from activities.mirror.views import BadCursor, Filter
from rules.execution import EntryStatus, Status
from tests.activities.mirror.sagas import SOLD_OUT, Saga, at, entry


def write(engine: Engine, *changes: Change) -> None:
    with engine.begin() as connection:
        Batch(changes).write(connection)


def statements_of(engine: Engine) -> list[str]:
    seen: list[str] = []
    event.listen(
        engine, "before_cursor_execute", lambda _c, _cur, statement, *_: seen.append(statement)
    )
    return seen


@pytest.fixture
def shop(engine: Engine) -> None:
    """Four executions of acme and one of another tenant under an id that acme uses too."""
    write(
        engine,
        Saga("a").told(1, status=Status.COMPLETED, business_key="ada"),
        Saga("b").told(2, status=Status.FAILED, failed_step="pay"),
        Saga("c", chain="refund").told(3, status=Status.FAILED, failed_step="refund"),
        Saga("d").told(4, business_key="ada"),
        Saga("a", tenant="umbrella").told(5, status=Status.FAILED, business_key="ada"),
    )


FILTERS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("everything", {}, ["d", "c", "b", "a"]),
    ("chain", {"chain": "refund"}, ["c"]),
    ("chains are told apart by case", {"chain": "Refund"}, []),
    ("status", {"status": Status.FAILED}, ["c", "b"]),
    ("business key", {"business_key": "ada"}, ["d", "a"]),
    ("failed step", {"failed_step": "pay"}, ["b"]),
    ("from a time on", {"started_from": at(3)}, ["d", "c"]),
    ("before a time", {"started_to": at(3)}, ["b", "a"]),
    ("all at once", {"chain": "placeOrder", "status": Status.RUNNING}, ["d"]),
]


@pytest.mark.parametrize(("why", "wanted", "ids"), FILTERS, ids=[case[0] for case in FILTERS])
def test_filters(
    shop: None, reader: MirrorReader, why: str, wanted: dict[str, Any], ids: list[str]
) -> None:
    before = datetime.now(UTC)
    page = reader.list("acme", Filter(**wanted))
    assert [item.execution_id for item in page.items] == ids
    assert before <= page.as_of <= datetime.now(UTC)
    assert page.next_cursor is None


def test_counts_are_of_the_filter_without_its_status(shop: None, reader: MirrorReader) -> None:
    page = reader.list("acme", Filter(chain="placeOrder", status=Status.FAILED))
    assert page.counts == {Status.COMPLETED: 1, Status.FAILED: 1, Status.RUNNING: 1}


def test_tenants_see_their_own_only(shop: None, reader: MirrorReader) -> None:
    assert [item.tenant for item in reader.list("umbrella", Filter()).items] == ["umbrella"]
    mine, theirs = reader.get("acme", "a"), reader.get("umbrella", "a")
    assert mine is not None
    assert theirs is not None
    assert (mine.status, theirs.status) == (Status.COMPLETED, Status.FAILED)
    assert reader.get("Acme", "a") is None
    assert reader.find_request_sha("nobody", "a") is None
    assert reader.logs("nobody", "a").lines == ()


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_are_stable_while_executions_come_in(
    engine: Engine, reader: MirrorReader, size: int
) -> None:
    # Three start at each moment: the id decides among them.
    old = [Saga(f"old-{i:02}") for i in range(12)]
    write(engine, *(saga.told(i // 3) for i, saga in enumerate(old)))
    seen: list[str] = []
    cursor = None
    for turn in range(20):
        page = reader.list("acme", Filter(), limit=size, cursor=cursor)
        seen += [item.execution_id for item in page.items]
        write(engine, Saga(f"new-{turn:02}").told(100 + turn))
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == sorted((saga.id for saga in old), reverse=True)


def test_a_page_that_ends_with_the_last_row_has_no_next(shop: None, reader: MirrorReader) -> None:
    assert reader.list("acme", Filter(), limit=4).next_cursor is None
    assert reader.list("acme", Filter(), limit=3).next_cursor is not None


@pytest.mark.parametrize("cursor", ["", "x", "äöü", "e30=", "bm90IGpzb24="])
def test_a_strange_cursor(reader: MirrorReader, cursor: str) -> None:
    with pytest.raises(BadCursor) as caught:
        reader.list("acme", Filter(), cursor=cursor)
    assert caught.value.cursor == cursor


def test_an_execution_comes_back_as_it_was_told(engine: Engine, reader: MirrorReader) -> None:
    told = Saga().told(
        0,
        entry(1, ended=2),
        entry(
            2,
            path="1",
            seq=2,
            status=EntryStatus.COMPENSATED,
            ended=3,
            undo_started=4,
            undo_ended=5,
        ),
        changed=6,
        ended=6,
        status=Status.FAILED,
        failed_step="pay",
        business_key="ada",
    )
    write(engine, told)
    assert reader.get("acme", "order-1") == told.execution


def test_an_execution_is_as_of_the_last_record(engine: Engine, reader: MirrorReader) -> None:
    saga = Saga()
    write(engine, saga.told(0, changed=1))
    write(engine, saga.step(2, ended=9, status=EntryStatus.COMPLETED))
    found = reader.get("acme", "order-1")
    assert found is not None
    assert found.changed_at == at(9)


def test_the_number_of_statements_does_not_grow(engine: Engine, reader: MirrorReader) -> None:
    for i in range(30):
        saga = Saga(f"order-{i}")
        write(engine, saga.told(i, *(entry(i, path=f"{n}", seq=n) for n in range(20))))
    statements = statements_of(engine)
    counted = []
    for ask in (
        lambda: reader.list("acme", Filter()),
        lambda: reader.get("acme", "order-1"),
        lambda: reader.logs("acme", "order-1"),
    ):
        statements.clear()
        ask()
        counted.append(len(statements))
    assert counted == [2, 2, 3]


def test_the_log_is_in_order_of_time_and_then_of_sense(
    engine: Engine, reader: MirrorReader
) -> None:
    saga = Saga()
    done = EntryStatus.COMPLETED
    second: dict[str, Any] = {"path": "1", "seq": 2, "component": "pay"}
    write(
        engine,
        saga.step(1, ended=2, status=done),
        saga.step(2, ended=2, status=done, **second),
        saga.undo(3, ended=3.5, error=SOLD_OUT, **second),
        saga.undo(3, attempt=2, ended=4, status=EntryStatus.COMPENSATED, **second),
        saga.undo(4, ended=5, status=EntryStatus.COMPENSATED),
    )
    log = reader.logs("acme", "order-1")
    told = [(line.kind, line.component, line.status.value, line.attempt) for line in log.lines]
    assert told == [
        ("step_started", "deductStock", "RUNNING", 1),
        ("step_ended", "deductStock", "COMPLETED", 1),
        ("step_started", "pay", "RUNNING", 1),
        ("step_ended", "pay", "COMPLETED", 1),
        ("undo_started", "undo_pay", "COMPENSATING", 1),
        ("undo_started", "undo_pay", "COMPENSATING", 2),
        ("undo_ended", "undo_pay", "COMPENSATION_FAILED", 1),
        ("undo_ended", "undo_pay", "COMPENSATED", 2),
        ("undo_started", "undo_deductStock", "COMPENSATING", 1),
        ("undo_ended", "undo_deductStock", "COMPENSATED", 1),
    ]
    assert [line.error.code for line in log.lines if line.error] == ["REFUSED"]
    assert {line.step for line in log.lines} == {"deductStock", "pay"}


def test_undos_at_one_moment_are_in_reverse_order(engine: Engine, reader: MirrorReader) -> None:
    saga = Saga()
    for i in range(3):
        place: dict[str, Any] = {"path": f"{i}", "seq": i + 1, "component": f"c{i}"}
        write(engine, saga.undo(5, ended=6, status=EntryStatus.COMPENSATED, **place))
    kinds = [(line.kind, line.step) for line in reader.logs("acme", "order-1").lines]
    assert [step for kind, step in kinds if kind == "undo_started"] == ["c2", "c1", "c0"]


def test_an_undo_is_asked_for_again_and_both_stay_in_the_log(
    engine: Engine, reader: MirrorReader
) -> None:
    saga = Saga()
    write(
        engine,
        saga.undo(3, ended=4, status=EntryStatus.COMPENSATION_FAILED, error=SOLD_OUT),
        saga.undo(9, ended=10, status=EntryStatus.COMPENSATED),
    )
    ends = [line for line in reader.logs("acme", "order-1").lines if line.kind == "undo_ended"]
    assert [line.status.value for line in ends] == ["COMPENSATION_FAILED", "COMPENSATED"]


def test_an_undo_whose_records_were_lost_is_told_from_the_stack(
    engine: Engine, reader: MirrorReader
) -> None:
    undone = entry(1, ended=2, status=EntryStatus.COMPENSATED, undo_started=3, undo_ended=4)
    write(engine, Saga().told(0, undone, changed=5))
    kinds = [line.kind for line in reader.logs("acme", "order-1").lines]
    assert kinds == ["step_started", "step_ended", "undo_started", "undo_ended"]
