"""Chains that steps run, in memory: their effects, their undo, attempts that find them again."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import pytest
from pydantic import JsonValue

from activities.component import ChainFailed, Context, Refused, Step, Undo, component
from activities.errors import ComponentInvalid
from activities.registry import Registry, declared_in
from activities.runner import Provider, Runner
from api.inprocess.clock import SystemClock, VirtualClock, run_virtual
from api.inprocess.execute import InMemoryExecution
from rules.compiler import ChainText, compile_chain
from rules.errors import ChainUnknown
from rules.execution import Cause, EntryStatus, Execution, Status, SubRun, steps_string
from rules.plan import RetryPolicy
from rules.sub_runs import DEEPEST, ID_LIMIT, sub_run_id
from rules.wire import Frost, SagaOptions
from tests.workflows import acting, callers
from tests.workflows.acting import CALLS, tell
from tests.workflows.stages import until

FUNCTIONS = [*declared_in(acting), *declared_in(callers)]
Policies = Mapping[str, Mapping[str, Any]]


@dataclass
class Ran:
    run: InMemoryExecution
    execution: Execution

    @property
    def steps(self) -> str:
        return steps_string(self.execution.stack)

    def entry(self, index: int = 0) -> tuple[EntryStatus | None, EntryStatus]:
        found = self.execution.stack[index]
        return found.outcome, found.status

    @property
    def ran(self) -> list[tuple[str, Status, bool]]:
        """Sub-runs as the entries tell of them: chain, status, whether something is left."""
        found: list[SubRun] = []
        for entry in self.execution.stack:
            found += entry.sub_runs or ()
        return [(run.chain, run.status, run.left) for run in found]

    def net(self, tags: str) -> dict[str, int]:
        """How often each step of the first sub-run took effect, less how often it was undone."""
        id = self.run.sub_runs[0].execution().execution_id
        return {tag: CALLS[f"{id}/{tag}"] - CALLS[f"{id}/undo:{tag}"] for tag in tags}


def frozen(
    chain: str,
    texts: Mapping[str, str],
    registry: Registry,
    request: JsonValue,
    *,
    options: SagaOptions,
    changed: Policies | None = None,
) -> Frost:
    if chain not in texts:
        raise ChainUnknown("1", chain)
    chains = {name: ChainText(name, text) for name, text in texts.items()}
    plan = compile_chain(chain, chains=chains, components=registry.policies).plan
    components = {
        id: policy.model_copy(update=dict((changed or {}).get(id, {})))
        for id, policy in plan.components.items()
    }
    plan = plan.model_copy(update={"components": components})
    return Frost(plan=plan, request=request, request_sha="", options=options)


def opened(
    text: str,
    script: Mapping[str, list[str]] | None = None,
    *,
    changed: Policies | None = None,
    threads: ThreadPoolExecutor | None = None,
    virtual: bool = True,
    functions: list[Callable[..., object]] | None = None,
    max_events: int | None = None,
    saga: bool = True,
) -> InMemoryExecution:
    registry = Registry([*FUNCTIONS, *(functions or [])])
    texts = {**callers.CHAINS, "main": text}

    async def find(chain: str, request: JsonValue, options: SagaOptions) -> Frost:
        return frozen(chain, texts, registry, request, options=options)

    request = cast(JsonValue, dict(script or {}))
    options = SagaOptions(unattended=True, max_events=max_events, saga=saga)
    return InMemoryExecution(
        "1",
        uuid4().hex,
        frozen("main", texts, registry, request, options=options, changed=changed),
        registry,
        Runner(Provider(), threads),
        clock=VirtualClock() if virtual else SystemClock(),
        chains=find,
    )


def run(text: str, script: Mapping[str, list[str]] | None = None, **more: Any) -> Ran:
    async def main() -> Ran:
        running = opened(text, script, **more)
        return Ran(running, await running.run())

    return run_virtual(main())


def test_a_chain_runs_with_its_callers_context_and_gives_it_back() -> None:
    ran = run("THEN(work.tag('a'), calls.tag('c'), work.tag('b'));", {"chains": ["pair"]})
    assert ran.execution.status is Status.COMPLETED
    assert ran.steps == "work==>calls==>work==>work==>work"
    assert ran.execution.context == {f"did {tag}": 1 for tag in "apqb"}
    (sub,) = ran.run.sub_runs
    told = sub.execution()
    assert told.context == {f"did {tag}": 1 for tag in "apq"}
    assert told.execution_id == f"{ran.execution.execution_id}/0.1/1"
    assert told.parent is not None
    assert (told.parent.execution_id, told.parent.path, told.parent.depth) == (
        ran.execution.execution_id,
        "0.1",
        1,
    )
    assert ran.execution.stack[1].note == [told.execution_id]


def test_its_failure_fails_nobody_and_is_undone_at_once() -> None:
    script = {"chains": ["pair"], "q": ["refuse"]}
    ran = run("THEN(calls.tag('c'), work.tag('b'));", script)
    assert ran.execution.status is Status.COMPLETED
    assert ran.ran == [("pair", Status.COMPENSATED, False)]
    assert ran.execution.context == {"did b": 1}
    assert ran.net("p") == {"p": 0}


def test_its_failure_is_raised_when_asked_for() -> None:
    script = {"chains": ["pair"], "q": ["refuse"], "check": [""]}
    ran = run("THEN(work.tag('a'), calls.tag('c'));", script)
    assert ran.execution.status is Status.COMPENSATED
    error = ran.execution.error
    assert error is not None
    assert (error.type, error.code) == ("ChainFailed", "CHAIN_FAILED")
    assert "q refuses" in error.message
    assert "Refused" in error.kinds
    # The chain left nothing, and the caller does nothing else.
    assert ran.entry(1) == (EntryStatus.FAILED, EntryStatus.FAILED)


def test_a_failure_that_leaves_effects_is_no_refusal() -> None:
    @component("lasting")
    async def lasting() -> None:
        return None

    script = {"chains": ["dirty"], "check": [""]}
    callers.CHAINS["dirty"] = "THEN(lasting, strict);"
    try:
        ran = run("THEN(calls.tag('c'));", script, functions=[lasting])
    finally:
        del callers.CHAINS["dirty"]
    assert ran.entry() == (EntryStatus.UNKNOWN, EntryStatus.COMPENSATED)
    assert ran.ran == [("dirty", Status.FAILED, True)]
    assert ran.execution.status is Status.PARTIALLY_COMPENSATED


@pytest.mark.parametrize("caller", ["calls", "callsAndUndoes"])
def test_undoing_the_caller_undoes_what_it_ran_the_latest_first(caller: str) -> None:
    script = {"chains": ["pair", "one"]}
    ran = run(f"THEN({caller}.tag('c'), strict);", script)
    assert ran.execution.status is Status.COMPENSATED
    assert ran.entry() == (EntryStatus.COMPLETED, EntryStatus.COMPENSATED)
    assert ran.ran == [("pair", Status.COMPENSATED, False), ("one", Status.COMPENSATED, False)]
    pair, one = (run.execution() for run in ran.run.sub_runs)
    assert [entry.undone for entry in pair.stack] == [2, 1]
    assert one.stack[0].undo_ended_at is not None
    assert pair.stack[1].undo_started_at is not None
    assert one.stack[0].undo_ended_at <= pair.stack[1].undo_started_at
    undone = CALLS[f"{ran.execution.execution_id}/undo:c"]
    assert undone == (1 if caller == "callsAndUndoes" else 0)


def test_a_refusal_after_a_run_that_completed_still_undoes_the_run() -> None:
    ran = run("THEN(calls.tag('c'));", {"chains": ["pair"], "c": ["refuse"]})
    assert ran.entry() == (EntryStatus.FAILED, EntryStatus.COMPENSATED)
    assert ran.execution.status is Status.COMPENSATED
    assert ran.net("pq") == {"p": 0, "q": 0}


def test_what_sub_runs_ran_is_undone_with_them() -> None:
    script = {"chains": ["outer"], "inner chains": ["pair"]}
    ran = run("THEN(calls.tag('c'), strict);", script)
    assert ran.steps == "calls==>work==>calls==>work==>work==>work==>strict"
    assert ran.execution.status is Status.COMPENSATED
    (outer,) = (cast(InMemoryExecution, one) for one in ran.run.sub_runs)
    assert outer.execution().status is Status.COMPENSATED
    assert [one.execution().status for one in outer.sub_runs] == [Status.COMPENSATED]


TWICE: Policies = {"calls": {"retry": RetryPolicy(attempts=2, interval=0.01)}}


def test_another_attempt_finds_the_same_runs() -> None:
    script = {"chains": ["pair", "one"], "c": ["error", "ok"]}
    ran = run("THEN(calls.tag('c'));", script, changed=TWICE)
    assert ran.execution.status is Status.COMPLETED
    assert len(ran.run.sub_runs) == 2
    assert ran.steps == "calls==>calls==>work==>work==>work"
    assert ran.execution.context == {f"did {tag}": 1 for tag in "pqo"}


def test_another_attempt_runs_once_more_what_failed_and_left_nothing() -> None:
    script = {"chains": ["pair"], "check": [""], "q": ["refuse"]}
    ran = run("THEN(calls.tag('c'));", script, changed=TWICE)
    id = ran.execution.execution_id
    ids = [one.execution().execution_id for one in ran.run.sub_runs]
    assert ids == [f"{id}/0.0/1", f"{id}/0.0/1~2"]
    assert [status for _, status, _ in ran.ran] == [Status.COMPENSATED] * 2
    assert ran.execution.status is Status.FAILED


def test_an_attempt_that_was_lost_knows_nothing_and_is_undone_all_the_same() -> None:
    late: Policies = {"calls": {"timeout": 5.0, "lost_attempts": 0}}
    script = {"chains": ["held"], "h": ["until told ok"], "grace": ["8"]}
    ran = run("THEN(calls.tag('c'));", script, changed=late)
    assert ran.entry() == (EntryStatus.UNKNOWN, EntryStatus.COMPENSATED)
    assert ran.ran == [("held", Status.COMPENSATED, False)]
    assert ran.net("p") == {"p": 0}


def test_a_lost_attempt_leaves_its_run_to_the_next_one() -> None:
    late: Policies = {"calls": {"timeout": 5.0}}
    script = {"chains": ["held"], "h": ["until told ok"], "grace": ["8"]}
    ran = run("THEN(calls.tag('c'));", script, changed=late)
    assert ran.execution.status is Status.COMPLETED
    assert ran.execution.stack[0].attempts == 2
    assert len(ran.run.sub_runs) == 1


@pytest.mark.parametrize("how", ["cancel", "compensate"])
def test_a_cancel_of_the_caller_cancels_what_it_runs(how: str) -> None:
    async def main() -> Ran:
        running = opened("THEN(calls.tag('c'));", {"chains": ["held"], "h": ["hold"]})
        task = asyncio.create_task(running.run())
        await asyncio.sleep(1)
        if how == "cancel":
            running.cancel()
        else:
            running.receive("compensate", {"in_flight": "cancel"})
        return Ran(running, await task)

    ran = run_virtual(main())
    expected = Status.CANCELLED if how == "cancel" else Status.COMPENSATED
    assert ran.execution.status is expected
    assert ran.ran == [("held", Status.CANCELLED, False)]
    assert ran.net("p") == {"p": 0}


def test_side_by_side_nothing_is_lost_of_what_both_write() -> None:
    script = {"chains": ["pair", "pair", "one"], "at once": [""]}
    ran = run("WHEN(calls.tag('c'), calls.tag('d'));", script)
    assert ran.execution.status is Status.COMPLETED
    assert ran.execution.context == {"did p": 4, "did q": 4, "did o": 2}


def test_an_unknown_chain_is_an_answer_and_takes_no_number() -> None:
    ran = run("THEN(calls.tag('c'));", {"chains": ["nope", "pair"]})
    assert ran.execution.status is Status.COMPLETED
    assert ran.execution.output == ["FAILED", "COMPLETED"]
    assert [one.execution().execution_id[-2:] for one in ran.run.sub_runs] == ["/1"]


def test_a_chain_that_runs_itself_ends_with_an_error() -> None:
    ran = run("THEN(itself);")
    assert ran.execution.status is Status.COMPLETED
    assert ran.execution.output == "SUB_RUNS_TOO_DEEP"
    assert ran.steps.split("==>") == ["itself"] * (DEEPEST + 1)


def test_a_component_that_is_not_declared_for_it_is_told_so() -> None:
    ran = run("THEN(undeclared);")
    assert ran.execution.error is not None
    assert ran.execution.error.code == "CHAIN_CALL_INVALID"
    assert "runs_chains=True" in ran.execution.error.message


def test_calls_that_do_not_repeat_are_refused() -> None:
    @component("fickle", runs_chains=True)
    async def fickle(step: Step) -> None:
        await step.run_chain("pair" if step.attempt == 1 else "one")
        if step.attempt == 1:
            raise ConnectionError

    changed: Policies = {"fickle": {"retry": RetryPolicy(attempts=3, interval=0.01)}}
    ran = run("THEN(fickle);", functions=[fickle], changed=changed)
    assert ran.execution.stack[0].attempts == 2
    assert ran.execution.error is not None
    assert "chain 'pair' in an earlier attempt" in ran.execution.error.message
    assert ran.execution.status is Status.COMPENSATED


def test_a_sub_run_sees_what_its_caller_has_written() -> None:
    @component("writes", runs_chains=True)
    async def writes(context: Context, step: Step) -> None:
        context.set("n", 1)
        (await step.run_chain("reads")).or_raise()

    @component("reader")
    async def reader(context: Context) -> None:
        if context.get("n") != 1:
            raise Refused("n is missing")
        context.add("n", 1)

    callers.CHAINS["reads"] = "THEN(reader);"
    try:
        ran = run("THEN(writes);", functions=[writes, reader])
    finally:
        del callers.CHAINS["reads"]
    assert ran.execution.context == {"n": 2}


def test_a_run_that_parks_keeps_its_sub_runs() -> None:
    script = {"chains": ["pair"]}
    text = "THEN(calls.tag('c'), work.tag('a'), work.tag('b'), work.tag('d'), strict);"
    ran = run(text, script, max_events=20)
    assert ran.run.runs > 1
    assert ran.execution.status is Status.COMPENSATED
    assert ran.net("pq") == {"p": 0, "q": 0}


def test_without_saga_nothing_is_undone() -> None:
    script = {"chains": ["pair"]}
    ran = run("THEN(calls.tag('c'), strict);", script, saga=False)
    assert ran.execution.status is Status.FAILED
    assert ran.ran == [("pair", Status.COMPLETED, True)]


async def test_a_component_on_a_thread_blocks_its_own_thread_only() -> None:
    """More callers than threads: the chains that they wait for have steps on threads, too."""

    @component("slow")
    def slow() -> None:
        return None

    callers.CHAINS["threaded"] = "THEN(slow, slow);"
    try:
        with ThreadPoolExecutor(2) as threads:
            calling = ", ".join(f"callsOnThread.tag('c{n}')" for n in range(6))
            running = opened(
                f"WHEN({calling});",
                {"chains": ["threaded"]},
                threads=threads,
                virtual=False,
                functions=[slow],
            )
            execution = await asyncio.wait_for(running.run(), 60)
    finally:
        del callers.CHAINS["threaded"]
    assert execution.status is Status.COMPLETED
    assert len(running.sub_runs) == 6


async def test_a_cancel_reaches_a_thread_that_waits() -> None:
    with ThreadPoolExecutor(4) as threads:
        running = opened(
            "THEN(callsOnThread.tag('c'));",
            {"chains": ["held"], "h": ["until told ok"]},
            threads=threads,
            virtual=False,
        )
        task = asyncio.create_task(running.run())

        async def standing() -> list[Execution]:
            return [run.execution() for run in running.sub_runs]

        async with asyncio.timeout(30):
            await until(standing, lambda runs: bool(runs) and len(runs[0].stack) == 2)
            running.cancel()
            await until(standing, lambda runs: runs[0].cause is Cause.CANCEL)
            # What the chain runs now is awaited, as in any other saga.
            tell(running.sub_runs[0].execution().execution_id, "told")
            execution = await task
    assert execution.status is Status.CANCELLED
    assert running.sub_runs[0].execution().status is Status.CANCELLED


def test_a_blocking_call_on_the_loop_is_refused() -> None:
    ran = run("THEN(callsOnThread.tag('c'));", {"chains": ["pair"]})
    assert ran.execution.error is not None
    assert "awaits step.run_chain" in ran.execution.error.message


def test_a_compensation_runs_no_chains() -> None:
    @component("undoes", runs_chains=True)
    async def undoes(undo: Undo[None]) -> None:
        return None

    with pytest.raises(ComponentInvalid, match="cannot run chains"):
        Registry([undoes])


def test_ids_are_short_readable_and_their_own() -> None:
    long = "order-" + "x" * 120
    ids = {sub_run_id(long, path, n, k) for path in ("0.1", "0.2") for n in (1, 12) for k in (1, 2)}
    assert len(ids) == 8
    assert all(len(id) <= ID_LIMIT and id.startswith("order-xxx") for id in ids)
    assert sub_run_id("order-1", "0.3#17~2.1", 2) == "order-1/0.3#17~2.1/2"


def test_a_note_is_that_of_the_last_attempt() -> None:
    changed: Policies = {"notes": {"retry": RetryPolicy(attempts=2, interval=0.01)}}
    ran = run("THEN(notes.tag('n'));", {"n": ["refuse", "ok"]}, changed=changed)
    assert ran.execution.stack[0].note == {"attempt": 2}
    failed = run("THEN(notes.tag('n'));", {"n": ["refuse"]}, changed=changed)
    assert failed.execution.stack[0].note == {"attempt": 2}


def test_or_raise_gives_the_answer_of_a_chain_that_completed() -> None:
    seen: list[str] = []

    @component("gives", runs_chains=True)
    async def gives(step: Step) -> None:
        seen.append((await step.run_chain("pair", {})).or_raise().steps)
        try:
            (await step.run_chain("bare")).or_raise()
        except ChainFailed as error:
            seen.append(error.answer.status.value)

    ran = run("THEN(gives);", functions=[gives])
    assert ran.execution.status is Status.COMPLETED
    assert seen == ["work==>work", "FAILED"]
