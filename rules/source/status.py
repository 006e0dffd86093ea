"""How current the served rules are, and what is wrong with them: for people and for metrics.

Told by the rule source. Plain data.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias, get_args

from rules.errors import Diagnostic
from rules.source.chains import StandIn
from rules.source.revision import Mode

Outcome: TypeAlias = Literal["idle", "changed", "failed"]

BOUNDS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds that looks are told apart by: from an idle one to one that gives up."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """Why the rules cannot be read, and since when."""

    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A chain that does not compile as it now is. `serving` is the version of it that serves.

    `stand_ins` are what serves in place of present versions: of the chain, and of what it names.
    """

    namespace: str
    tenant: str
    chain: str
    version: int
    serving: int | None
    since: datetime
    diagnostics: tuple[Diagnostic, ...]
    stand_ins: tuple[StandIn, ...] = ()


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """One look at the database. `changed` chains were added, changed or taken away by it.

    `seconds` is how long it took, compiling included.
    """

    outcome: Outcome
    seconds: float
    changed: int = 0
    everything: bool = False


class Observer(Protocol):
    """Who counts what the rule source does."""

    def refreshed(self, report: RefreshReport) -> None:
        """Called after each look at the database, on the thread that looked; must not raise."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How many looks took up to each of BOUNDS, and more; each is counted once."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    seconds: float = 0.0

    def after(self, seconds: float) -> "Spread":
        """The numbers with one more look."""
        counts = list(self.counts)
        counts[bisect_left(BOUNDS, seconds)] += 1
        return Spread(tuple(counts), self.seconds + seconds)


def _no_spreads() -> Mapping[Outcome, Spread]:
    return dict.fromkeys(get_args(Outcome), Spread())


@dataclass(frozen=True, slots=True)
class Tally:
    """How often the database was looked at since the process started, and how long in all."""

    looks: int = 0
    changes: int = 0
    failures: int = 0
    seconds: float = 0.0
    spreads: Mapping[Outcome, Spread] = field(default_factory=_no_spreads)

    def after(self, report: RefreshReport) -> "Tally":
        """The numbers with one more look."""
        return Tally(
            self.looks + 1,
            self.changes + (report.outcome == "changed"),
            self.failures + (report.outcome == "failed"),
            self.seconds + report.seconds,
            {
                **self.spreads,
                report.outcome: self.spreads[report.outcome].after(report.seconds),
            },
        )


NOTHING_YET: Final = Tally()


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """How current the served rules are.

    `refreshed_at` is when they were last known to be the database's, `changed_at` when they last
    changed. `sha` is the same in all processes that have read the same rules, `serving_sha` in all
    that serve the same, also for what does not compile; None until all was tried. `mode` says how
    changes are seen; `untried` tenants have chains of which nobody knows yet whether they compile.
    `plans` are kept compiled.
    """

    application: str
    namespace: str
    chains: int
    tenants: int
    refreshed_at: datetime | None
    degraded: Degraded | None
    mode: Mode | None = None
    revision: int | None = None
    changed_at: datetime | None = None
    last: RefreshReport | None = None
    tally: Tally = NOTHING_YET
    sha: str = ""
    serving_sha: str | None = None
    quarantined: tuple[Quarantined, ...] = ()
    untried: int = 0
    plans: int = 0
