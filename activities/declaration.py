"""What `@component` can say of a function, as data.

For the decorator (`activities.component`), which makes it, and for registry and runner, which read
it. Imports neither SQL nor Temporal.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, TypedDict

from pydantic import Field

from rules.plan import FailurePolicy, Kind, RetryPolicy

DECLARATION: Final = "__chainsaga_component__"
LOST_ATTEMPTS: Final = 3
WAITING_LOST_ATTEMPTS: Final = 1_000
TIMEOUT: Final = 60.0
WAITING_TIMEOUT: Final = 7 * 86_400.0
COMPENSATE: Final = FailurePolicy()

Asked: TypeAlias = Callable[..., bool | Awaitable[bool]]
Hook: TypeAlias = Callable[..., object]


class Retry(RetryPolicy):
    """How many attempts may answer, and the pauses between them in seconds.

    `on`: only after these exceptions is another attempt made; after any if none are named. It is a
    fact about the code, which stays when a policy is edited.
    """

    on: tuple[type[BaseException], ...] = Field(default=(), exclude=True)


class Options(TypedDict, total=False):
    """The keyword arguments of `@component`; durations are seconds."""

    kind: Kind
    name: str | None
    compensate: str | None
    compensate_when: Literal["unknown", "always"]
    retry: RetryPolicy | None
    on_failure: FailurePolicy
    timeout: float
    heartbeat: float
    read_only: bool | None
    irreversible: bool
    idempotent: bool
    lost_attempts: int | None
    refuses: tuple[type[BaseException], ...]
    fallback: bool
    runs_chains: bool
    access: Asked | None
    end_when: Asked | None
    continue_on_error: Asked | bool
    before: Hook | None
    after: Hook | None
    on_success: Hook | None
    on_error: Hook | None


@dataclass(frozen=True, slots=True)
class Declaration:
    """What `@component` says of a function; the registry turns it into a component."""

    id: str
    kind: Kind = "common"
    name: str | None = None
    compensate: str | None = None
    compensate_when: Literal["unknown", "always"] = "unknown"
    retry: RetryPolicy | None = None
    on_failure: FailurePolicy = COMPENSATE
    timeout: float | None = None
    heartbeat: float = 15.0
    read_only: bool | None = None
    irreversible: bool = False
    idempotent: bool = True
    lost_attempts: int | None = None
    refuses: tuple[type[BaseException], ...] = ()
    fallback: bool = False
    runs_chains: bool = False
    access: Asked | None = None
    end_when: Asked | None = None
    continue_on_error: Asked | bool = False
    before: Hook | None = None
    after: Hook | None = None
    on_success: Hook | None = None
    on_error: Hook | None = None

    @property
    def harmless(self) -> bool:
        """Whether it has no effect of its own: as declared, else for heads, and for what runs
        chains, without a compensation.
        """
        if self.read_only is None:
            return (self.kind != "common" or self.runs_chains) and self.compensate is None
        return self.read_only

    @property
    def longest(self) -> float:
        """How long an attempt may take, in seconds; one that waits for chains very long."""
        if self.timeout is None:
            return WAITING_TIMEOUT if self.runs_chains else TIMEOUT
        return self.timeout

    @property
    def may_be_lost(self) -> int:
        """How many attempts may be lost without an answer."""
        if self.lost_attempts is not None:
            return self.lost_attempts
        if not self.idempotent:
            return 0
        # Who waits for days outlives many workers; a time-out of its own is meant to end it.
        waits = self.runs_chains and self.timeout is None
        return WAITING_LOST_ATTEMPTS if waits else LOST_ATTEMPTS

    @property
    def retried(self) -> tuple[type[BaseException], ...]:
        """The exceptions after which another attempt is made; none means every one."""
        return self.retry.on if isinstance(self.retry, Retry) else ()
