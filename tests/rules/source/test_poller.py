"""The thread that polls, and what it does while the database is away."""

import dataclasses
import threading
from time import monotonic

import pytest
from sqlalchemy import Engine, event
from structlog.testing import capture_logs

from dev.processes import wait_until
from rules.errors import RulesUnavailable
from rules.source.polling import Polling
from rules.source.repository import ChainRepository
from tests.activities.mirror.stores import Stores
from tests.rules.source.polled import LIMIT, ORDER, New, away, back, polled, text

on_mariadb = pytest.mark.parametrize("store", ["mariadb"], indirect=True)
on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


def test_it_reads_at_once_sees_changes_and_ends(repository: ChainRepository, new: New) -> None:
    repository.save(ORDER)
    before = threading.active_count()
    with polled(new()) as source:
        wait_until(lambda: source.status.refreshed_at, LIMIT, "the first reading")
        repository.save(dataclasses.replace(ORDER, text="THEN(b);"))
        wait_until(lambda: text(source) == "THEN(b);", LIMIT, "the change")
    assert threading.active_count() == before


@on_sqlite
def test_without_polling_the_first_reading_is_all(repository: ChainRepository, new: New) -> None:
    repository.save(ORDER)
    with polled(new(), Polling(enabled=False, every=0.01, start=0)) as source:
        wait_until(lambda: source.status.refreshed_at, LIMIT, "the first reading")
        wait_until(lambda: not source.status.untried, LIMIT, "all chains to be tried")
        assert source.status.tally.looks == 1
        repository.save(dataclasses.replace(ORDER, text="THEN(b);"))
        assert source.poll()
        assert text(source) == "THEN(b);"


@on_sqlite
def test_polling_begins_after_its_delay(repository: ChainRepository, new: New) -> None:
    repository.save(ORDER)
    with polled(new(), Polling(every=0.01, start=3600)) as source:
        wait_until(lambda: source.status.refreshed_at, LIMIT, "the first reading")
        wait_until(lambda: not source.status.untried, LIMIT, "all chains to be tried")
        assert source.status.tally.looks == 1


@on_sqlite
def test_chains_that_nobody_asked_for_are_tried(repository: ChainRepository, new: New) -> None:
    for tenant in ("1", "2", "3"):
        repository.save(dataclasses.replace(ORDER, tenant=tenant, text="THEN(nowhere);"))
    with capture_logs(), polled(new()) as source:
        wait_until(lambda: len(source.status.quarantined) == 3, LIMIT, "the quarantine")


@on_sqlite
def test_slow_looks_leave_room_between_them(
    repository: ChainRepository, impatient: Engine, new: New
) -> None:
    """Who else reads, such as one who edits, must get a turn while the database is slow."""
    every, ends, pauses = 0.3, [0.0], list[float]()

    def slow(*_: object) -> None:
        pauses.append(monotonic() - ends[-1])
        # The database's time, not ours.
        threading.Event().wait(every)

    def ended(*_: object) -> None:
        ends.append(monotonic())

    repository.save(ORDER)
    with polled(new(), Polling(every=every, start=0)) as source:
        wait_until(lambda: source.status.tally.looks > 1, LIMIT, "the first polls")
        event.listen(impatient, "before_cursor_execute", slow)
        event.listen(impatient, "after_cursor_execute", ended)
        wait_until(lambda: len(ends) > 4, LIMIT, "some polls")
    assert all(pause >= every for pause in pauses[1:])


@on_mariadb
@pytest.mark.parametrize("how", ["suspended", "killed"])
def test_down_at_the_start_down_later_and_back(
    stores: Stores, repository: ChainRepository, new: New, how: str
) -> None:
    server = stores.mariadb
    repository.save(ORDER)
    with capture_logs() as logs:
        away(server, how)
        try:
            started = polled(new())
            source = started.__enter__()
            wait_until(lambda: source.status.degraded, LIMIT, "the outage to be seen")
            with pytest.raises(RulesUnavailable):
                _ = source.snapshot
        finally:
            back(server, how)
        wait_until(lambda: source.status.refreshed_at, LIMIT, "the rules")
        assert source.status.degraded is None
        away(server, how)
        try:
            wait_until(lambda: source.status.degraded, LIMIT, "the second outage to be seen")
            begun = monotonic()
            assert source.snapshot.compiled("1", "order").plan.chain == "order"
            # In memory, whatever the database does; slow machines have their share.
            assert monotonic() - begun < 5
        finally:
            back(server, how)
        repository.save(dataclasses.replace(ORDER, text="THEN(c);"))
        wait_until(lambda: text(source) == "THEN(c);", LIMIT, "the change after the outage")
        assert source.status.degraded is None
        started.__exit__(None, None, None)
    told = {(line["log_level"], line["event"]) for line in logs}
    assert {("error", "rules_not_read"), ("info", "rules_read_again")} <= told
    assert source.status.tally.failures >= 2
