"""What of the rules' status is a metric, in the words of Prometheus.

For the API, which serves it beside its paths, and for the worker, which has a port for it. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from rules.source.status import RuleStatus

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metric:
    """A number with its meaning; that of a counter only grows while the process lives."""

    name: str
    kind: Literal["counter", "gauge"]
    meaning: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def rule_metrics(status: RuleStatus) -> Iterator[Metric]:
    """How the reading of rules goes; those of a last look only once there was one."""
    tally = status.tally
    yield Metric(
        "chainsaga_rule_refreshes_total",
        "counter",
        "Looks at the database for changes of the rules.",
        tally.looks,
    )
    yield Metric(
        "chainsaga_rule_refresh_changes_total",
        "counter",
        "Looks that found a change.",
        tally.changes,
    )
    yield Metric(
        "chainsaga_rule_refresh_failures_total",
        "counter",
        "Looks that failed; what was read before serves on.",
        tally.failures,
    )
    yield Metric(
        "chainsaga_rule_refresh_seconds_total",
        "counter",
        "What all looks took, compiling included.",
        tally.seconds,
    )
    if status.last is not None:
        yield Metric(
            "chainsaga_rule_refresh_last_seconds",
            "gauge",
            "What the last look took, compiling included.",
            status.last.seconds,
        )
        yield Metric(
            "chainsaga_rule_refresh_success_ratio",
            "gauge",
            "The share of looks that did not fail, since the start.",
            1 - tally.failures / tally.looks,
        )
    if status.refreshed_at is not None:
        yield Metric(
            "chainsaga_rule_refresh_timestamp_seconds",
            "gauge",
            "When the rules were last known to be those of the database.",
            status.refreshed_at.timestamp(),
        )
    yield from _gauges(status)


def _gauges(status: RuleStatus) -> Iterator[Metric]:
    serving = sum(1 for one in status.quarantined if one.serving is not None)
    for name, meaning, value in (
        ("degraded", "1 while the rules cannot be read.", int(status.degraded is not None)),
        ("chains", "Chains that were read.", status.chains),
        ("tenants", "Tenants that have chains.", status.tenants),
        ("untried_tenants", "Tenants whose chains were not all tried yet.", status.untried),
        ("plans", "Chains that are kept compiled.", status.plans),
    ):
        yield Metric(f"chainsaga_rule_{name}", "gauge", meaning, value)
    for serves, number in (("earlier", serving), ("nothing", len(status.quarantined) - serving)):
        yield Metric(
            "chainsaga_rule_quarantined_chains",
            "gauge",
            "Chains that do not compile as they are, by what serves in their place.",
            number,
            {"serves": serves},
        )


def exposition(status: RuleStatus) -> str:
    """The metrics of a status as text that Prometheus reads."""
    ours = {"application": status.application, "namespace": status.namespace}
    lines: list[str] = []
    told = ""
    for metric in rule_metrics(status):
        if metric.name != told:
            lines += (
                f"# HELP {metric.name} {metric.meaning}",
                f"# TYPE {metric.name} {metric.kind}",
            )
            told = metric.name
        lines.append(f"{metric.name}{{{_labels({**ours, **metric.labels})}}} {metric.value!r}")
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
