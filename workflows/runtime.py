"""What the interpreter asks of the world: the `Runtime` protocol.

For the interpreter, and for the two runtimes that fulfil it (Temporal's in `workflows.temporal`,
the in-memory one in `api.inprocess`). Knows no Temporal.
"""

import asyncio
from datetime import datetime
from typing import Protocol, TypeVar

from rules.plan import ComponentPolicy, RetryPolicy
from rules.sub_runs import SubRunsRequest, SubRunsUndone
from rules.wire import StepFailure, StepReply, StepRequest

Answer = TypeVar("Answer")


class Runtime(Protocol):
    """Time and effects. The interpreter itself uses plain tasks and futures only."""

    def now(self) -> datetime:
        """The present moment, with zone; the same again in a replay."""
        ...

    def should_park(self) -> bool:
        """Whether the run should continue as new as soon as no step is running."""
        ...

    async def step(
        self,
        request: StepRequest,
        policy: ComponentPolicy,
        retry: RetryPolicy,
        *,
        shielded: bool = False,
    ) -> StepReply | StepFailure:
        """Run a component to its last attempt; never raises for what the component does.

        `shielded`: `cancel_running` leaves it alone, as it does an undo.
        """
        ...

    async def until(
        self, answered: asyncio.Future[Answer], moment: datetime | None, summary: str
    ) -> bool:
        """Wait for a future, until `moment` at most (None: for ever); whether it is done."""
        ...

    def cancel_running(self, *, callers: bool = False) -> None:
        """Ask every step that runs to stop; their outcomes come as usual.

        `callers`: only those that run chains, which are cancelled with them.
        """
        ...

    async def undo_runs(self, request: SubRunsRequest) -> SubRunsUndone | StepFailure:
        """Undo what a step has run, the latest first; never raises for what becomes of it."""
        ...

    def changed(self) -> None:
        """A stack entry changed; shows may be refreshed. Must not wait."""
        ...

    async def publish(self) -> None:
        """The saga as a whole changed (compensating, final); readers are told before it goes on."""
        ...
