"""A random saga as a whole: chains, policies, options, what goes wrong, what an operator does.

The same seed gives the same saga; only its times are counted in another unit on another runtime.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any, Final, Literal, NamedTuple

from activities.registry import Registry
from rules.compiler import ChainText, compile_chain
from rules.plan import ComponentPolicy, FailurePolicy, FailureStrategy, Plan, RetryPolicy
from rules.wire import Frost, SagaOptions
from tests.property.sagas.chains import HEADS, LAST, MAIN, SILENT, STEPS, Chains
from tests.property.sagas.ledger import ALL
from tests.property.sagas.script import Script

REGISTRY: Final = Registry(ALL)


class Pace(NamedTuple):
    """How long things take on a runtime, in seconds; `silent` is the limit of those that hang."""

    name: Literal["memory", "temporal"]
    unit: float
    timeout: float
    silent: float


VIRTUAL: Final = Pace("memory", unit=1.0, timeout=10.0, silent=10.0)
# A slow machine may be late: what answers at all has much time to.
REAL: Final = Pace("temporal", unit=0.05, timeout=60.0, silent=2.5)


class Act(NamedTuple):
    """What an operator does unasked, so many seconds after the start."""

    at: float
    kind: Literal["cancel", "compensate", "retry", "skip"]
    step: str | None = None
    in_flight: Literal["await", "cancel"] = "await"


@dataclass(frozen=True)
class RandomSaga:
    """One saga, drawn from its seed."""

    seed: int
    pace: Pace
    texts: Mapping[str, str]
    policies: Mapping[str, ComponentPolicy]
    options: SagaOptions
    script: Script
    acts: tuple[Act, ...]

    @cached_property
    def plan(self) -> Plan:
        """Compiled from the texts, as they would be published. Raises ChainInvalid."""
        chains = {name: ChainText(name, text) for name, text in self.texts.items()}
        plan = compile_chain(MAIN, chains=chains, components=REGISTRY.policies).plan
        known = {id: self.policies[id] for id in (*plan.components, "undo")}
        return plan.model_copy(update={"components": known})

    @property
    def frost(self) -> Frost:
        return Frost(plan=self.plan, request_sha="", options=self.options)

    def describe(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"seed {self.seed}"
        for name, text in self.texts.items():
            yield f"  {name}: {text}"
        for id in sorted(self.plan.components):
            yield f"  {id}: {_words(self.policies[id])}"
        yield f"  options: {self.options.model_dump(exclude_defaults=True)}"
        for act in self.acts:
            yield f"  the operator: {act}"


def draw(seed: int, pace: Pace = VIRTUAL) -> RandomSaga:
    """The saga of a seed."""
    chance = Random(f"saga {seed}")
    texts = Chains(chance, round(pace.unit * 1000)).write()
    return RandomSaga(
        seed=seed,
        pace=pace,
        texts=texts,
        policies=_policies(chance, pace),
        options=_options(chance, pace),
        script=Script(
            seed,
            faulty=chance.choice((0.0, 0.05, 0.1, 0.25)),
            undo_faulty=chance.choice((0.0, 0.05, 0.25)),
            unit=pace.unit,
            silence=2 * pace.silent,
        ),
        acts=tuple(_acts(chance, pace)),
    )


def _policies(chance: Random, pace: Pace) -> dict[str, ComponentPolicy]:
    all_undoable = chance.random() < 0.6
    found = dict(REGISTRY.policies)
    for id in (*STEPS, *HEADS):
        update: dict[str, Any] = {
            "timeout": pace.silent if id in SILENT else pace.timeout,
            "lost_attempts": chance.choice((0, 0, 1)),
            "retry": _retry(chance, pace),
            "on_failure": _on_failure(chance, pace, head=id in HEADS),
        }
        # A head is asked, and changes nothing, unless it says otherwise.
        kind = chance.random()
        if kind < (0.75 if id in HEADS else 0.08):
            update |= {"read_only": True, "compensate": None}
        elif kind < 0.2 and not all_undoable and id not in HEADS:
            update |= {"compensate": None}
        elif kind > 0.9:
            update |= {"compensate_when": "always"}
        found[id] = found[id].model_copy(update=update)
    found[LAST] = found[LAST].model_copy(update={"read_only": True})
    undo = {"retry": _retry(chance, pace), "timeout": pace.silent}
    found["undo"] = found["undo"].model_copy(update=undo)
    return found


def _retry(chance: Random, pace: Pace) -> RetryPolicy:
    interval = pace.unit * chance.choice((0.5, 1.0))
    return RetryPolicy(
        attempts=chance.choice((1, 1, 1, 2, 3)), interval=interval, max_interval=4 * interval
    )


def _on_failure(chance: Random, pace: Pace, *, head: bool) -> FailurePolicy:
    strategy = chance.choices(list(FailureStrategy), (55, 20, 15, 0 if head else 10))[0]
    return FailurePolicy(
        strategy=strategy,
        rounds=chance.randint(1, 2),
        afterwards=chance.choice(("COMPENSATE", "MANUAL")),
        deadline=pace.unit * chance.choice((4, 15, 40)),
        default="compensate" if head else chance.choice(("compensate", "skip")),
    )


def _options(chance: Random, pace: Pace) -> SagaOptions:
    return SagaOptions(
        saga=chance.random() < 0.96,
        unattended=chance.random() < 0.1,
        undo_policy=chance.choice(("stop", "stop", "continue")),
        timeout=chance.choice((None, None, None, pace.unit * chance.uniform(3, 50))),
        finally_max=chance.choice((60.0, 60.0, 4 * pace.unit)),
        max_parallel=chance.choice((1, 2, 3, 50)),
        max_events=chance.choice((None, chance.randint(20, 60))),
    )


def _acts(chance: Random, pace: Pace) -> Iterator[Act]:
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
        yield Act(
            at=pace.unit * chance.triangular(0, 30, 4),
            kind=chance.choice(("cancel", "compensate", "compensate", "retry", "skip")),
            step=chance.choice((None, None, *STEPS)),
            in_flight=chance.choice(("await", "cancel")),
        )


def _words(policy: ComponentPolicy) -> str:
    told = policy.model_dump(exclude_defaults=True, exclude={"id", "kind", "needs"}, mode="json")
    return ", ".join(f"{name}={value}" for name, value in told.items())
