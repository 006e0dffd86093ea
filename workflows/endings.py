"""How a block can end other than well: what travels up through the walk.

For the interpreter's parts. What a gate raises stands in `workflows.gate`.

    Exception
    ├── StepFailed   a CATCH, a retry, `ignoreError`, or at last the saga meets it
    └── FlowEnded    nothing absorbs it, and it is a success
"""

from rules.wire import Done, Failure


class StepFailed(Exception):
    """A failure on its way up; a CATCH or the saga itself will meet it."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(f"{failure.component}: {failure.error.message}")


class FlowEnded(Exception):
    """A component asked for the end of the whole flow (LiteFlow's isEnd)."""


def pass_on(done: Done) -> None:
    """Nothing for a block that ended well. Raises StepFailed or FlowEnded for any other."""
    if done.failure is not None:
        raise StepFailed(done.failure)
    if done.ended:
        raise FlowEnded
