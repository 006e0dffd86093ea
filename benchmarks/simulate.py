"""How many cases `chainsaga simulate` answers in a second.

For developers and CI; run as `python -m benchmarks.simulate`. A thousand cases of ten kinds, in one
process, as the command answers them. The last line is JSON; the exit code is 1 when they take more
than ten seconds of CPU.
"""

import gc
import json
import sys
from time import process_time
from typing import Final

from api.simulation.cases import read_case
from api.simulation.simulate import simulate

CASES: Final = 1_000
BOUND: Final = 10.0
NODES: Final = {
    **{letter: {"type": "common", "rollback": True, "record": "{id}"} for letter in "abcdef"},
    "slow": {"type": "common", "rollback": True, "sleep_ms": 900},
    "bad": {"type": "common", "throws": "IllegalStateException"},
    "x": {"type": "boolean", "returns": True},
    "s": {"type": "switch", "returns": "b"},
    "i": {"type": "iterator", "returns": ["p", "q", "r"]},
}
CHAINS: Final = (
    "THEN(a, b, c, d, e, f)",
    "THEN(a, WHEN(b, c, slow), IF(x, d, e), f)",
    "THEN(PRE(a), b, bad, FINALLY(c))",
    "THEN(a, SWITCH(s).TO(b, c), CATCH(THEN(d, bad)).DO(e))",
    "THEN(a, ITERATOR(i).DO(THEN(b, c)), bad)",
    "THEN(FOR(10).DO(a), WHEN(b, slow).any(true), c)",
    "THEN(a, slow.maxWaitMilliseconds(100), b)",
    "THEN(a, THEN(b, bad).retry(3))",
    "WHEN(THEN(a, b), THEN(c, d), THEN(e, f)).ignoreError(true)",
    "THEN(a, missing)",
)


def main() -> int:
    """Answer the cases, print how long it took, and compare with the bound."""
    lines = [
        json.dumps(
            {
                "id": f"case {number}",
                "chains": {"main": CHAINS[number % len(CHAINS)]},
                "nodes": NODES,
                "run": "main",
            }
        )
        for number in range(CASES)
    ]
    # As the command does it.
    gc.disable()
    began = process_time()
    for line in lines:
        json.dumps(simulate(read_case(line)))
    seconds = process_time() - began
    each = CASES / seconds
    print(f"{CASES} cases in {seconds:.1f} s CPU, at most {BOUND:g} s: {each:.0f} a second")
    print(json.dumps({"cases": CASES, "seconds": round(seconds, 2)}))
    return 0 if seconds <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
