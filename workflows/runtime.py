"""What the interpreter asks of the world: the `Runtime` protocol.

For the interpreter, and for the two runtimes that fulfil it (Temporal's in `workflows.temporal`,
the in-memory one in `api.inprocess`). Knows no Temporal.
"""

from datetime import datetime
from typing import Protocol

from rules.plan import ComponentPolicy, RetryPolicy
from rules.wire import StepFailure, StepReply, StepRequest


class Runtime(Protocol):
    """Time and effects. The interpreter itself uses plain tasks and futures only."""

    def now(self) -> datetime:
        """The present moment, with zone; the same again in a replay."""
        ...

    def should_park(self) -> bool:
        """Whether the run should continue as new as soon as no step is running."""
        ...

    async def step(
        self, request: StepRequest, policy: ComponentPolicy, retry: RetryPolicy
    ) -> StepReply | StepFailure:
        """Run a component to its last attempt; never raises for what the component does."""
        ...

    def changed(self) -> None:
        """A stack entry changed; shows may be refreshed. Must not wait."""
        ...

    async def publish(self) -> None:
        """The saga as a whole changed (compensating, final); readers are told before it goes on."""
        ...
