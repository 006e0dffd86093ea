"""Cases of what runs in a row, side by side, first, last, guarded, again, and for a limited time.

A part of the table in `tests.workflows.operators`; `tests.workflows.cases` has its words.
"""

from rules.execution import Cause
from tests.workflows.cases import (
    FAILED,
    LOST,
    UNDONE,
    Case,
    asked,
    cancelled,
)
from tests.workflows.dramas import MANUAL

SOON = "maxWaitMilliseconds(300)"

BLOCKS = {
    "then: by its other names": Case("SER(a, PAR(b, c), d)", "a b c d"),
    "then: a failure undoes what was done": Case(
        "THEN(a, b, c)", "a b!", "a", UNDONE, refused="b", cause=Cause.FAILURE, code="AS_SCRIPTED",
    ),
    "node": Case('THEN(node("work").tag("a"), NODE("work").tag("b"))', "a b"),
    # CATCH
    "catch: nothing fails": Case("THEN(CATCH(a).DO(b), c)", "a c"),
    "catch: absorbed, handler runs": Case("THEN(CATCH(a).DO(b), c)", "a! b c", refused="a"),
    "catch: without a handler": Case("THEN(CATCH(a), b)", "a! b", refused="a"),
    "catch: what it absorbed is undone later": Case(
        "THEN(CATCH(THEN(a, b)).DO(c), d)", "a b? c d!", "c b a", UNDONE, refused="d",
        acts={"b": ["error"]},
    ),
    "catch: the handler fails": Case(
        "THEN(a, CATCH(b).DO(c), d)", "a b! c!", "a", UNDONE, refused="b c",
    ),
    "catch: in a catch": Case(
        "THEN(CATCH(THEN(a, CATCH(b).DO(c))).DO(d), e)", "a b! c! d e", refused="b c",
    ),
    "catch: a cancel is not absorbed": cancelled("THEN(CATCH(THEN(b, c)).DO(d), e)", "b", "b"),
    "catch: a cancel while the handler runs": cancelled(
        "THEN(CATCH(a).DO(b), c)", "a! b", "b", refused="a",
    ),
    "catch: a person's compensate is not absorbed": Case(
        "THEN(a, CATCH(b).DO(c), d)", "a b!", "a", UNDONE, refused="b", policy=MANUAL,
        scenes=asked("compensate", "b"), cause=Cause.OPERATOR,
    ),
    "catch: a person skips inside": Case(
        "THEN(CATCH(THEN(a, b, c)).DO(d), e)", "a b- c e", refused="b", policy=MANUAL,
        scenes=asked("skip", "b"),
    ),
    "catch: a person retries inside": Case(
        "THEN(CATCH(THEN(a, b, c)).DO(d), e)", "a b c e", acts={"b": ["refuse", "ok"]},
        policy=MANUAL, scenes=asked("retry", "b"),
    ),
    # retry
    "retry: of a node keeps path and entry": Case(
        "THEN(a.retry(2), b)", "a b", acts={"a": ["refuse", "refuse", "ok"]}, attempts={"a": 3},
    ),
    "retry: of a node multiplies with its component's": Case(
        "THEN(a.retry(1), b)", "a!", status=FAILED, refused="a", attempts={"a": 4},
        changed={"work": {"retry": {"attempts": 2, "interval": 0.01}}},
    ),
    "retry: of a node for other types only": Case(
        'THEN(a.retry(5, "ValueError"), b)', "a?", "a", UNDONE, acts={"a": ["error"]},
        attempts={"a": 1},
    ),
    "retry: of a node for a base type": Case(
        'THEN(a.retry(1, "OSError"), b)', "a?", "a", UNDONE, acts={"a": ["error"]},
        attempts={"a": 2},
    ),
    "retry: of a block is a new pass": Case(
        "THEN(THEN(a, b).retry(1), c)", "a b! a b c", acts={"b": ["refuse", "ok"]},
    ),
    "retry: every pass is undone": Case(
        "THEN(THEN(a, b).retry(2), c)", "a b! a b! a b!", "a a a", UNDONE, refused="b",
    ),
    "retry: in a retry": Case(
        "THEN(THEN(THEN(a).retry(1), b).retry(1), c)", "a! a! a b c",
        acts={"a": ["refuse", "refuse", "ok"]},
    ),
    "retry: types of the failure": Case(
        'THEN(THEN(a).retry(3, "ConnectionError"), b)', "a!", status=FAILED, refused="a",
    ),
    "retry: of what ignores errors never happens": Case(
        "THEN(WHEN(a, b).ignoreError(true).retry(3), c)", "a! b c", refused="a",
    ),
    "retry: of an included chain": Case(
        "THEN(a, sub.retry(1), d)", "a b c! b c d", includes={"sub": "THEN(b, c)"},
        acts={"c": ["refuse", "ok"]},
    ),
    "retry: a cancel ends it": cancelled(
        "THEN(THEN(a, b).retry(9), c)", "a b!", "a", acts={"b": ["until told refuse"]},
    ),
    "retry: a person's retry comes first": Case(
        "THEN(THEN(a, b).retry(1), c)", "a b c", acts={"b": ["refuse", "ok"]}, policy=MANUAL,
        scenes=asked("retry", "b"),
    ),
    # PRE and FINALLY
    "pre: first, wherever it stands": Case("THEN(a, PRE(b), c, PRE(d))", "b d a c"),
    "pre: its failure skips the body, not FINALLY": Case(
        "THEN(a, PRE(b, c), FINALLY(d))", "b c! d", "d b", UNDONE, refused="c",
    ),
    "pre: under retry": Case(
        "THEN(a, PRE(b).retry(1))", "b! b a", acts={"b": ["refuse", "ok"]},
    ),
    "finally: after success": Case("THEN(THEN(a, FINALLY(b)), c)", "a b c"),
    "finally: after a failure, before the undo": Case(
        "THEN(a, THEN(b, c, FINALLY(d), FINALLY(e)), f)", "a b! d e", "e d a", UNDONE,
        refused="b",
    ),
    "finally: its failure replaces the error": Case(
        "THEN(a, b, FINALLY(THEN(c, d)), FINALLY(e))", "a b! c!", "a", UNDONE, refused="b c",
    ),
    "finally: after a cancel, innermost first": cancelled(
        "THEN(THEN(b, a, FINALLY(c)), d, FINALLY(e))", "b c e", "e c b",
    ),
    "finally: after a person's compensate": Case(
        "THEN(a, THEN(b, FINALLY(c)), d)", "a b? c", "c b a", UNDONE, acts={"b": ["error"]},
        policy=MANUAL, scenes=asked("compensate", "b"), cause=Cause.OPERATOR,
    ),
    "finally: not of a block that never began": cancelled("THEN(b, THEN(a, FINALLY(c)))", "b", "b"),
    "finally: shielded from a cancel in its midst": cancelled(
        "THEN(a, FINALLY(THEN(b, c)), FINALLY(d))", "a b c d", "d c b a",
    ),
    "finally: each at most so long": Case(
        "THEN(CATCH(THEN(a, FINALLY(THEN(b, c)))).DO(d), e)", "a b d e",
        acts={"b": ["until d"]}, options={"finally_max": 0.3},
    ),
    "finally: under retry it ends every pass": Case(
        "THEN(THEN(a, FINALLY(b)).retry(1), c)", "a! b a b c", acts={"a": ["refuse", "ok"]},
    ),
    "finally: retried itself": Case(
        "THEN(a, FINALLY(THEN(b, c)).retry(1))", "a! b c! b c", "c b b", UNDONE, refused="a",
        acts={"c": ["refuse", "ok"]},
    ),
    "finally: in a CATCH": Case(
        "THEN(CATCH(THEN(a, FINALLY(b))).DO(c), d)", "a! b c d", refused="a",
    ),
    "finally: in a loop": Case(
        "THEN(FOR(3).DO(THEN(a, FINALLY(b))), c)", "a b a! b", "b b a", UNDONE,
        acts={"a": ["ok", "refuse"]},
    ),
    # WHEN
    "when: a failed branch lets the others end": Case(
        "THEN(a, WHEN(b, THEN(c, d)), e)", "a b! c d", "d c a", UNDONE, refused="b",
    ),
    "when: a cancel lets the branches end their steps": cancelled(
        "THEN(a, WHEN(THEN(b, c), THEN(d, e)), f)", "a b d", "b/d a", acts={"d": ["until told"]},
    ),
    "when: threads are Temporal's": Case('THEN(WHEN(a, b).threadPool("own.Pool"), c)', "a b c"),
    "any: the first that is done": Case(
        "THEN(WHEN(a, b, c).any(true), d)", "a b c d", acts={"a": ["until d"], "c": ["until d"]},
    ),
    "any: a loser starts no further step, and is undone": Case(
        "THEN(WHEN(THEN(a, e), b).any(true), d)", "a b d!", "a b", UNDONE, refused="d",
        acts={"a": ["until d"]},
    ),
    "any: a loser is awaited before the end": Case(
        "THEN(WHEN(a, b).any(true), FINALLY(c))", "a b c", acts={"a": ["until c"]},
    ),
    "any: a loser's failure changes nothing": Case(
        "THEN(WHEN(a, b).any(true), d)", "a? b d", acts={"a": ["until d error"]},
    ),
    "any: done by a failing branch": Case(
        "THEN(WHEN(a, b).any(true), d, FINALLY(c))", "a b! c", "a/c", UNDONE, refused="b",
        acts={"a": ["until c"]},
    ),
    "any: done by a failing branch, ignored": Case(
        "THEN(WHEN(a, b).any(true).ignoreError(true), d)", "a b! d", refused="b",
        acts={"a": ["until d"]},
    ),
    "any: what a loser's FINALLY owes": Case(
        "THEN(WHEN(THEN(a, e, FINALLY(c)), b).any(true), d)", "a b d! c", "c a b", UNDONE,
        refused="d", acts={"a": ["until d"]},
    ),
    "any: a loser waits for no person": Case(
        "THEN(WHEN(a, b).any(true), d)", "a! b d", acts={"a": ["until d refuse"]}, policy=MANUAL,
    ),
    "any: done while a branch waits for a person": Case(
        "THEN(WHEN(a, b).any(true), d)", "a! b d", refused="a", acts={"b": ["until told"]},
        policy=MANUAL, after="a",
    ),
    "any: a cancel while a loser runs": cancelled(
        "THEN(WHEN(a, c).any(true), b, d)", "a c b", "a/b c", acts={"a": ["until told"]},
    ),
    "any: in an any": Case(
        "THEN(WHEN(WHEN(a, b).any(true), c).any(true), d)", "a b c d",
        acts={"a": ["until d"], "c": ["until d"]},
    ),
    "any: in a loop": Case(
        "THEN(FOR(2).DO(THEN(WHEN(a, b).any(true), c)), d)", "a a b b c c d!",
        "a/a/b/b/c/c", UNDONE, refused="d", acts={"a": ["until c*1", "until c*2"]},
        in_one_run=LOST,
    ),
    "any: retried while the loser runs": Case(
        "THEN(WHEN(a, b).any(true).retry(1), c)", "a a b! b c",
        acts={"a": ["until b*2", "until c"], "b": ["refuse", "ok"]},
    ),
    "must: waits for those": Case(
        'THEN(WHEN(THEN(a).id("m"), b, THEN(c).id("k")).must("m", "k"), d)', "a b c d",
        acts={"b": ["until d"]},
    ),
    "must: a failure that came in time counts": Case(
        'THEN(WHEN(THEN(a).id("m"), b).must("m"), d)', "a b!", "a", UNDONE, refused="b",
        acts={"a": ["until told"]}, after="b",
    ),
    "must: a failure that comes too late does not": Case(
        'THEN(WHEN(sub, b).must("sub"), d)', "a b! d", includes={"sub": "THEN(a)"},
        acts={"b": ["until d refuse"]},
    ),
    "percentage: half of three is two": Case(
        "THEN(WHEN(a, b, c).percentage(0.5), d)", "a b c d", acts={"a": ["until d"]},
    ),
    "percentage: nought is one": Case(
        "THEN(WHEN(a, b).percentage(0), d)", "a b d!", "a b", UNDONE, refused="d",
        acts={"a": ["until d"]},
    ),
    "ignoreError: failures are swallowed": Case(
        "THEN(WHEN(THEN(a, e), b).ignoreError(true), d)", "a! b! d", refused="a b",
    ),
    "ignoreError: what it absorbed is undone later": Case(
        "THEN(WHEN(a, b).ignoreError(true), d)", "a? b d!", "a/b", UNDONE, refused="d",
        acts={"a": ["error"]},
    ),
    "ignoreError: a cancel is not swallowed": cancelled(
        "THEN(WHEN(b, a).ignoreError(true), c)", "b a!", "b", refused="a",
    ),
    # maxWait
    "maxWait: in time": Case("THEN(a.maxWaitSeconds(60), b)", "a b"),
    "maxWait: too late is a failure, and the step is awaited": Case(
        f"THEN(THEN(a, e).{SOON}, FINALLY(c))", "a c", "a/c", UNDONE, acts={"a": ["until c"]},
        code="BRANCH_TIMEOUT",
    ),
    "maxWait: a late refusal counts": Case(
        f"THEN(b, a.{SOON}, FINALLY(c))", "b a! c", "c b", UNDONE, acts={"a": ["until c refuse"]},
        code="BRANCH_TIMEOUT",
    ),
    "maxWait: absorbed by CATCH": Case(
        f"THEN(CATCH(a.{SOON}).DO(b), c)", "a b c", acts={"a": ["until b"]},
    ),
    "maxWait: retried as a block": Case(
        "THEN(a.maxWaitMilliseconds(2000).retry(1), b)", "a a b", acts={"a": ["until a*2", "ok"]},
    ),
    "maxWait: FINALLY runs when the time is over": Case(
        f"THEN(THEN(a, e, FINALLY(c)).{SOON}, FINALLY(d))", "a c d", "a/c/d", UNDONE,
        acts={"a": ["until c"]}, code="BRANCH_TIMEOUT",
    ),
    "maxWait: FINALLY further in runs all the same": Case(
        f"THEN(THEN(THEN(a, e, FINALLY(c)), b).{SOON}, FINALLY(d))", "a d c", "a/c/d", UNDONE,
        acts={"a": ["until d"]}, code="BRANCH_TIMEOUT",
    ),
    "maxWait: of one branch": Case(
        f"THEN(WHEN(a, b).{SOON}.ignoreError(true), d)", "a b d", acts={"a": ["until d"]},
    ),
    "maxWait: of an included chain": Case(
        f"THEN(CATCH(sub.{SOON}).DO(c), d)", "a c d!", "a/c", UNDONE, refused="d",
        includes={"sub": "THEN(a, b)"}, acts={"a": ["until c"]},
    ),
    "maxWait: in a loop": Case(
        "THEN(FOR(2).DO(CATCH(a.maxWaitMilliseconds(2000)).DO(b)), c)", "a b a c",
        acts={"a": ["until b", "ok"]},
    ),
    "maxWait: a cancel in its midst": cancelled("THEN(b.maxWaitSeconds(60), c)", "b", "b"),
}  # fmt: skip
