"""How a scheduled job reads its input and calls its activities.

For the workflows of this package. An input that does not fit ends the run with the reason; a typed
parameter would leave its workflow task to fail again and again.
"""

from datetime import timedelta
from typing import Final, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

START_TO_CLOSE: Final = timedelta(minutes=10)
HEARTBEAT: Final = timedelta(seconds=30)
FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(seconds=60)
ATTEMPTS: Final = 8
"""About three minutes; what is still down then is for the next run."""

Request = TypeVar("Request", bound=BaseModel)
Answer = TypeVar("Answer", bound=BaseModel)


def requested(model: type[Request], given: JsonValue) -> Request:
    """The job's input. Raises ApplicationError."""
    try:
        return model.model_validate({} if given is None else given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ApplicationError(
            f"the input does not fit: {where}: {first['msg']}",
            type="INPUT_INVALID",
            non_retryable=True,
        ) from error


async def call(activity: str, request: BaseModel, answer: type[Answer], summary: str) -> Answer:
    """Run one activity of the job. Raises ActivityError when its attempts are used up."""
    done: Answer = await workflow.execute_activity(
        activity,
        request,
        result_type=answer,
        summary=summary,
        start_to_close_timeout=START_TO_CLOSE,
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RetryPolicy(
            initial_interval=FIRST_PAUSE,
            maximum_interval=LONGEST_PAUSE,
            maximum_attempts=ATTEMPTS,
        ),
    )
    return done
