"""Cases of steps that run chains, and of what is undone of them.

A part of the table in `tests.workflows.operators`; `tests.workflows.cases` has its words. The step
with the tag `r` runs the chains of `tests.workflows.callers` that stand under `chains`.
"""

from tests.workflows.cases import FAILED, UNDONE, Case, cancelled

PAIR = {"chains": ["pair"]}
RUNS = 'calls.tag("r")'

CANCELLED_CALL = cancelled(
    'THEN(a, calls.tag("b"))',
    "a b?",
    "b a",
    {"chains": ["held"], "h": ["until told"], "grace": ["15"]},
)
"""How far the sub-run comes before it is cancelled is chance, so that it is not in the table."""

CALLS = {
    "runs: a chain, whose writes are the caller's": Case(
        f"THEN(a, {RUNS}, b)", "a r b", acts=PAIR, context={"did p": 1, "did q": 1},
    ),
    "runs: a failure that fails nobody": Case(
        f"THEN({RUNS}, b)", "r b", acts={**PAIR, "q": ["refuse"]},
    ),
    "runs: a failure that is raised": Case(
        f"THEN(a, {RUNS})", "a r!", "a", UNDONE, code="CHAIN_FAILED",
        acts={**PAIR, "q": ["refuse"], "check": [""]},
    ),
    "runs: nothing was done, nothing is undone": Case(
        f"THEN({RUNS})", "r!", "", FAILED, acts={"chains": ["bare"], "check": [""]},
    ),
    "runs: undone with the caller": Case(
        f"THEN({RUNS}, b)", "r b!", "r", UNDONE, acts={"chains": ["pair", "one"]}, refused="b",
    ),
    "runs: undone before the caller's own undo": Case(
        'THEN(callsAndUndoes.tag("r"), b)', "r b!", "r", UNDONE, acts=PAIR, refused="b",
    ),
    "runs: undone after a refusal, too": Case(
        f"THEN({RUNS}, b)", "r!", "r", UNDONE, acts=PAIR, refused="r",
    ),
    "runs: what sub-runs run": Case(
        f"THEN({RUNS}, b)", "r b!", "r", UNDONE, refused="b",
        acts={"chains": ["outer"], "inner chains": ["pair"]},
    ),
    "runs: side by side": Case(
        f'WHEN({RUNS}, calls.tag("s"))', "r s", context={"did p": 4, "did q": 4},
        acts={"chains": ["pair", "pair"], "at once": [""]},
    ),
    "runs: in each pass of a loop": Case(
        f"THEN(FOR(2).DO({RUNS}), b)", "r r b!", "r r", UNDONE, acts=PAIR, refused="b",
    ),
    "runs: in a FINALLY": Case(
        f"THEN(a, FINALLY({RUNS}))", "a! r", "r", UNDONE, acts=PAIR, refused="a",
    ),
    "runs: on a thread": Case('THEN(callsOnThread.tag("r"), b)', "r b", acts=PAIR),
    "runs: found by another attempt": Case(
        f"THEN({RUNS}.retry(1), b)", "r b", attempts={"r": 2}, context={"did p": 1},
        acts={**PAIR, "r": ["error", "ok"]},
    ),
    "runs: once more after a failure that left nothing": Case(
        f"THEN({RUNS}.retry(1))", "r!", "", FAILED, attempts={"r": 2},
        acts={**PAIR, "p": ["refuse"], "check": [""]},
    ),
    "runs: a chain that nobody knows": Case(
        f"THEN({RUNS}, b)", "r b", acts={"chains": ["nope", "pair"]}, context={"did p": 1},
    ),
}  # fmt: skip
