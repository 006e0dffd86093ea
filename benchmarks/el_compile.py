"""How fast chains compile: `compile_chain` beside CPython's own `ast.parse` on the same texts.

For developers and CI; run as `python -m benchmarks.el_compile`. EL is close enough to Python that
both read the same text, so the ratio is a measure that does not depend on the machine. Both run
interleaved in one process, by CPU time, median of several rounds. The last line is JSON; the exit
code is 1 when the ratio is over the bound.
"""

import ast
import gc
import json
import random
import sys
from collections.abc import Callable, Sequence
from statistics import median
from time import process_time
from typing import Final

from rules.compiler import ChainText, compile_chain
from rules.plan import ComponentPolicy

BOUND: Final = 8.0
CHAINS: Final = 1_000
STEPS: Final = 20
ROUNDS: Final = 7
_GROUP: Final = 4
_TAGGED: Final = 0.15


def components() -> dict[str, ComponentPolicy]:
    """Two hundred common components and twenty boolean ones."""
    common = [ComponentPolicy(id=f"reserveStock{index}") for index in range(200)]
    boolean = [ComponentPolicy(id=f"isVip{index}", kind="boolean") for index in range(20)]
    return {policy.id: policy for policy in (*common, *boolean)}


def chain_texts() -> list[str]:
    """Different chains of `STEPS` component occurrences each, the same on every run."""
    rng = random.Random(20)
    return [_chain(rng) for _ in range(CHAINS)]


def _chain(rng: random.Random) -> str:
    left = STEPS
    items: list[str] = []
    while left:
        size = min(left, rng.randint(1, _GROUP))
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


def _step(rng: random.Random) -> str:
    tag = f'.tag("t{rng.randrange(10)}")' if rng.random() < _TAGGED else ""
    return f"reserveStock{rng.randrange(200)}{tag}"


def _seconds(run: Callable[[str], object], texts: Sequence[str]) -> float:
    started = process_time()
    for text in texts:
        run(text)
    return process_time() - started


def main() -> int:
    """Measure, report, and say by the exit code whether the bound holds."""
    texts = chain_texts()
    known = components()

    def compile_text(text: str) -> None:
        compile_chain("bench", chains={"bench": ChainText("bench", text)}, components=known)

    _seconds(compile_text, texts[:100])
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        gc.collect()
        theirs.append(_seconds(ast.parse, texts))
        gc.collect()
        ours.append(_seconds(compile_text, texts))
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    figures = {
        "chains": CHAINS,
        "steps": STEPS,
        "rounds": ROUNDS,
        "compile_us": round(median(ours) / CHAINS * 1e6, 1),
        "ast_parse_us": round(median(theirs) / CHAINS * 1e6, 1),
        "ratio": round(median(ratios), 2),
        "bound": BOUND,
        "ok": median(ratios) <= BOUND,
    }
    print(f"{CHAINS} chains of {STEPS} steps, CPU time, median of {ROUNDS} rounds")
    print(f"  text to plan  {figures['compile_us']:8} us per chain")
    print(f"  ast.parse     {figures['ast_parse_us']:8} us per chain")
    print(f"  ratio         {figures['ratio']:8} (bound {BOUND})")
    print(json.dumps(figures))
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
