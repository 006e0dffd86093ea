"""The gate that every step passes before it starts.

For the interpreter and the undoing. It parks a run that has grown long, at quiescence and at any
nesting: branches park one by one, running steps are awaited by their branches, and the run then
continues as new. It also stops a saga that is cancelled.
"""

from workflows.runtime import Runtime


class Halted(Exception):
    """A branch reached a gate that lets nothing through."""


class Parked(Halted):
    """The run continues as new once every branch has parked."""


class Stopped(Halted):
    """No further forward step may start (cancel)."""


class Gate:
    """Open until the runtime asks to park, or somebody stops the saga."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._halt: type[Halted] | None = None
        self._progressed = False

    def stop(self) -> None:
        """Let no further forward step start; those running are awaited."""
        self._halt = Stopped

    def allow_undo(self) -> None:
        """Open again for the undos; they may still park."""
        self._halt = None

    def enter(self) -> None:
        """Raise Stopped or Parked when no step may start now.

        A run parks only after it started something, so that each run makes progress.
        """
        if self._halt is None and self._progressed and self._runtime.should_park():
            self._halt = Parked
        if self._halt is not None:
            raise self._halt
        self._progressed = True
