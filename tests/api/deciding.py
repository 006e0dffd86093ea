"""Components of a decision table, and the chains that it chooses from."""

from typing import Final

from activities.component import Refused, Step, Undo, component
from rules.source.repository import ChainRow

OPEN_ROUTES: Final[set[str]] = set()
"""Tags of `isOpen` that say yes: what a route answers may change between two requests."""

UNDONE: Final[list[str]] = []


@component("isSmall", kind="boolean")
def is_small(request: int) -> bool:
    return request < 10


@component("isEven", kind="boolean")
async def is_even(request: int) -> bool:
    return request % 2 == 0


@component("isOpen", kind="boolean")
async def is_open(step: Step) -> bool:
    return step.tag in OPEN_ROUTES


@component("isTorn", kind="boolean")
async def is_torn() -> bool:
    raise Refused("torn")


@component("put", compensate="unput")
async def put(request: int, step: Step) -> int:
    step.context.append("put", request)
    return request


@component("unput")
async def unput(undo: Undo[int]) -> None:
    UNDONE.append(undo.execution_id)


@component("drop")
async def drop() -> None:
    raise Refused("dropped", code="DROPPED")


CHAINS: Final = (
    ChainRow(tenant="", name="b-small", text="THEN(put);", route="isSmall"),
    ChainRow(tenant="", name="a-even", text="THEN(put, put);", route="NOT(NOT(isEven))"),
    ChainRow(tenant="", name="c-fails", text="THEN(put, drop);", route="AND(isSmall, isEven)"),
    ChainRow(tenant="", name="d-torn", text="THEN(put);", route="isTorn"),
    ChainRow(tenant="", name="e-wrong", text="THEN(put);", route="put"),
    ChainRow(tenant="", name="f-unsound", text="THEN(putt);", route="AND(isSmall, isEven)"),
    ChainRow(tenant="", name="g-off", text="THEN(put);", route="isEven", enabled=False),
    ChainRow(tenant="", name="twice", text="THEN({{what}}, {{what}});"),
    ChainRow(tenant="", name="plain", text="THEN(put);"),
)
CAMPAIGN: Final = (
    ChainRow(
        tenant="", name="x", text="{{what}} = THEN(plain, put);", extends="twice", route="isSmall"
    ),
    ChainRow(tenant="", name="y", text="THEN(x, z);", route="isSmall"),
    ChainRow(tenant="", name="z", text="THEN(put);"),
)
CHANGING: Final = (
    ChainRow(tenant="", name="one", text="THEN(put);", route='isOpen.tag("one")'),
    ChainRow(tenant="", name="two", text="THEN(put);", route='isOpen.tag("two")'),
    ChainRow(tenant="", name="下单", text="THEN(put);", route='isOpen.tag("three")'),
)
