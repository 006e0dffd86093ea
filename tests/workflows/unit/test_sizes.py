"""What a saga carries is counted, packed and shown within bounds."""

import asyncio
import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue
from pydantic_core import to_json

from rules.execution import EntryStatus, ErrorInfo, Execution, Status
from rules.measuring import json_size
from rules.plan import ComponentPolicy, Needs
from rules.sizes import CARRIED_LIMIT, CONTEXT_LIMIT, KIB
from rules.wire import ChainInput, ContextOperation, Done, SagaState, StepReply
from tests.workflows.heavy import text
from tests.workflows.unit.states import NOON, SAGA, entry, frost, produced, state
from workflows.context import SharedContext
from workflows.outcome import execution_of
from workflows.packing import MOST, PLAIN_LIMIT, ZLIB, pack, unpack
from workflows.showing import ANSWER_LIMIT, fitting, fitting_text
from workflows.sizes import Sizes
from workflows.slices import SLICE_LIMIT, Slices

SIGNS = [chr(code) for code in range(0x4E00, 0x9FA5)]

keys = st.sampled_from(["a", "票", '"'])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
kinds = st.sampled_from(["set", "delete", "append", "take"])
operations = st.builds(ContextOperation, op=kinds, key=keys, value=values) | st.builds(
    ContextOperation, op=st.just("add"), key=keys, value=st.integers(-9, 9)
)


@given(st.lists(st.lists(operations, max_size=4), max_size=4))
def test_the_context_knows_its_size(answers: list[list[ContextOperation]]) -> None:
    held = state(context={"票": [1], "b": "x"})
    shared = SharedContext(held)
    for answer in answers:
        before = json_size(held.context)
        kept = shared.write(answer)
        assert shared.size == json_size(held.context) - (0 if held.context else 1)
        if kept is not None and len(answer) == 2:
            shared.restore(kept)
            assert json_size(held.context) == before
            assert shared.size == before - (0 if held.context else 1)


def _unlike(number: int, length: int) -> str:
    return "".join(random.Random(number).choices(SIGNS, k=length))


def _carrying(steps: int, *, name: int, values: int) -> SagaState:
    """A saga of many steps with as little in common as names and values allow."""
    held = state(context={"a": _unlike(-1, values)}, started_at=NOON)
    for number in range(steps):
        moment = NOON + timedelta(microseconds=random.Random(number).randrange(10**12))
        one = entry(
            EntryStatus.COMPENSATED,
            outcome=EntryStatus.COMPLETED,
            component=_unlike(number, name),
            path=f"0.{number}.{number * 7 % 11}",
            seq=number,
            output=_unlike(2 * number, values),
            error=ErrorInfo(type="E", code="C", message=_unlike(3 * number, values)),
        )
        held.stack.append(
            one.model_copy(
                update={
                    "started_at": moment,
                    "ended_at": moment + timedelta(microseconds=number * 7919),
                    "undo_started_at": moment + timedelta(microseconds=number * 104729),
                    "undo_ended_at": moment + timedelta(microseconds=number * 1299709),
                    "undone": steps - number,
                }
            )
        )
        held.done[one.path] = Done()
        held.produced.append(produced(one.component, _unlike(5 * number, values), path=one.path))
    return held


@pytest.mark.parametrize(("steps", "name", "values"), [(2500, 4, 0), (1500, 40, 0), (300, 10, 300)])
def test_the_count_is_never_below_what_is_packed(steps: int, name: int, values: int) -> None:
    held = _carrying(steps, name=name, values=values)
    frozen = frost(request=text(100))
    components = {one.component: ComponentPolicy(id=one.component) for one in held.stack}
    plan = frozen.plan.model_copy(update={"components": components})
    start = ChainInput(frost=frozen.model_copy(update={"plan": plan}), state=held)
    counted = Sizes(start.frost, held)._carried
    assert len(pack(start).payload.data) <= counted


def test_a_small_input_is_plain_json_and_a_large_one_comes_back_as_it_was() -> None:
    small = ChainInput(frost=frost(request="x"), state=state())
    assert pack(small).payload.data == to_json(small)
    assert unpack(pack(small).payload) is None
    large = ChainInput(frost=frost(request="x" * PLAIN_LIMIT), state=state())
    packed = pack(large).payload
    assert packed.metadata["encoding"] == ZLIB
    assert ChainInput.model_validate(unpack(packed)) == large


def test_at_last_the_undoing_forgets_what_it_does_not_need() -> None:
    held = state(status=Status.COMPENSATING)
    held.stack = [
        entry(EntryStatus.COMPENSATED, outcome=EntryStatus.COMPLETED, output=text(1500)),
        entry(EntryStatus.COMPLETED, output=text(1000), seq=2),
    ]
    packed = pack(ChainInput(frost=frost(), state=held)).payload
    assert len(packed.data) <= MOST
    again = ChainInput.model_validate(unpack(packed)).state
    assert again is not None
    assert again.stack[0].output is None
    assert again.stack[1].output == text(1000)


@pytest.mark.parametrize(
    ("context", "output", "code"),
    [
        (CONTEXT_LIMIT, 0, "CONTEXT_TOO_LARGE"),
        (CONTEXT_LIMIT - 9, 0, None),
        (0, CARRIED_LIMIT, "STACK_TOO_LARGE"),
    ],
)
def test_an_answer_is_taken_whole_or_not(context: int, output: int, code: str | None) -> None:
    held = state()
    one = entry(EntryStatus.RUNNING)
    operations = [ContextOperation(op="set", key="a", value="x" * context)]
    if code is not None:
        operations.append(ContextOperation(op="add", key="n", value=1))
    reply = StepReply(output="y" * output, operations=tuple(operations), attempts=2)
    refund = ComponentPolicy(id="refund", needs=Needs(undo_output=True))
    result = Sizes(frost(refund), held).admit(one, reply)
    if code is None:
        assert result is reply
        assert json_size(held.context) <= CONTEXT_LIMIT
        return
    assert not isinstance(result, StepReply)
    assert (result.outcome, result.error.code, result.attempts) == ("UNKNOWN", code, 2)
    assert held.context == {}


async def test_what_starts_side_by_side_starts_in_slices() -> None:
    """Between two pauses no more is scheduled than a slice holds."""
    log: list[int | None] = []

    async def pause() -> None:
        await asyncio.sleep(0)
        log.append(None)

    slices = Slices(pause)
    third = SLICE_LIMIT // 3

    async def schedule(number: int, size: int) -> None:
        await slices.enter(size)
        log.append(number)

    sizes = [third] * 7 + [SLICE_LIMIT] + [1]
    await asyncio.gather(*(schedule(number, size) for number, size in enumerate(sizes)))
    assert [number for number in log if number is not None] == [0, 1, 2, 3, 4, 5, 6, 8, 7]
    held = 0
    for number in log:
        held = 0 if number is None else held + sizes[number]
        assert held <= SLICE_LIMIT


async def test_what_has_ended_takes_what_was_scheduled_before_along() -> None:
    async def never() -> None:
        raise AssertionError("one after the other needs no slices")

    slices = Slices(never)
    for _ in range(5):
        slices.leave(await slices.enter(SLICE_LIMIT))


def _execution(context: dict[str, JsonValue], *outputs: JsonValue) -> Execution:
    held = state(*[entry(output=output, seq=n) for n, output in enumerate(outputs)])
    held.context = context
    return execution_of(SAGA, frost(request="r"), held)


def test_what_fits_is_shown_as_it_is() -> None:
    execution = _execution({"a": "x" * 1000}, "y" * 1000)
    assert fitting(execution) is execution


def test_the_largest_values_are_shown_by_their_sizes() -> None:
    shown = fitting(_execution({"a": text(300), "b": text(30)}, text(500), text(400), text(20)))
    assert json_size(shown) <= ANSWER_LIMIT
    assert shown.request == "r"
    assert shown.context == {"a": text(300), "b": text(30)}
    size = json_size(text(500))
    assert shown.stack[0].output == {"cut": "too large to be shown here", "bytes": size}
    assert [one.output for one in shown.stack[1:]] == [text(400), text(20)]


def test_a_long_tree_is_cut() -> None:
    shown = fitting_text("票" * 600 * KIB)
    assert len(shown.encode()) <= ANSWER_LIMIT + 8
    assert fitting_text("short") == "short"
