"""A component that a test holds up and lets go, through files; both processes see them.

Named by the setting `components` of the API's tests.
"""

import asyncio
from pathlib import Path
from time import monotonic

from pydantic import BaseModel

from activities.component import Step, Undo, component, seconds
from dev.processes import wait_until
from tests.api.waiting import until_true

LIMIT = 25.0


class Gated(BaseModel):
    """The part of a request that names the gate; None lets everyone through."""

    gate: Path | None = None


class Gate:
    """The test's side of a gate."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def request(self, **more: object) -> dict[str, object]:
        """A request that the gate holds up."""
        return {"gate": str(self.path), **more}

    @property
    def entered(self) -> int:
        """How many attempts have come so far."""
        file = _entered(self.path)
        return len(file.read_text()) if file.exists() else 0

    async def entering(self) -> None:
        """Wait until the first attempt has come."""
        await until_true(lambda: self.entered, LIMIT, f"an attempt at {self.path}")

    def open(self) -> None:
        """Let everyone through, now and later."""
        _opened(self.path).touch()


@component("gate", compensate="ungate", timeout=seconds(LIMIT + 5))
async def gate(request: Gated) -> str:
    """Wait for the gate on the event loop."""
    if request.gate is None:
        return "no gate"
    _enter(request.gate)
    begun = monotonic()
    while not _opened(request.gate).exists():
        if monotonic() - begun > LIMIT:
            raise TimeoutError("nobody opened the gate")
        await asyncio.sleep(0.02)
    return "passed"


@component("threadGate", compensate="ungate", timeout=seconds(LIMIT + 5))
def thread_gate(request: Gated, step: Step) -> str:
    """Wait for the gate on a thread."""
    assert request.gate is not None
    _enter(request.gate)
    wait_until(_opened(request.gate).exists, LIMIT, "the gate to open")
    return f"passed in attempt {step.attempt}"


@component("openGate", read_only=True)
def open_gate(request: Gated) -> None:
    """Let everyone through."""
    assert request.gate is not None
    _opened(request.gate).touch()


@component("ungate")
def ungate(undo: Undo[str]) -> None:
    """Nothing to undo, but it is seen in the log."""


def _enter(path: Path) -> None:
    with _entered(path).open("a") as file:
        file.write("x")


def _entered(path: Path) -> Path:
    return path.with_name(f"{path.name}.entered")


def _opened(path: Path) -> Path:
    return path.with_name(f"{path.name}.open")
