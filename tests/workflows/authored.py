"""Components with everything that an author can declare, for the sagas of `authored_sagas`.

For both runtimes. The request says what each call does: `a` is the step with that tag, `a.before`
its hook (the last act repeats). Every call is written down under the execution's id.
"""

from collections import Counter, defaultdict
from typing import Annotated, Final

from pydantic import BaseModel, JsonValue

from activities.component import (
    Bind,
    Context,
    Ctx,
    Delivered,
    Refused,
    Retry,
    Step,
    Undo,
    component,
)

Script = dict[str, list[str]]

CALLS: Final[defaultdict[str, list[str]]] = defaultdict(list)
COUNTS: Final[Counter[str]] = Counter()
SOON: Final = 0.01


def _act(script: Script, step: Step, what: str = "") -> str:
    key = f"{step.tag}{what}"
    CALLS[step.execution_id].append(key)
    at = f"{step.execution_id}/{key}"
    COUNTS[at] += 1
    acts = script.get(key, ["ok"])
    act = acts[min(COUNTS[at], len(acts)) - 1]
    match act:
        case "refuse":
            raise Refused(f"{key} refuses", code="AS_SCRIPTED")
        case "error":
            raise ConnectionError(f"{key} lost its answer")
        case "wrong":
            raise ValueError(f"{key} is wrong")
        case "end":
            step.end()
    return act


async def access(request: Script, step: Step) -> bool:
    return _act(request, step, ".access") != "no"


async def before(request: Script, step: Step) -> None:
    _act(request, step, ".before")


async def on_success(request: Script, step: Step) -> None:
    _act(request, step, ".success")


async def on_error(request: Script, step: Step, error: Exception) -> None:
    CALLS[step.execution_id].append(type(error).__name__)
    _act(request, step, ".error")


async def after(request: Script, step: Step) -> None:
    _act(request, step, ".after")


async def is_over(request: Script, step: Step) -> bool:
    return _act(request, step, ".end") == "yes"


async def may_go_on(step: Step, error: Exception) -> bool:
    CALLS[step.execution_id].append(f"{step.tag}.continue")
    return isinstance(error, ConnectionError)


@component(
    "whole",
    compensate="unwhole",
    access=access,
    before=before,
    on_success=on_success,
    on_error=on_error,
    after=after,
    end_when=is_over,
    retry=Retry(attempts=2, interval=SOON, on=(ConnectionError,)),
)
async def whole(request: Script, step: Step) -> str:
    return _act(request, step)


@component("unwhole")
async def unwhole(undo: Undo[str]) -> None:
    CALLS[undo.execution_id].append(f"{undo.tag}!")


@component("plain", compensate="unwhole")
async def plain(request: Script, step: Step) -> str:
    return _act(request, step)


@component(
    "easy",
    compensate="unwhole",
    continue_on_error=True,
    retry=Retry(attempts=2, interval=SOON),
)
async def easy(request: Script, step: Step) -> str:
    return _act(request, step)


@component("picky", compensate="unwhole", continue_on_error=may_go_on)
async def picky(request: Script, step: Step) -> str:
    return _act(request, step)


@component("ask", kind="boolean", access=access, continue_on_error=True)
async def ask(request: Script, step: Step) -> bool:
    return _act(request, step) != "no"


@component("last", kind="switch")
async def last(step: Step) -> str:
    return step.targets[-1]


@component("letters", kind="iterator")
async def letters(objects: Annotated[list[JsonValue], Bind("objects")]) -> list[JsonValue]:
    return objects


@component("tell")
async def tell(step: Step, limit: Annotated[int | None, Bind("limit")]) -> None:
    error = step.error.code if step.error else None
    where: list[JsonValue] = [step.index, step.outer_index(), step.object, step.outer_object()]
    told: list[JsonValue] = [step.current_chain, error, limit, step.bind("name")]
    step.context.append("told", [*where, *told, step.data_as(dict)])


class Parcel(BaseModel):
    number: int


@component("send")
async def send(step: Step) -> None:
    for number in step.data_as(list[int]) or []:
        step.deliver("fetch", Parcel(number=number).model_dump())


@component("fetch")
async def fetch(step: Step, delivered: Delivered, context: Context) -> None:
    assert not any(key.startswith("chainsaga.") for key in context)
    step.context.append("fetched", [delivered.take(), len(delivered)])


@component("set")
async def put(step: Step) -> None:
    step.context.set("order", {"total": 7, "names": ["ann"]})


@component("spare", fallback=True)
async def spare(step: Step, total: Annotated[int | None, Ctx("total")]) -> None:
    step.context.set("total", (total or 0) + 1)


@component("spareTest", kind="boolean", fallback=True)
async def spare_test() -> bool:
    return False
