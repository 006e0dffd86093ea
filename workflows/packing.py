"""The input of a continued run as Temporal keeps it: plain JSON, compressed once it is large.

For the driver. Temporal takes 2 MiB; the count of `workflows.sizes` keeps a saga below that.
"""

import zlib
from typing import Final

from pydantic import JsonValue
from pydantic_core import from_json, to_json
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from rules.execution import ErrorInfo
from rules.sizes import KIB, short
from rules.wire import ChainInput, SagaState

PLAIN_LIMIT: Final = 512 * KIB
"""From here on Temporal's own client warns; below it the Web UI shows the input as it is."""
MOST: Final = 1984 * KIB
ENCODING: Final = "encoding"
ZLIB: Final = b"binary/zlib"
REASON: Final = 100


def pack(start: ChainInput) -> RawValue:
    """The input of the next run. What is for show only goes when nothing else helps."""
    packed = _pack(start)
    if len(packed.payload.data) > MOST and start.state is not None:
        _slim(start.state)
        packed = _pack(start)
    return packed


def unpack(payload: Payload) -> JsonValue | None:
    """The JSON of a packed input; None for a payload that is not packed."""
    if payload.metadata.get(ENCODING) != ZLIB:
        return None
    found: JsonValue = from_json(zlib.decompress(payload.data))
    return found


def _pack(start: ChainInput) -> RawValue:
    text = to_json(start)
    if len(text) <= PLAIN_LIMIT:
        return RawValue(Payload(metadata={ENCODING: b"json/plain"}, data=text))
    return RawValue(Payload(metadata={ENCODING: ZLIB}, data=zlib.compress(text)))


def _slim(state: SagaState) -> None:
    """Forget what the rest of the saga does not need: values already undone, words of errors."""
    if state.status.undoing:
        state.done.clear()
    for entry in state.stack:
        entry.error, entry.undo_error = _brief(entry.error), _brief(entry.undo_error)
        if entry.status.undo_ended:
            entry.input = entry.output = None
        entry.note = None
        if entry.sub_runs is not None:
            entry.sub_runs = tuple(r.model_copy(update={"steps": ""}) for r in entry.sub_runs)


def _brief(error: ErrorInfo | None) -> ErrorInfo | None:
    if error is None:
        return None
    return error.model_copy(update={"message": short(error.message, REASON), "details": {}})
