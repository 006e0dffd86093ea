"""Cases of what chooses, asks and repeats, of included chains, and of operators in each other.

A part of the table in `tests.workflows.operators`; `tests.workflows.cases` has its words.
"""

from rules.execution import Status
from tests.workflows.cases import (
    LOST,
    UNDONE,
    Case,
    asked,
    cancelled,
)
from tests.workflows.dramas import MANUAL, PLAIN, Scene

PICKS = 'SWITCH(s).TO(THEN(a).id("a"), THEN(b).id("b").tag("t"), THEN(c).tag("u")).DEFAULT(d)'


def picks(answer: str, chosen: str) -> Case:
    return Case(f"THEN({PICKS}, e)", f"s {chosen} e", acts={"s": [answer]})


CHOICES = {
    # SWITCH
    "switch: by id": picks("a", "a"),
    "switch: by id and tag": picks("b:t", "b"),
    "switch: by tag": picks("tag:u", "c"),
    "switch: by tag alone": picks(":t", "b"),
    "switch: nothing fits": picks("b:u", "d"),
    "switch: null": picks("null", "d"),
    "switch: a colon": picks(":", "d"),
    "switch: no target": Case(
        'THEN(e, SWITCH(s).to(THEN(a).id("a")))', "e s", "e", UNDONE, acts={"s": ["z"]},
        code="NO_SWITCH_TARGET",
    ),
    "switch: a chain with a tag": Case(
        'THEN(SWITCH(s).TO(a, sub.tag("v")), d)', "s b c d", includes={"sub": "THEN(b, c)"},
        acts={"s": ["sub:v"]},
    ),
    "switch: the chosen chain fails": Case(
        'THEN(a, SWITCH(s).TO(sub.tag("v"), e), d)', "a s b c!", "b a", UNDONE, refused="c",
        includes={"sub": "THEN(b, c)"}, acts={"s": ["tag:v"]},
    ),
    "switch: the head fails": Case(
        "THEN(a, SWITCH(s).TO(b).DEFAULT(c))", "a s!", "a", UNDONE, refused="s",
    ),
    "switch: a cancel in the target": cancelled(
        'THEN(a, SWITCH(s).TO(THEN(b, c).id("one")), d)', "a s b", "b a", acts={"s": ["one"]},
    ),
    # IF and conditions
    "if: yes": Case("THEN(IF(x, a, b), c)", "x a c"),
    "if: the third ELIF": Case(
        "THEN(IF(x, a).ELIF(y, b).ELSE(c), d)", "x y c d!", "c", UNDONE, refused="d",
        acts={"x": ["no"], "y": ["no"]},
    ),
    "and: stops at the first no": Case(
        "THEN(IF(AND(x, y, z), a, b), c)", "x y b c", acts={"y": ["no"]},
    ),
    "or: stops at the first yes": Case(
        "THEN(IF(OR(x, y, z), a, b), c)", "x y a c", acts={"x": ["no"]},
    ),
    "not": Case("THEN(IF(NOT(x), a, b), c)", "x a c", acts={"x": ["no"]}),
    "and, or, not: nested": Case("THEN(IF(OR(NOT(x), AND(y, z)), a), b)", "x y z a b"),
    "and: a failing operand": Case(
        "THEN(a, IF(AND(x, y), b))", "a x!", "a", UNDONE, refused="x",
    ),
    "not: a failing operand is caught": Case(
        "THEN(CATCH(IF(NOT(OR(x, y)), b)).DO(c), d)", "x y! c d", refused="y", acts={"x": ["no"]},
    ),
    "and: a person answers for an operand": Case(
        "THEN(IF(AND(x, y), a, b), c)", "x y- a c", refused="y", policy=MANUAL,
        scenes=(Scene(Status.WAITING_DECISION, ("y",), "skip", {"output": True}),),
    ),
    # Loops
    "for: a number": Case("THEN(FOR(3).DO(a), b)", "a a a b"),
    "for: a head": Case("THEN(FOR(n).DO(THEN(a, b)), c)", "n a b a b c", acts={"n": ["2"]}),
    "for: nought": Case("THEN(FOR(n).DO(a), b)", "n b", acts={"n": ["0"]}),
    "for: every pass is undone": Case(
        "THEN(FOR(3).DO(THEN(a, b)), c)", "a b a b a b c!", "b a b a b a", UNDONE, refused="c",
    ),
    "for: a failure leaves the loop": Case(
        "THEN(FOR(3).DO(a), b)", "a a!", "a", UNDONE, acts={"a#1": ["refuse"]},
    ),
    "for: CATCH goes on with the next pass": Case(
        "THEN(FOR(3).DO(CATCH(a).DO(b)), c)", "a a! b a c", acts={"a#1": ["refuse"]},
    ),
    "for: break": Case("THEN(FOR(9).DO(a).BREAK(x), b)", "a x a x b", acts={"x": ["no", "ok"]}),
    "while: until no": Case(
        "THEN(WHILE(x).DO(a), b)", "x a x a x b!", "a a", UNDONE, refused="b",
        acts={"x": ["ok", "ok", "no"]},
    ),
    "while: true until break": Case(
        "THEN(WHILE(true).DO(a).BREAK(OR(x, y)), b)", "a x y a x b",
        acts={"x": ["no", "ok"], "y": ["no"]},
    ),
    "while: its head fails": Case(
        "THEN(WHILE(x).DO(a), b)", "x a x!", "a", UNDONE, acts={"x": ["ok", "refuse"]},
    ),
    "iterator": Case("THEN(ITERATOR(i).DO(a), b)", "i a a b", acts={"i": ["p,q"]}),
    "iterator: a failing pass": Case(
        "THEN(ITERATOR(i).DO(THEN(a, b)), c)", "i a b a b!", "a b a", UNDONE,
        acts={"i": ["p,q,r"], "b#1": ["refuse"]},
    ),
    "a loop in a loop": Case("THEN(FOR(2).DO(FOR(2).DO(a)), b)", "a a a a b"),
    "a loop in a loop, with break": Case(
        "THEN(FOR(2).DO(THEN(WHILE(x).DO(a).BREAK(y), b)).BREAK(z), c)",
        "x a y x a y b z x b z c!", "b b a a", UNDONE, refused="c",
        acts={"x": ["ok", "ok", "no"], "y": ["no", "ok"], "z": ["no"]},
    ),
    "a cancel leaves the loop": cancelled(
        "THEN(FOR(99).DO(IF(x, a, b)), c)", "x a x b", "b a", acts={"x": ["ok", "no"]},
    ),
    "a person retries in a pass": Case(
        "THEN(FOR(3).DO(a), b)", "a a a b", acts={"a": ["ok", "refuse", "ok"]}, policy=MANUAL,
        scenes=asked("retry", "a"),
    ),
    "parallel: all at once": Case(
        "THEN(FOR(3).parallel(true).DO(THEN(a, b)), c)", "a a a b b b c",
        acts={"a": ["until a*3"]},
    ),
    "parallel: a failed pass lets the others end": Case(
        "THEN(FOR(3).parallel(true).DO(THEN(a, b)), c)", "a! a a b b", "a/a/b/b", UNDONE,
        acts={"a#0": ["refuse"]},
    ),
    "parallel: break is asked when a pass has begun": Case(
        "THEN(FOR(9).DO(a).BREAK(x).parallel(true), b)", "a a x x b",
        acts={"x": ["no", "ok"], "a": ["until x*2"]},
    ),
    "parallel: iterator, in windows": Case(
        "THEN(ITERATOR(i).DO(THEN(a, b)).parallel(true), c)", "i a a a a a b b b b b c!",
        "a/a/a/a/a/b/b/b/b/b", UNDONE, refused="c", acts={"i": ["p,q,r,s,t"]},
        options={"max_parallel": 2},
    ),
    "parallel: a cancel": cancelled(
        "THEN(FOR(2).DO(THEN(b, c)).parallel(true), d)", "b b", "b/b",
    ),
    "parallel: a failed BREAK releases a pass that waits": Case(
        "THEN(a, FOR(2).DO(b).BREAK(x).parallel(true), d)", "a b! x!", "a", UNDONE, refused="b",
        acts={"x": ["until told refuse"]}, after="b", policy=MANUAL,
        changed={"test": {"on_failure": PLAIN}},
    ),
    "retry in a loop": Case(
        "THEN(FOR(2).DO(THEN(a).retry(1)), b)", "a! a a b", acts={"a": ["refuse", "ok"]},
    ),
    # Included chains, and what is said of things
    "chain: in a chain, with FINALLY": Case(
        "THEN(a, sub, f)", "a b d e! c", "c d b a", UNDONE, refused="e",
        includes={"sub": "THEN(b, inner, FINALLY(c))", "inner": "THEN(d, e)"},
    ),
    "chain: twice": Case(
        "THEN(sub, WHEN(sub, a), b)", "c a c b!", "a/c c", UNDONE, refused="b",
        includes={"sub": "THEN(c)"},
    ),
    "chain: a cancel inside": cancelled(
        "THEN(a, sub, d)", "a b", "b a", includes={"sub": "THEN(b, c)"},
    ),
    "data: the outer one wins": Case(
        'THEN(THEN(a.data("in"), b).data("out"), c.data("own"))', "a b c",
        context={"data of a": "out", "data of b": "out", "data of c": "own"},
    ),
    "bind, tag and id": Case(
        'THEN(THEN(a.bind("k", "in"), b).bind("k", "out", true).id("o").tag("t"), '
        'sub.bind("k", "sub").tag("u"), d)',
        "a b c d!", "c b a", UNDONE, refused="d", includes={"sub": "THEN(c)"},
    ),
    # Nested in each other
    "nested: CATCH in a loop in WHEN": Case(
        "THEN(WHEN(FOR(3).DO(CATCH(a).DO(c)), b), d)", "a a! a b c d!", "a/a/b/c", UNDONE,
        refused="d", acts={"a#1": ["refuse"]},
    ),
    "nested: WHEN in a CATCH in a loop": Case(
        "THEN(FOR(2).DO(CATCH(WHEN(a, THEN(b, FINALLY(c)))).DO(d)), e)", "a! b c d a b c e",
        acts={"a#0": ["refuse"]},
    ),
    "nested: SWITCH in IF in a parallel loop": Case(
        'THEN(FOR(2).DO(IF(NOT(x), SWITCH(s).TO(sub, a).DEFAULT(b))).parallel(true), c)',
        "x x s s b d! e d c!", "b/d/e", UNDONE, refused="c",
        acts={"x": ["no"], "s": ["sub"], "s#0": ["none"], "d": ["refuse", "ok"]},
        includes={"sub": "THEN(CATCH(d).DO(e), d)"},
    ),
    "nested: retry around percentage in a chain": Case(
        "THEN(a, sub.retry(1), f)", "a b c! d! b c d f",
        includes={"sub": "WHEN(b, c, d).percentage(1)"},
        acts={"c": ["refuse", "ok"], "d": ["refuse", "ok"]},
    ),
    "nested: FINALLY in CATCH in FINALLY": Case(
        "THEN(a, FINALLY(CATCH(THEN(b, FINALLY(c))).DO(d)), FINALLY(e))", "a! b! c d e", "e d c",
        UNDONE, refused="a b",
    ),
    "nested: a WHILE with retry in any": Case(
        "THEN(WHEN(WHILE(x).DO(THEN(a).retry(1)), b).any(true), c)", "x a! a x b c",
        acts={"x": ["ok", "no"], "a": ["refuse", "ok"], "b": ["until c"]}, in_one_run=LOST,
    ),
    "nested: a cancel in a loop in a loser's sibling": cancelled(
        "THEN(WHEN(a, c).any(true), FOR(3).DO(THEN(CATCH(b).DO(d), FINALLY(e))), f)", "a c b e",
        "a/b/e c", acts={"a": ["until told"]},
    ),
}  # fmt: skip
