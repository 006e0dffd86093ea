"""Versions of mirrored facts: strings of one width whose order decides which write wins.

A version is (trust, time, origin, number, phase), compared in this order:

1. trust: what a step's record only *guesses* of another row < what the API *asked* for < what the
   workflow or an activity *tells*. Of two guesses or two asks the earlier wins, of two tellings
   the later.
2. time, in microseconds: an activity's is when Temporal scheduled it (one for all its attempts),
   a workflow's is its own clock. Both are the server's clock, so an undo comes after its step, a
   step that is run again after its first run, and a reset's new history after the one it left,
   although there revisions and attempts repeat.
3. origin: at one time, the workflow < the activity that it scheduled then.
4. number: the activity's attempt, or the workflow's revision.
5. phase: an attempt's start < its end.
"""

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LAST_TIME: Final = 10**16 - 1
_LAST_NUMBER: Final = 10**9 - 1

SILENT: Final = ""
"""The version of what a change does not speak of; it never wins."""


WIDTH: Final = 32
"""How long every version is, but for SILENT."""


class Phase(IntEnum):
    """Where in an attempt an activity's record was made."""

    START = 0
    END = 1


def guessed(at: datetime) -> str:
    """Derived from the record of something else; fills a gap and overwrites nothing."""
    return _version(0, _LAST_TIME - _micros(at), 0, 0, 0)


def is_guess(version: str) -> bool:
    """Whether nobody has told this, and nobody has asked for it."""
    return version < _version(1, 0, 0, 0, 0)


def asked(at: datetime) -> str:
    """What the API knows when it starts an execution."""
    return _version(1, _LAST_TIME - _micros(at), 0, 0, 0)


def told_by_workflow(at: datetime, revision: int) -> str:
    """The workflow's word, at its own time."""
    return _version(2, _micros(at), 0, revision, 0)


def told_by_activity(scheduled_at: datetime, attempt: int, phase: Phase) -> str:
    """An attempt's word on itself."""
    return _version(2, _micros(scheduled_at), 1, attempt, phase)


def _version(trust: int, micros: int, origin: int, number: int, phase: int) -> str:
    return f"{trust}-{micros:016d}-{origin}-{min(number, _LAST_NUMBER):09d}-{phase:d}"


def _micros(at: datetime) -> int:
    return min(max((at - _EPOCH) // _MICROSECOND, 0), _LAST_TIME)
