"""What of the rules' status is a metric for Prometheus.

For the API, which serves it beside its paths, and for the worker, which has a port for it. Knows
neither.
"""

from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from rules.source.status import BOUNDS, RuleStatus, Tally

_OURS: Final = ("application", "namespace")
_BOUNDS: Final = (*map(str, BOUNDS), "+Inf")


def rule_registry(status: Callable[[], RuleStatus]) -> CollectorRegistry:
    """The metrics of one process, asked for whenever somebody reads them."""
    registry = CollectorRegistry()
    registry.register(_RuleCollector(status))
    return registry


class _RuleCollector(Collector):
    def __init__(self, status: Callable[[], RuleStatus]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status()
        labels = (status.application, status.namespace)
        yield from _counters(status.tally, labels)
        yield _durations(status.tally, labels)
        yield from _gauges(status, labels)
        yield _quarantine(status, labels)

    def describe(self) -> Iterator[Metric]:
        """Nothing; else what is collected would be asked for when it is registered."""
        return iter(())


def _counters(tally: Tally, labels: tuple[str, ...]) -> Iterator[Metric]:
    for name, meaning, value in (
        ("refreshes", "Looks at the database for changes of the rules.", tally.looks),
        ("refresh_changes", "Looks that found a change.", tally.changes),
        (
            "refresh_failures",
            "Looks that failed; what was read before serves on.",
            tally.failures,
        ),
        ("refresh_seconds", "What all looks took, compiling included.", tally.seconds),
    ):
        family = CounterMetricFamily(f"chainsaga_rule_{name}", meaning, labels=_OURS)
        family.add_metric(labels, value)
        yield family


def _durations(tally: Tally, labels: tuple[str, ...]) -> Metric:
    family = HistogramMetricFamily(
        "chainsaga_rule_refresh_duration_seconds",
        "What a look took, compiling included, by what it found.",
        labels=(*_OURS, "outcome"),
    )
    for outcome, spread in tally.spreads.items():
        counts = map(float, accumulate(spread.counts))
        family.add_metric(
            (*labels, outcome), list(zip(_BOUNDS, counts, strict=True)), spread.seconds
        )
    return family


def _gauges(status: RuleStatus, labels: tuple[str, ...]) -> Iterator[Metric]:
    """Those of a last look only once there was one."""
    tally, last, read = status.tally, status.last, status.refreshed_at
    numbers: tuple[tuple[str, str, float | None], ...] = (
        (
            "refresh_last_seconds",
            "What the last look took, compiling included.",
            last.seconds if last else None,
        ),
        (
            "refresh_success_ratio",
            "The share of looks that did not fail, since the start.",
            1 - tally.failures / tally.looks if last else None,
        ),
        (
            "refresh_timestamp_seconds",
            "When the rules were last known to be those of the database.",
            read.timestamp() if read else None,
        ),
        ("degraded", "1 while the rules cannot be read.", int(status.degraded is not None)),
        ("chains", "Chains that were read.", status.chains),
        ("tenants", "Tenants that have chains.", status.tenants),
        ("untried_tenants", "Tenants whose chains were not all tried yet.", status.untried),
        ("plans", "Chains that are kept compiled.", status.plans),
    )
    for name, meaning, value in numbers:
        if value is not None:
            family = GaugeMetricFamily(f"chainsaga_rule_{name}", meaning, labels=_OURS)
            family.add_metric(labels, value)
            yield family


def _quarantine(status: RuleStatus, labels: tuple[str, ...]) -> Metric:
    family = GaugeMetricFamily(
        "chainsaga_rule_quarantined_chains",
        "Chains that do not compile as they are, by what serves in their place.",
        labels=(*_OURS, "serves"),
    )
    serving = sum(1 for one in status.quarantined if one.serving is not None)
    family.add_metric((*labels, "earlier"), serving)
    family.add_metric((*labels, "nothing"), len(status.quarantined) - serving)
    return family
