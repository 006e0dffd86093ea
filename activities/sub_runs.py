"""Chains that a step runs: the calls of one attempt, and what they answer.

For component authors (through `Step`), the runner, and the two launchers that find or start the
runs: one in memory, one on Temporal. Knows neither.
"""

import asyncio
import concurrent.futures
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from activities.errors import ActivityError, ChainCallInvalid
from rules.errors import RuleError, RulesUnavailable
from rules.execution import ErrorInfo, Status, SubRun
from rules.sub_runs import DEEPEST, ChainCall, SubRunEnd
from rules.wire import ContextOperation, StepRequest
from rules.writes import apply_operation, difference

NO_RUN: Final = ""
CODES: Final = {"ChainUnknown": "CHAIN_UNKNOWN", "ChainInvalid": "CHAIN_INVALID"}


@dataclass(frozen=True, slots=True)
class ChainAnswer:
    """How a chain that a step ran has ended.

    `output` is that of its last step, `context` the shared one at its end, `steps` its step string.
    `error` is None where it completed; without a run (an unknown chain) `execution_id` is empty.
    `left`: it did not complete, and has effects that were not undone.
    """

    chain: str
    execution_id: str
    status: Status
    output: JsonValue
    context: dict[str, JsonValue]
    error: ErrorInfo | None
    steps: str
    left: bool = False

    @property
    def success(self) -> bool:
        """Whether the chain completed."""
        return self.status is Status.COMPLETED

    def or_raise(self) -> "ChainAnswer":
        """The answer itself, if the chain completed. Raises ChainFailed."""
        if not self.success:
            raise ChainFailed(self)
        return self


class ChainFailed(ActivityError):
    """A chain that a component ran did not complete. Its error's type is known to `.retry`, too."""

    code = "CHAIN_FAILED"

    def __init__(self, answer: ChainAnswer) -> None:
        self.answer = answer
        error = answer.error
        self.kinds = (error.type, *error.kinds) if error else ()
        words = f": {error.message}" if error else ""
        run = f" ({answer.execution_id})" if answer.execution_id else ""
        super().__init__(f"chain '{answer.chain}'{run} ended {answer.status.value}{words}")


class Launched(Protocol):
    """A sub-run that was found or started; `earlier` are failed ones that it takes the place of."""

    @property
    def earlier(self) -> Sequence[SubRun]: ...

    async def ended(self) -> SubRunEnd:
        """Wait for its end; who is cancelled meanwhile leaves it running."""
        ...


class Launcher(Protocol):
    """Finds or starts the sub-runs of steps, on one runtime."""

    async def launch(self, call: ChainCall) -> Launched:
        """The run of a call. Raises RuleError where the chain cannot run, ChainCallInvalid where
        the call's number was given to another chain or request.
        """
        ...

    async def beyond(self, request: StepRequest, number: int) -> Sequence[SubRun]:
        """What earlier attempts of a step have run in calls after the `number`th."""
        ...


class ChainCalls:
    """The calls of one attempt; `writes` are what its step has written to the context so far.

    Calls are numbered as they begin, and a run starts only after the one before it, so that the
    numbers that were given have no gaps, whatever becomes of the attempt.
    """

    def __init__(
        self,
        request: StepRequest | None = None,
        writes: list[ContextOperation] | None = None,
        launcher: Launcher | None = None,
    ) -> None:
        self._request = request
        self._writes = writes if writes is not None else []
        self._launcher = launcher
        self._starting = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Future[ChainAnswer]] = set()
        self._blocked: set[concurrent.futures.Future[ChainAnswer]] = set()
        self._abandoned = False
        self._number = 0
        self._runs: dict[int, list[SubRun]] = {}

    def begin(self) -> None:
        """The attempt begins on the running loop, to which blocking calls will come back."""
        self._loop = asyncio.get_running_loop()

    async def run(self, chain: str, request: object) -> ChainAnswer:
        """Run a chain to its end. Raises ChainCallInvalid."""
        running = asyncio.ensure_future(self._run(chain, request))
        self._waiting.add(running)
        running.add_done_callback(self._waiting.discard)
        return await running

    def run_blocking(self, chain: str, request: object) -> ChainAnswer:
        """The same from a thread. Raises ChainCallInvalid."""
        if self._loop is None or _on_a_loop():
            raise ChainCallInvalid(
                "run_chain_blocking is for components that are `def`, on a thread of their own; "
                "an `async def` awaits step.run_chain"
            )
        running = asyncio.run_coroutine_threadsafe(self.run(chain, request), self._loop)
        self._blocked.add(running)
        if self._abandoned:
            # It was abandoned while this thread came here.
            running.cancel()
        try:
            return running.result()
        finally:
            self._blocked.discard(running)

    def abandon(self) -> None:
        """The attempt is cancelled: nobody waits for a chain any longer. What runs, runs on."""
        self._abandoned = True
        for blocked in tuple(self._blocked):
            blocked.cancel()
        for waiting in tuple(self._waiting):
            waiting.cancel()

    async def settle(self) -> tuple[SubRun, ...] | None:
        """Wait for runs that the component did not; all that the step ran, in order of calls.

        None for a component that runs no chains.
        """
        if self._request is None or self._request.terms is None:
            return None
        try:
            while self._waiting:
                await asyncio.wait(tuple(self._waiting))
        except asyncio.CancelledError:
            self.abandon()
            raise
        found = [run for number in sorted(self._runs) for run in self._runs[number]]
        if self._launcher is not None:
            found += await self._launcher.beyond(self._request, self._number)
        return tuple(found)

    async def _run(self, chain: str, request: object) -> ChainAnswer:
        before = self._context()
        given = cast(JsonValue, to_jsonable_python(request))
        async with self._starting:
            try:
                launched = await self._launch(chain, given, before)
            except RulesUnavailable:
                raise
            except RuleError as error:
                return _refused(chain, error)
            if launched is None:
                return _too_deep(chain)
            self._number += 1
            number = self._number
        end = await launched.ended()
        self._runs[number] = [*launched.earlier, end.run]
        if end.run.status is Status.COMPLETED:
            self._writes.extend(difference(before, end.context))
        return _answer(end)

    async def _launch(
        self, chain: str, request: JsonValue, context: dict[str, JsonValue]
    ) -> Launched | None:
        asked = self._request
        if asked is None or asked.terms is None:
            what = f"'{asked.component}'" if asked else "it"
            raise ChainCallInvalid(
                f"{what} runs chain '{chain}', and is not declared for it: "
                "@component(…, runs_chains=True)"
            )
        if self._launcher is None:
            raise ChainCallInvalid(f"chain '{chain}' cannot be run: nothing here finds chains")
        if asked.terms.depth >= DEEPEST:
            return None
        call = ChainCall(
            saga=asked.saga,
            path=asked.path,
            number=self._number + 1,
            chain=chain,
            request=request,
            context=context,
            terms=asked.terms,
        )
        return await self._launcher.launch(call)

    def _context(self) -> dict[str, JsonValue]:
        """The context as the step sees it now, with what it has written."""
        context = dict(self._request.context) if self._request else {}
        for operation in self._writes:
            apply_operation(context, operation)
        return context


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _answer(end: SubRunEnd) -> ChainAnswer:
    run = end.run
    completed = run.status is Status.COMPLETED
    return ChainAnswer(
        chain=run.chain,
        execution_id=run.execution_id,
        status=run.status,
        output=end.output,
        context=end.context,
        error=end.error,
        steps=run.steps,
        left=run.left and not completed,
    )


def _refused(chain: str, error: RuleError) -> ChainAnswer:
    kind = type(error).__name__
    info = ErrorInfo(type=kind, code=CODES.get(kind, "CHAIN_NOT_RUN"), message=str(error))
    return _not_run(chain, info)


def _too_deep(chain: str) -> ChainAnswer:
    words = f"chain '{chain}' would be run inside {DEEPEST} others, and more are not allowed"
    info = ErrorInfo(
        type="TooDeep",
        code="SUB_RUNS_TOO_DEEP",
        message=f"{words}; does a chain run itself, without an end?",
    )
    return _not_run(chain, info)


def _not_run(chain: str, error: ErrorInfo) -> ChainAnswer:
    return ChainAnswer(
        chain=chain,
        execution_id=NO_RUN,
        status=Status.FAILED,
        output=None,
        context={},
        error=error,
        steps="",
    )
