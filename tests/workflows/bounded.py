"""Components whose declarations bound what a saga may do with them; for tests of its rules.

They act as the scripted ones of `tests.workflows.acting`, by the same request.
"""

from typing import Annotated

from activities.component import OnFailure, Output, Retry, Step, Strategy, component
from tests.workflows.acting import Script, work


@component(
    "careful",
    compensate="unwork",
    idempotent=False,
    retry=Retry(attempts=3, interval=0.01),
    timeout=1.0,
)
async def careful(request: Script, step: Step) -> str:
    return await work(request, step)


@component("choosy", kind="switch", compensate="unwork")
async def choosy() -> str:
    return "nowhere"


@component("careless", kind="boolean", on_failure=OnFailure(strategy=Strategy.IGNORE))
async def careless() -> bool:
    return True


@component("bare")
async def bare(step: Step) -> str:
    return step.tag or ""


@component("uses")
async def uses(given: Annotated[str, Output("work")]) -> str:
    return given
