"""How fast chains compile, for chains of each shape and size; prints chains per second.

For developers and CI; run as `python -m benchmarks.el_compile`. EL is close enough to Python that
CPython's own `ast.parse` reads the same text, so the ratio of the two is a measure that does not
depend on the machine. `usual`, `small` and `wide` chains have a bound on it; `big` ones (5,000
nodes) on the time per node, against that of the same mixture with 50 nodes. All run interleaved in
one process, by CPU time, median of several rounds. The last line is JSON; the exit code is 1 when a
bound does not hold.
"""

import ast
import gc
import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import Final

from rules.checks.limits import Limits
from rules.compiler import ChainText, compile_chain
from rules.plan import ComponentPolicy

BOUND: Final = 8.0
GROWTH: Final = 1.5
ROUNDS: Final = 9
# A plan of 5,000 nodes with these ids is larger than an execution may carry.
_LIMITS: Final = Limits(plan=1024 * 1024)
_GROUP: Final = 4
_LEVELS: Final = 80
_BRANCHES: Final = 200
_TAGGED: Final = 0.15
_ONLY_STEPS: Final = 3
"""Up to so many steps, a chain is a row of them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Texts of one shape. `bound` is what they may take at most, in times of `ast.parse`."""

    name: str
    texts: Sequence[str]
    bound: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians over the rounds: CPU seconds per chain, and in times of `ast.parse`."""

    shape: Shape
    nodes: float
    seconds: float
    parse_seconds: float
    ratio: float

    @property
    def holds(self) -> bool:
        """Whether the ratio is within the bound."""
        return self.shape.bound is None or self.ratio <= self.shape.bound


def components() -> dict[str, ComponentPolicy]:
    """Two hundred common components and twenty boolean ones."""
    common = [ComponentPolicy(id=f"reserve{index}") for index in range(200)]
    boolean = [ComponentPolicy(id=f"isVip{index}", kind="boolean") for index in range(20)]
    return {policy.id: policy for policy in (*common, *boolean)}


def shapes() -> tuple[Shape, ...]:
    """The chains that are measured, the same on every run."""
    rng = random.Random(20)
    return (
        Shape("small", [_mixed(rng, rng.randint(2, 8)) for _ in range(600)], BOUND),
        Shape("usual", [_mixed(rng, 20) for _ in range(200)], BOUND),
        Shape("wide", [_wide(rng) for _ in range(30)], BOUND),
        Shape("deep", [_deep(rng) for _ in range(30)]),
        Shape("fifty", [_mixed(rng, 37) for _ in range(100)]),
        Shape("big", [_mixed(rng, 3_790)]),
    )


def _mixed(rng: random.Random, steps: int) -> str:
    """So many component occurrences, alone and in groups."""
    left = steps
    items: list[str] = []
    while left:
        size = min(left, rng.randint(1, _GROUP)) if steps > _ONLY_STEPS else 1
        left -= size
        items.append(_group(rng, size))
    return f"THEN({', '.join(items)})"


def _group(rng: random.Random, size: int) -> str:
    steps = [_step(rng) for _ in range(size)]
    if size == 1:
        return steps[0]
    form = rng.choice(("THEN", "WHEN", "IF"))
    if form != "IF":
        marks = rng.choice(("", "", '.id("part")', '.tag("part")'))
        return f"{form}({', '.join(steps)}){marks}"
    test = f"isVip{rng.randrange(20)}"
    if size == _GROUP:
        return f"IF({test}, WHEN({steps[1]}, {steps[2]})).ELSE({steps[3]})"
    return f"IF({', '.join([test, *steps[1:]])})"


def _wide(rng: random.Random) -> str:
    return f"WHEN({', '.join(_step(rng) for _ in range(_BRANCHES))})"


def _deep(rng: random.Random) -> str:
    text = _step(rng)
    for _ in range(_LEVELS):
        text = rng.choice(("THEN({0}, {1})", "WHEN({1}, {0})", "IF(isVip1, {1}, {0})")).format(
            _step(rng), text
        )
    return text


def _step(rng: random.Random) -> str:
    tag = f'.tag("t{rng.randrange(10)}")' if rng.random() < _TAGGED else ""
    return f"reserve{rng.randrange(200)}{tag}"


def measure(measured: Sequence[Shape]) -> list[Measured]:
    """Compile and parse all texts, in turn, for some rounds."""
    known = components()

    def compiled(text: str) -> int:
        chains = {"bench": ChainText("bench", text)}
        return compile_chain("bench", chains=chains, components=known, limits=_LIMITS).plan.nodes

    nodes = [sum(map(compiled, shape.texts)) / len(shape.texts) for shape in measured]
    ours: list[list[float]] = [[] for _ in measured]
    theirs: list[list[float]] = [[] for _ in measured]
    for _ in range(ROUNDS):
        for shape, mine, other in zip(measured, ours, theirs, strict=True):
            mine.append(_seconds(compiled, shape.texts))
            other.append(_seconds(ast.parse, shape.texts))
    return [
        Measured(
            shape,
            nodes[index],
            median(ours[index]),
            median(theirs[index]),
            median(mine / other for mine, other in zip(ours[index], theirs[index], strict=True)),
        )
        for index, shape in enumerate(measured)
    ]


def _seconds(run: Callable[[str], object], texts: Sequence[str]) -> float:
    """CPU seconds per text."""
    gc.collect()
    started = process_time()
    for text in texts:
        run(text)
    return (process_time() - started) / len(texts)


def main() -> int:
    """Measure, report, and say by the exit code whether all bounds hold."""
    found = {one.shape.name: one for one in measure(shapes())}
    print(f"CPU time, median of {ROUNDS} rounds, interleaved")
    print("shape   nodes  chains/s  us/chain  us/node  / ast.parse")
    for name, one in found.items():
        bound = "" if one.shape.bound is None else f" (at most {one.shape.bound:g})"
        print(
            f"{name:6} {one.nodes:6.0f} {1 / one.seconds:9.0f} {one.seconds * 1e6:9.1f} "
            f"{one.seconds / one.nodes * 1e6:8.2f} {one.ratio:8.2f}{bound}"
        )
    growth = _per_node(found["big"]) / _per_node(found["fifty"])
    print(f"time per node, big / fifty: {growth:.2f} (at most {GROWTH:g})")
    holds = growth <= GROWTH and all(one.holds for one in found.values())
    figures = {
        "chains_per_second": {name: round(1 / one.seconds) for name, one in found.items()},
        "ratio": {name: round(one.ratio, 2) for name, one in found.items()},
        "growth": round(growth, 2),
        "bound": BOUND,
        "growth_bound": GROWTH,
        "ok": holds,
    }
    print(json.dumps(figures))
    return 0 if holds else 1


def _per_node(one: Measured) -> float:
    return one.seconds / one.nodes


if __name__ == "__main__":
    sys.exit(main())
