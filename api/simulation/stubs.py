"""The components of a case: ordinary ones, declared through the author's own API.

For the rule book of a case. What a stub does stands in the case; what it did is noted in the
case's world.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from activities.component import Context, Retry, Step, Undo, component
from activities.declaration import Options
from activities.registry import Registry
from api.simulation.cases import Config, Node, NodeType, Retried
from api.simulation.scripts import run_script
from api.simulation.thrown import exception, thrown
from api.simulation.values import Moment, Op, answer, filled
from api.simulation.world import World
from rules.plan import Kind

UNDO: Final = "{} (undo)"
AT_ONCE: Final = 1e-6
"""Seconds between attempts: LiteFlow has no back-off, and a pause of nothing is no pause."""
NEVER: Final = 3.2e7
"""Seconds after which an attempt is given up: no case waits for a year."""

_KINDS: Final[Mapping[NodeType, Kind]] = {
    "common": "common",
    "boolean": "boolean",
    "switch": "switch",
    "for": "for",
    "iterator": "iterator",
    "script": "common",
    "boolean_script": "boolean",
    "switch_script": "switch",
    "for_script": "for",
}


def registry_of(nodes: Mapping[str, Node], config: Config, world: World) -> Registry:
    """The components of a case. Raises ComponentInvalid."""
    return Registry(
        function for id, node in nodes.items() for function in _functions(id, node, config, world)
    )


def _functions(
    id: str, node: Node, config: Config, world: World
) -> Iterator[Callable[..., object]]:
    options: Options = {
        "kind": _KINDS[node.type],
        "name": node.name,
        "retry": _retry(node.retry, config),
        "timeout": NEVER,
        "fallback": node.fallback,
        "continue_on_error": node.continue_on_error,
        # Without a rollback there is nothing to undo, whatever else is called like an undo of it.
        "read_only": not node.rollback,
        "runs_chains": node.invoke is not None,
    }
    if node.rollback:
        options["compensate"] = UNDO.format(id)
        yield _undo(id, node, world)
    if isinstance(node.access, Op) or not node.access.constant or node.end_in_access:
        options["access"] = _access(id, node, world)
    if node.is_end:
        options["end_when"] = lambda: True
    yield component(id, **options)(_body(id, node, world))


def _retry(said: Retried | None, config: Config) -> Retry:
    retried = said or Retried(times=config.retry_count)
    return Retry(
        attempts=max(retried.times, 0) + 1,
        interval=AT_ONCE,
        backoff=1,
        max_interval=AT_ONCE,
        on=tuple(exception(name) for name in retried.types),
    )


def _body(id: str, node: Node, world: World) -> Callable[..., object]:
    async def body(request: JsonValue, step: Step, context: Context) -> JsonValue:
        moment = Moment(step, request, context, world.called(id))
        world.begin(moment)
        pause = answer(node.sleep_ms, moment)
        if isinstance(pause, int | float) and pause > 0:
            await asyncio.sleep(pause / 1000)
        if node.record is not None:
            world.record(filled(node.record, moment))
        if node.count is not None:
            context.add(node.count, 1)
        for key, value in node.set_ctx.items():
            context.set(key, value)
        if node.invoke is not None:
            await step.run_chain(node.invoke, node.invoke_req)
        result = run_script(node, moment) if node.script is not None else None
        if node.set_end:
            step.end()
        _throw(node, moment)
        return result if node.script is not None else answer(node.returns, moment)

    return body


def _throw(node: Node, moment: Moment) -> None:
    throws = node.throws
    if throws is None or (throws.times is not None and moment.call > throws.times):
        return
    if throws.when_loop_index in (None, moment.step.index):
        raise thrown(throws.type, throws.message)


def _access(id: str, node: Node, world: World) -> Callable[..., bool]:
    def access(request: JsonValue, step: Step, context: Context) -> bool:
        moment = Moment(step, request, context, world.called(f"access to {id}"))
        if node.end_in_access:
            step.end()
        if isinstance(node.access, Op) and node.access.op == "throws":
            raise thrown("IllegalStateException", None)
        return bool(answer(node.access, moment))

    return access


def _undo(id: str, node: Node, world: World) -> Callable[..., object]:
    @component(UNDO.format(id), retry=Retry(attempts=1), timeout=NEVER)
    def undo(undo: Undo) -> None:  # type: ignore[type-arg]  # neither output nor input is asked for
        words = node.rollback_record
        at = world.moment(undo.forward_key)
        world.undo(id, None if words is None else filled(words, at))
        if node.rollback_throws:
            world.undo_fails(id)
            raise thrown("RuntimeException", f"the rollback of {id} fails")

    return undo
