"""The table behind `docs/el-differences.md`: what a chain does here where LiteFlow does otherwise.

Keyed by the number of the page's row and a few words.
"""

from pydantic import JsonValue

from tests.api.simulation.said import Said, Told, chooses, refuses, says, step, writes

NEVER: Said = {"access": False}
COMMON: Said = {"type": "common"}


def wrong(chain: str, category: str, **includes: JsonValue) -> Told:
    """A chain that does not compile."""
    return Told(chain, {"parse": "error", "error_category": category}, includes=includes)


def run(**expected: JsonValue) -> tuple[Said, Said]:
    return {"op": "run", "run": "main"}, expected


def put(chain: str, text: str, **expected: JsonValue) -> tuple[Said, Said]:
    return {"op": "set_chain", "id": chain, "el": text}, expected


UNKNOWN: Said = {"parse": "error", "error_category": "unknown_ref"}

LANGUAGE = {
    "1 arithmetic of literals": Told(
        "k = 'x' + \"1\"; FOR(5-2*2).DO(a.tag(k))", {"steps": "LOOP_1==>a"}
    ),
    "1 condition of the host": wrong("if (x) { THEN(a) }", "unsupported_host"),
    "1 comparison": wrong("THEN(a > b)", "unsupported_host"),
    "1 ternary": wrong("x ? THEN(a) : THEN(b)", "unsupported_host"),
    "1 subtraction of ids": wrong("THEN(a-b)", "unsupported_host"),
    "2 discarded statement": Told("THEN(a); THEN(b)", {"steps": "b"}),
    "2 shadowing": Told("a = THEN(b); THEN(a)", {"steps": "b"}),
    "3 itself": wrong("THEN(a, main)", "cyclic"),
    "3 through another": wrong("THEN(sub)", "cyclic", sub="IF(x, main)"),
    "3 extends": wrong("THEN(sub)", "unknown_ref", sub={"extends": "sub", "el": "{{0}}=a;"}),
    "4 the last good version serves": Told(
        "THEN(a)",
        ops=(
            run(steps="a"),
            put("main", "THEN(a, z)", **UNKNOWN),
            run(success=True, steps="a"),
            put("main", "THEN(b)", parse="ok"),
            run(steps="b"),
        ),
    ),
    "4 the others load": Told("THEN(a)", {"steps": "a"}, includes={"other": "THEN(z)"}),
    "4 mended by what it lacked": Told(
        "THEN(a, z)",
        ops=(
            run(success=False, error_category="unknown_ref"),
            ({"op": "add_node", "id": "z", "node": {"type": "common"}}, {"parse": "ok"}),
            run(success=True, steps="a==>z"),
        ),
    ),
    "19 second DO": wrong("FOR(2).DO(a).DO(b)", "duplicate_part"),
    "19 second DEFAULT": wrong("SWITCH(s).TO(a).DEFAULT(b).DEFAULT(c)", "duplicate_part"),
    "19 second BREAK": wrong("WHILE(x).DO(a).BREAK(y).BREAK(y)", "duplicate_part"),
    "19 second ELSE": wrong("IF(x, a).ELSE(b).ELSE(c)", "duplicate_else"),
    "19 ELSE behind an inner IF": wrong("IF(x, a, IF(y, b)).ELSE(c)", "duplicate_else"),
    "20 SWITCH without targets": Told(
        "THEN(a, SWITCH(s), b)", {"parse": "ok", "success": False, "steps": "a==>s"}
    ),
    "20 which is never reached": Told(
        "THEN(IF(x, SWITCH(s)), a)", {"success": True, "steps": "x==>a"}, {"x": says(False)}
    ),
    "20 loop without a body": wrong("THEN(a, WHILE(x).BREAK(y))", "structure"),
    "20 a default is enough": Told("SWITCH(s).DEFAULT(a)", {"steps": "s==>a"}),
    "21 unknown branch": wrong('WHEN(a, b).must("z")', "unknown_ref"),
    "29 no fallback of the kind": Told(
        'IF(AND(x, node("z")), a)', UNKNOWN, {"f": {"type": "common", "fallback": True}}
    ),
    "29 what was written stays": Told(
        'THEN(node("z").tag("t"))',
        nodes={"a": COMMON},
        ops=(
            ({"op": "add_node", "id": "z", "node": writes("{tag}")}, {"parse": "ok"}),
            run(records=["t"]),
        ),
    ),
    "30 blanks and comments": Told(
        "THEN(a)",
        nodes={"a": writes("{tag}")},
        ops=(({"op": "run", "run_el": "THEN(a.tag('x y'), // all\n b)"}, {"records": ["x y"]}),),
    ),
    "31 a route is a condition": Told(
        "THEN(a)",
        {"parse": "error", "error_category": "route_operand"},
        includes={"routed": {"route": "a", "body": "THEN(a)"}},
        more={"run": None},
    ),
    "31 no match is a failure": Told(
        "THEN(a)",
        {"parse": "ok", "success": False, "error": "NoRouteMatches"},
        {"x": says(False)},
        {"routed": {"route": "x", "body": "THEN(a)"}},
        {"run": None, "run_route": {}},
    ),
    "32 a template is no error": Told("THEN({{0}}, a)", {"parse": "ok"}, more={"run": None}),
    "32 nor can it run": Told(
        "THEN({{0}}, a)",
        {
            "parse": "ok",
            "phase": "execute",
            "success": False,
            "error_category": "placeholder_missing",
        },
    ),
    "32 a missing value": wrong(
        "THEN(sub)", "unknown_ref", base="THEN({{0}})", sub={"extends": "base", "el": "{{1}}=a;"}
    ),
    "35 a condition as a step": Told("THEN(AND(x, y), a)", {"steps": "x==>y==>a"}),
    "35 not as a target": wrong("IF(x, AND(x, y))", "structure"),
    "36 no pool of threads": Told('WHEN(a).threadPool("of.ours")', {"parse": "ok", "steps": "a"}),
    "37 categories: unknown operator": wrong("THEN(a).nosuch(1)", "unknown_function"),
    "37 categories: base": wrong("THEN(sub)", "unknown_ref", sub={"extends": "z", "el": ""}),
}

PARTS = {
    "10 PRE in WHEN": wrong("WHEN(PRE(a), b)", "structure"),
    "10 FINALLY in WHEN": wrong("WHEN(a, FINALLY(b))", "structure"),
    "10 PRE as a branch": wrong("IF(x, PRE(a))", "structure"),
    "10 FINALLY as a target": wrong('SWITCH(s).TO(FINALLY(a).id("b"))', "structure"),
    "11 PRE that is retried": Told(
        "THEN(a, PRE(b).retry(2), c)", {"steps": "b==>b==>a==>c"}, {"b": refuses(times=1)}
    ),
    "11 PRE with a limit": Told("THEN(a, PRE(b).maxWaitSeconds(5))", {"steps": "b==>a"}),
    "11 FINALLY that is retried": Told("THEN(a, FINALLY(b).retry(2), c)", {"steps": "a==>c==>b"}),
    "11 FINALLY with a limit": Told(
        "THEN(FINALLY(b).maxWaitMilliseconds(100), a)",
        {"success": False, "steps": "a==>b"},
        {"b": step(sleep_ms=200)},
    ),
    "12 FINALLY outside of the limit": Told(
        "THEN(THEN(a, FINALLY(b)).maxWaitMilliseconds(100), c)",
        {"success": False, "steps": "a==>b", "ctx": {"k": 1}, "error": "TimeoutException"},
        {"a": step(sleep_ms=200), "b": step(set_ctx={"k": 1})},
    ),
    "12 id and tag stay": Told(
        'SWITCH(s).TO(THEN(a, FINALLY(c)).id("j").tag("t").maxWaitSeconds(1), b)',
        {"steps": "s==>a==>c"},
        {"s": chooses("j:t")},
    ),
    "13 null is blank": Told(
        "SWITCH(s).TO(a).DEFAULT(c)", {"steps": "s==>c"}, {"s": chooses(None)}
    ),
    "13 null without a default": Told("SWITCH(s).TO(a)", {"success": False}, {"s": chooses(None)}),
    "14 a lone colon": Told("SWITCH(s).TO(a, b)", {"success": False}, {"s": chooses(":")}),
    "14 tag mode": Told(
        'SWITCH(s).TO(b.tag("t"), tagged.tag("t"))',
        {"steps": "s==>tagged"},
        {"s": chooses("tagged:t"), "tagged": COMMON},
    ),
    "15 retry and tag on a chain": Told(
        'SWITCH(s).TO(b, sub.tag("t").retry(1))',
        {"steps": "s==>a"},
        {"s": chooses("sub:t")},
        {"sub": "THEN(a)"},
    ),
    "15 bind on a chain": Told(
        'SWITCH(s).TO(sub.bind("k", "v"), b)',
        {"steps": "s==>a"},
        {"s": chooses("sub")},
        {"sub": "THEN(a)"},
    ),
    "15 must": Told(
        'WHEN(a.retry(1), b).must("a")',
        {"steps": "a==>b", "records": ["a"]},
        {"a": writes(), "b": writes(sleep_ms=100)},
    ),
    "16 data": Told(
        'THEN(sub.data("D"), sub)',
        {"records": ["D", "null"]},
        {"a": writes("{data}")},
        {"sub": "THEN(a)"},
    ),
    "16 bind that overrides": Told(
        'THEN(sub.bind("k", "outer", true), sub)',
        {"records": ["outer", "own"]},
        {"a": writes("{bind:k}")},
        {"sub": 'THEN(a.bind("k", "own"))'},
    ),
    "17 each use is a copy": Told(
        't = THEN(a); THEN(t.data("1"), t.data("2"), t)',
        {"records": ["1", "2", "null"]},
        {"a": writes("{data}")},
    ),
    "18 in a retry": Told(
        "ITERATOR(i).DO(a.retry(1))",
        {"records": ["0p", "0p", "1q"]},
        {"a": writes("{i}{obj}", throws={"class": "RuntimeException", "times": 1})},
    ),
    "18 in a chain that is bound": Told(
        'ITERATOR(i).DO(sub.bind("k", "v"))',
        {"records": ["0:p:v", "1:q:v"]},
        {"a": writes("{i}:{obj}:{bind:k}")},
        {"sub": "THEN(a)"},
    ),
    "22 a head that is not accessible": Told(
        "THEN(IF(x, a).ELSE(b), SWITCH(s).TO(b).DEFAULT(c), FOR(n).DO(a), d)",
        {"steps": "d"},
        {
            "x": says(True, **NEVER),
            "s": chooses("b", **NEVER),
            "n": {"type": "for", "returns": 1, **NEVER},
        },
    ),
    "23 nothing left of AND": Told(
        "IF(AND(x, y), a, b)",
        {"steps": "a"},
        {"x": says(False, **NEVER), "y": says(False, **NEVER)},
    ),
    "23 nothing left of OR": Told(
        "IF(OR(x, y), a, b)", {"steps": "b"}, {"x": says(True, **NEVER), "y": says(True, **NEVER)}
    ),
    "23 nothing left of NOT": Told(
        "IF(NOT(x), a, b)",
        {"success": False, "error": "NothingToNegate"},
        {"x": says(True, **NEVER)},
    ),
    "23 the operand's own error": Told(
        "IF(AND(x, y), a)",
        {"error": "IllegalStateException"},
        {"y": says(True, throws="IllegalStateException")},
    ),
    "23 an end is an end": Told(
        "THEN(IF(OR(x, y), a), b)", {"success": True, "steps": "x"}, {"x": says(True, set_end=True)}
    ),
}

RUNS = {
    "5 no hidden limit": Told("WHEN(a, b)", {"success": True}, {"a": step(sleep_ms=20_000)}),
    "5 a limit that is set": Told(
        "WHEN(a, b)",
        {"success": False, "timeout_items": ["a"]},
        {"a": step(sleep_ms=200)},
        more={"config": {"when_max_wait_ms": 100}},
    ),
    "6 the chain goes on": Told(
        "THEN(WHEN(a, b).any(true), c)",
        {"records": ["b", "c"]},
        {"a": writes(sleep_ms=300), "b": writes(), "c": writes()},
    ),
    "6 no further step": Told(
        "THEN(WHEN(THEN(a, d), b).any(true), c)", {"steps": "a==>b==>c"}, {"a": step(sleep_ms=300)}
    ),
    "6 writes are dropped": Told(
        "THEN(WHEN(a, b).any(true), c)",
        {"ctx": {"k": 1}},
        {"a": step(sleep_ms=100, count="k"), "b": step(count="k"), "c": step(sleep_ms=300)},
    ),
    "6 undone with the others": Told(
        "THEN(d, WHEN(a, b).any(true), c)",
        {"rollback": "a==>b==>d"},
        {"a": step(sleep_ms=300), "c": refuses()},
    ),
    "6 never changes the result": Told(
        "THEN(WHEN(THEN(a, d), b).any(true), c)",
        {"success": True},
        {"a": step(sleep_ms=300, throws="RuntimeException")},
    ),
    "7 completed by a failure": Told(
        "THEN(WHEN(a, b).any(true), c)",
        {"success": False, "rollback": "b"},
        {"a": refuses(), "b": step(sleep_ms=100)},
    ),
    "7 which is ignored": Told(
        "THEN(WHEN(a, b).any(true).ignoreError(true), c)",
        {"success": True, "records": ["c"]},
        {"a": refuses(), "b": writes(sleep_ms=100), "c": writes()},
    ),
    "8 nobody is accessible": Told(
        "THEN(WHEN(a, b).any(true), c)", {"steps": "c"}, {"a": step(**NEVER), "b": step(**NEVER)}
    ),
    "9 a nested failure": Told(
        "THEN(WHEN(THEN(a, b), c).ignoreError(true), d)",
        {"success": True, "rollback": ""},
        {"b": refuses()},
    ),
    "24 the error wins": Told(
        "THEN(a, b)",
        {"success": False, "error": "RuntimeException"},
        {"a": step(throws="RuntimeException", is_end=True)},
    ),
    "24 going on wins": Told(
        "THEN(a, b)",
        {"success": True, "steps": "a==>b", "status": {"a": "fail", "b": "ok"}},
        {"a": step(throws="RuntimeException", is_end=True, continue_on_error=True)},
    ),
    "25 a head has no result": Told(
        "IF(x, a)",
        {"success": False, "error": "NoResult"},
        {"x": says(True, throws="RuntimeException", continue_on_error=True)},
    ),
    "26 named types": Told(
        'a.retry(2, "IllegalStateException")', {"steps": "a"}, {"a": refuses("ArithmeticException")}
    ),
    "26 a base of the type": Told(
        'a.retry(2, "java.lang.IllegalArgumentException")',
        {"steps": "a==>a==>a"},
        {"a": refuses("NumberFormatException")},
    ),
    "27 attempts multiply": Told(
        "a.retry(1)", {"steps": "a==>a==>a==>a"}, {"a": step(throws="RuntimeException", retry=1)}
    ),
    "28 a refused step is not undone": Told(
        "THEN(a, b, c)", {"rollback": "b==>a"}, {"c": refuses()}
    ),
    "28 once per pass": Told(
        "THEN(FOR(2).DO(a), c)",
        {"rollback": "a==>a", "records": ["1", "0"]},
        {"a": step(rollback_record="{i}"), "c": refuses()},
    ),
    "28 in reverse order of completion": Told(
        "THEN(WHEN(a, b), c)", {"rollback": "a==>b"}, {"a": step(sleep_ms=100), "c": refuses()}
    ),
    "28 a script has no undo": Told(
        "THEN(a, k, c)",
        {"rollback": "a"},
        {"k": {"type": "script", "language": "python", "script": "x = 1"}, "c": refuses()},
    ),
    "33 return leaves the script": Told(
        "SWITCH(s).TO(a, b)",
        {"steps": "s==>a"},
        {
            "s": {
                "type": "switch_script",
                "language": "python",
                "script": "if True:\n    return 'a'\nreturn 'b'",
            }
        },
    ),
    "33 nothing leaks": Told(
        "THEN(IF(x, a), IF(y, b))",
        {"success": False, "steps": "x==>a==>y"},
        {
            "x": {"type": "boolean_script", "language": "python", "script": "return True"},
            "y": {"type": "boolean_script", "language": "python", "script": "z = 1"},
        },
    ),
    "33 plain data": Told(
        'THEN(k.data("plain"))',
        {"ctx": {"d": "plain"}},
        {
            "k": {
                "type": "script",
                "language": "python",
                "script": 'defaultContext.setData("d", _meta["cmpData"])',
            }
        },
    ),
    "38 a failed one fails nobody": Told(
        "THEN(a, k, b)",
        {"success": True, "steps": "a==>k==>c==>d==>b", "rollback": "c"},
        {"k": step(invoke="sub"), "d": refuses()},
        {"sub": "THEN(c, d)"},
    ),
    "38 undone before its caller": Told(
        "THEN(a, k, d)",
        {"rollback": "c==>k==>a"},
        {"k": step(invoke="sub"), "d": refuses()},
        {"sub": "THEN(c)"},
    ),
    "39 names and attempts": Told(
        "THEN(a.retry(1), FOR(1).DO(b))",
        {"steps": "a[First]==>a[First]==>LOOP_1==>b"},
        {"a": step(name="First", throws={"class": "RuntimeException", "times": 1})},
    ),
    "39 attempts stand together": Told(
        "WHEN(a.retry(1), THEN(b, c))",
        {"steps": "a==>a==>b==>c"},
        {"a": step(sleep_ms=100, throws={"class": "RuntimeException", "times": 1})},
    ),
}

CORNERS = {
    "40 a failed undo": Told(
        "THEN(a, b, c)",
        {"rollback": "b==>a", "undo_failed": ["b"], "records": ["b!", "a!"]},
        {
            "a": step(rollback_record="a!"),
            "b": step(rollback_throws=True, rollback_record="b!"),
            "c": refuses(),
        },
    ),
    "41 in a loser's branch": Told(
        "THEN(WHEN(THEN(a, FINALLY(d)), b).any(true), c)",
        {"rollback": "d==>a==>b", "ctx": {}},
        {"a": step(sleep_ms=100), "d": step(set_ctx={"k": 1}), "c": refuses()},
    ),
    "42 success after the time": Told(
        "THEN(CATCH(a.maxWaitMilliseconds(100)), b)",
        {"rollback": "a", "status": {"a": "ok", "b": "fail"}},
        {"a": step(sleep_ms=200), "b": refuses()},
    ),
    "42 a refusal after the time": Told(
        "THEN(CATCH(a.maxWaitMilliseconds(100)), b)",
        {"rollback": "", "status": {"a": "fail", "b": "fail"}},
        {"a": step(sleep_ms=200, throws="RuntimeException"), "b": refuses()},
    ),
    "42 a pass of a block each": Told(
        "a.maxWaitMilliseconds(100).retry(1)",
        {"steps": "a==>a", "rollback": "a==>a"},
        {"a": step(sleep_ms=200)},
    ),
    "43 the last attempt's writes": Told(
        "THEN(CATCH(a.retry(2)), b)",
        {"ctx": {"k": 1}, "records": ["a", "a", "a"]},
        {"a": writes(count="k", throws="RuntimeException")},
    ),
    "44 every failure": Told(
        'a.retry(1, "Exception")', {"steps": "a==>a"}, {"a": refuses("java.io.IOException")}
    ),
    "44 every unchecked one": Told(
        'a.retry(1, "RuntimeException")', {"steps": "a"}, {"a": refuses("java.io.IOException")}
    ),
    "45 an end is not ignored": Told(
        "THEN(WHEN(a, b).ignoreError(true), c)",
        {"success": True, "steps": "a==>b"},
        {"a": step(set_end=True)},
    ),
    "45 a failure wins over an end": Told(
        "THEN(WHEN(a, b), c)", {"success": False}, {"a": step(set_end=True), "b": refuses()}
    ),
    "46 its own retry comes first": Told(
        "THEN(a.retry(3), b)",
        {"success": True, "steps": "a==>a==>b"},
        {"a": step(throws="RuntimeException", retry=1, continue_on_error=True)},
    ),
    "47 a question that fails": Told(
        "THEN(a, b)",
        {"success": False, "steps": "a", "rollback": "a"},
        {"b": step(access={"op": "throws"})},
    ),
    "47 a head that chose nothing": Told(
        "THEN(a, SWITCH(s).TO(b))",
        {"success": False, "rollback": "s==>a"},
        {"s": chooses("z", rollback=True)},
    ),
    "48 the chain that is run": Told("THEN(sub)", UNKNOWN, includes={"sub": "THEN(z)"}),
    "49 no result": Told(
        "ITERATOR(i).DO(a)", {"success": False, "error": "BadOutput"}, {"i": {"type": "iterator"}}
    ),
}

CASES: dict[str, Told] = {**LANGUAGE, **PARTS, **RUNS, **CORNERS}
