"""Waiting for a condition inside the event loop; the twin of `dev.processes.wait_until`."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


async def until(
    look: Callable[[], Awaitable[T | None]], limit: float, what: str, pause: float = 0.02
) -> T:
    """The first true answer of `look`; TimeoutError after `limit` seconds.

    `pause` is between two looks: longer where each costs the machine much.
    """
    deadline = monotonic() + limit
    while not (value := await look()):
        if monotonic() > deadline:
            raise TimeoutError(f"waited {limit:g} s for {what}, in vain")
        await asyncio.sleep(pause)
    return value


async def until_true(look: Callable[[], object], limit: float, what: str) -> None:
    """As `until`, for what is known without waiting."""

    async def ask() -> object:
        return look()

    await until(ask, limit, what)
