"""Reads what the dynamic activity is given: the request of a step that brings a script.

For the activity and for the mirror's interceptor, which sees its input before it.
"""

from collections.abc import Sequence

from temporalio import activity
from temporalio.common import RawValue

from rules.wire import StepRequest


def script_request(given: Sequence[object]) -> StepRequest | None:
    """The request of a step that runs a script; None for whatever else an activity is given."""
    if len(given) != 1 or not isinstance(given[0], RawValue):
        return None
    try:
        request = activity.payload_converter().from_payload(given[0].payload, StepRequest)
    except (ValueError, TypeError, RuntimeError):
        return None
    return request if request.script is not None else None
