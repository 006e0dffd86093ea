"""Five components that do nothing, for the benchmark of the interpreter."""

from activities.component import component


@component("noop1")
async def noop1() -> None:
    """Do nothing."""


@component("noop2")
async def noop2() -> None:
    """Do nothing."""


@component("noop3")
async def noop3() -> None:
    """Do nothing."""


@component("noop4")
async def noop4() -> None:
    """Do nothing."""


@component("noop5")
async def noop5() -> None:
    """Do nothing."""
