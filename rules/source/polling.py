"""How changes of the rules are looked for. For the settings and the poller; imports nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Polling:
    """How often to look, in seconds; `enabled` is whether at all after the first reading."""

    every: float = 60.0
    start: float = 60.0
    enabled: bool = True

    @property
    def within(self) -> float | None:
        """How soon an instance sees a change that nobody told it of; None if never by itself."""
        return self.every if self.enabled else None
