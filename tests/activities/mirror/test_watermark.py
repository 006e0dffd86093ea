"""Positions that outlive a process."""

from datetime import timedelta

from sqlalchemy import Engine

from activities.mirror.watermark import move, read
from tests.activities.mirror.sagas import at


def test_positions_are_kept_by_name_to_the_microsecond(engine: Engine) -> None:
    assert read(engine, "one") is None
    move(engine, "one", at(1) + timedelta(microseconds=1))
    move(engine, "two", at(2))
    assert read(engine, "one") == at(1) + timedelta(microseconds=1)
    move(engine, "one", at(0))
    assert (read(engine, "one"), read(engine, "two")) == (at(0), at(2))
