"""The table of what a case can say: every field at least once, beside the table of differences."""

from tests.api.simulation.said import Said, Told, chooses, refuses, says, step, writes

COMMON: Said = {"type": "common"}


def index(op: str, value: int) -> Said:
    return {"op": f"loop_index_{op}", "value": value}


NODES = {
    "types": Told(
        "THEN(IF(x, a), SWITCH(s).TO(b), FOR(n).DO(c), ITERATOR(i).DO(d))",
        {"success": True, "steps": "x==>a==>s==>b==>n==>c==>c==>i==>d==>d"},
    ),
    "name": Told("THEN(a, b)", {"steps": "a[Order]==>b"}, {"a": step(name="Order")}),
    "throws": Told(
        "THEN(a)",
        {"success": False, "error": "IllegalStateException", "message": "no", "code": "REFUSED"},
        {"a": step(throws={"class": "IllegalStateException", "message": "no"})},
    ),
    "throws in the first calls": Told(
        "FOR(3).DO(CATCH(a).DO(b))",
        {"steps": "LOOP_3==>a==>b==>a==>b==>a"},
        {"a": refuses(times=2)},
    ),
    "throws in one pass": Told(
        "FOR(3).DO(a)",
        {"success": False, "steps": "LOOP_3==>a==>a"},
        {"a": refuses(when_loop_index=1)},
    ),
    "throws with a code": Told(
        "THEN(a)",
        {"error": "CustomLiteFlowException", "code": "E-7"},
        {"a": refuses("LiteFlowException:E-7")},
    ),
    "throws a class of another package": Told(
        "THEN(a)", {"error": "IOException"}, {"a": refuses("java.io.IOException")}
    ),
    "sleep": Told(
        "WHEN(a, b)", {"records": ["b", "a"]}, {"a": writes(sleep_ms=10_000_000), "b": writes()}
    ),
    "sleep for longer than anything": Told(
        "THEN(a, b)", {"success": True, "steps": "a==>b"}, {"a": step(sleep_ms=1e18)}
    ),
    "sleep by tag": Told(
        'WHEN(a.tag("2"), a.tag("1"))',
        {"records": ["1", "2"]},
        {"a": writes("{tag}", sleep_ms={"op": "tag_seconds", "scale": 0.3})},
    ),
    "access": Told("THEN(a, b)", {"steps": "b"}, {"a": step(access=False)}),
    "access by an answer": Told(
        'THEN(a.tag("false"), a.tag("TRUE"))',
        {"records": ["TRUE"]},
        {"a": writes("{tag}", access={"op": "tag_bool"})},
    ),
    "access that throws": Told(
        "THEN(a)",
        {"success": False, "error": "IllegalStateException", "steps": ""},
        {"a": step(access={"op": "throws"})},
    ),
    "end in access": Told(
        "THEN(a, b)", {"success": True, "steps": ""}, {"a": step(access=False, end_in_access=True)}
    ),
    "end in the body": Told(
        "THEN(a, b)", {"success": True, "steps": "a"}, {"a": step(set_end=True)}
    ),
    "end when asked": Told("THEN(a, b)", {"success": True, "steps": "a"}, {"a": step(is_end=True)}),
    "goes on": Told(
        "THEN(a, b)",
        {"success": True, "status": {"a": "fail", "b": "ok"}},
        {"a": step(throws="RuntimeException", continue_on_error=True)},
    ),
    "its own retry": Told(
        "THEN(a)",
        {"success": True, "steps": "a==>a==>a"},
        {"a": step(retry=5, throws={"class": "X", "times": 2})},
    ),
    "its own retry for a type": Told(
        "THEN(a)",
        {"success": False, "steps": "a"},
        {
            "a": step(
                retry={"times": 5, "for": ["IllegalStateException"]}, throws="ArithmeticException"
            )
        },
    ),
    "its own retry for a base": Told(
        "THEN(a)",
        {"success": False, "steps": "a==>a"},
        {"a": step(retry={"times": 1, "for": ["RuntimeException"]}, throws="ArithmeticException")},
    ),
    "fallback": Told(
        'THEN(node("z"), a)', {"steps": "f==>a"}, {"f": {"type": "common", "fallback": True}}
    ),
    "rollback": Told("THEN(a, k, c)", {"rollback": "a"}, {"k": COMMON, "c": refuses()}),
    "rollback with a record": Told(
        'THEN(a.tag("t"), c)',
        {"records": ["a", "undo t"]},
        {"a": writes(rollback_record="undo {tag}"), "c": refuses()},
    ),
    "a rollback that throws": Told(
        "THEN(a, b, c)",
        {"rollback": "b==>a", "undo_failed": ["b"]},
        {"b": step(rollback_throws=True), "c": refuses()},
    ),
    "no undo by its name alone": Told(
        "THEN(k, c)", {"rollback": ""}, {"k": COMMON, "undoK": COMMON, "c": refuses()}
    ),
    "count": Told("THEN(a, a)", {"ctx": {"k": 2}}, {"a": step(count="k")}),
    "set_ctx": Told("THEN(a)", {"ctx": {"k": [1]}}, {"a": step(set_ctx={"k": [1]})}),
    "the order inside a body": Told(
        "THEN(a)",
        {"success": False, "records": ["a"], "ctx": {"n": 1, "k": 2}},
        {"a": writes(count="n", set_ctx={"k": 2}, throws="RuntimeException")},
    ),
    "a chain that it runs": Told(
        "THEN(a, b)",
        {"steps": "a==>c==>b", "records": ["c:{q=1}", "b:arg"]},
        {
            "a": step(invoke="sub", invoke_req={"q": 1}),
            "b": writes("{id}:{req}"),
            "c": writes("{id}:{req}"),
        },
        {"sub": "THEN(c)"},
    ),
}

RECORDS = {
    "what a step knows": Told(
        'FOR(1).DO(ITERATOR(i).DO(sub.bind("k", "v")))',
        {
            "records": [
                "a t 0 0 null p null D v arg sub null",
                "a t 1 0 null q null D v arg sub null",
            ]
        },
        {"a": writes("{id} {tag} {i} {pi} {ppi} {obj} {pobj} {data} {bind:k} {req} {chain} {exc}")},
        {"sub": 'THEN(a.tag("t").data("D"))'},
    ),
    "what a handler knows": Told(
        "CATCH(a).DO(b)",
        {"records": ["ArithmeticException"]},
        {"a": refuses("ArithmeticException"), "b": writes("{exc}")},
    ),
    "what a choice knows": Told(
        'SWITCH(s).TO(THEN(a).id("j"), b)',
        {"records": ["[j, b]"]},
        {"s": chooses("j", record="{targets}")},
    ),
    "what was bound to a value": Told(
        'THEN(a.bind("k", "${dataMap.v}"))',
        {"records": ["7"]},
        {"a": writes("{bind:k}")},
        more={"ctx": {"v": 7}},
    ),
    "what is no place": Told(
        "THEN(a)", {"records": ["{nothing} {}"]}, {"a": writes("{nothing} {}")}
    ),
}

ANSWERS = {
    "tag_bool": Told(
        'IF(x.tag("true"), a, b)', {"steps": "x==>a"}, {"x": says({"op": "tag_bool"})}
    ),
    "tag_fmt": Told(
        'SWITCH(s.tag("b")).TO(a, THEN(c).id("it is b"))',
        {"steps": "s==>c"},
        {"s": chooses({"op": "tag_fmt", "fmt": "it is {}"})},
    ),
    "tag_map": Told(
        'THEN(SWITCH(s.tag("1")).TO(a, b), SWITCH(s.tag("2")).TO(a, b))',
        {"steps": "s==>a==>s==>b"},
        {"s": chooses({"op": "tag_map", "map": {"1": "a"}, "else": "b"})},
    ),
    "loop_index_lt": Told("WHILE(x).DO(a)", {"steps": "x==>a==>x"}, {"x": says(index("lt", 1))}),
    "loop_index_gt": Told(
        "FOR(5).DO(a).BREAK(x)", {"steps": "LOOP_5==>a==>x==>a==>x"}, {"x": says(index("gt", 0))}
    ),
    "loop_index_eq": Told(
        "FOR(5).DO(a).BREAK(x)", {"steps": "LOOP_5==>a==>x==>a==>x"}, {"x": says(index("eq", 1))}
    ),
    "no index outside of loops": Told(
        "IF(x, a, b)", {"steps": "x==>b"}, {"x": says(index("lt", 1))}
    ),
    "request": Told(
        "ITERATOR(i).DO(a)",
        {"steps": "i==>a==>a==>a"},
        {"i": {"type": "iterator", "returns": {"op": "request"}}},
        more={"request": [1, 2, 3]},
    ),
    "request_between": Told(
        "IF(x, a, b)",
        {"steps": "x==>a"},
        {"x": says({"op": "request_between", "min": 10, "max": 20})},
        more={"request": 20},
    ),
    "request_gt": Told(
        "IF(x, a, b)",
        {"steps": "x==>b"},
        {"x": says({"op": "request_gt", "value": 5})},
        more={"request": 5},
    ),
    "request_lt": Told(
        "IF(x, a, b)",
        {"steps": "x==>a"},
        {"x": says({"op": "request_lt", "value": 5})},
        more={"request": 4},
    ),
    "a request that is no number": Told(
        "IF(x, a, b)",
        {"success": False, "error": "ValueError", "message": "arg is no number"},
        {"x": says({"op": "request_gt", "value": 5})},
    ),
    "ctx": Told(
        "THEN(a, SWITCH(s).TO(b))",
        {"steps": "a==>s==>b"},
        {"a": step(set_ctx={"k": "b"}), "s": chooses({"op": "ctx", "key": "k"})},
    ),
    "seq": Told(
        "WHILE(x).DO(a)",
        {"steps": "x==>a==>x==>a==>x"},
        {"x": says({"op": "seq", "values": [True, True, False]})},
    ),
    "null": Told("SWITCH(s).TO(b).DEFAULT(a)", {"steps": "s==>a"}, {"s": chooses(None)}),
}

SCRIPTS = {
    "a script": Told(
        "THEN(k)",
        {"success": True, "ctx": {"sum": 5}},
        {
            "k": {
                "type": "script",
                "language": "python",
                "script": "a=2\nb=3\ndefaultContext.setData('sum', a+b)",
            }
        },
    ),
    "what a script is given": Told(
        'FOR(1).DO(k.tag("t").data("{\\"v\\": 1}").bind("b", "B"))',
        {"ctx": {"all": ["main", "k", "t", 1, 0, "arg", "B"]}},
        {
            "k": {
                "type": "script",
                "language": "python",
                "script": "m = _meta\n"
                "d = [m['currChainId'], m['nodeId'], m.get('tag'), m['cmpData']['v']]\n"
                "e = [m['loopIndex'], m['requestData'], m['cmp'].getBindData('b')]\n"
                "defaultContext.setData('all', d + e)",
            }
        },
    ),
    "what a script is given of a call": Told(
        "THEN(k, a)",
        {"ctx": {"all": ["main", None, "sub", 1, "within", None]}},
        {
            "a": step(invoke="sub", invoke_req={"q": 1}),
            "k": {
                "type": "script",
                "language": "python",
                "script": "m = _meta\n"
                "c = m['subRequestData']\n"
                "d = defaultContext.getData('all') or []\n"
                "defaultContext.setData('all', d + [m['currChainId'], c and c['q']])",
            },
        },
        {"sub": "THEN(k, within)", "within": "THEN(k)"},
    ),
    "a script that ends the flow": Told(
        "THEN(k, a)",
        {"success": True, "steps": "k"},
        {"k": {"type": "script", "script": "_meta['cmp'].setIsEnd(True)"}},
    ),
    "a script that raises": Told(
        "THEN(a, k)",
        {"success": False, "error": "ValueError", "rollback": "a"},
        {"k": {"type": "script", "language": "python", "script": "raise ValueError('boom')"}},
    ),
    "a script that counts": Told(
        "FOR(n).DO(a)",
        {"steps": "n==>a==>a==>a"},
        {"n": {"type": "for_script", "language": "python", "script": "return 1 + 2"}},
    ),
    "a script with a loop is not run": Told(
        "THEN(k)",
        {"success": False, "error": "Unreadable"},
        {"k": {"type": "script", "language": "python", "script": "while True:\n    pass"}},
    ),
    "a script that imports is not run": Told(
        "THEN(k)",
        {"success": False, "error": "Unreadable"},
        {"k": {"type": "script", "language": "python", "script": "import os"}},
    ),
    "a script that looks inside is not run": Told(
        "THEN(k)",
        {"success": False, "error": "Unreadable"},
        {"k": {"type": "script", "language": "python", "script": "x = ().__class__"}},
    ),
    "a script in another language is not run": Told(
        "THEN(k)",
        {"parse": "ok", "success": False, "error": "Unreadable"},
        {"k": {"type": "script", "language": "groovy", "script": "1"}},
    ),
}

WHOLE = {
    "a compile error": Told(
        "THEN(a,, b)",
        {
            "parse": "error",
            "phase": "parse",
            "success": False,
            "error": "ChainInvalid",
            "error_category": "syntax",
        },
    ),
    "an unknown chain": Told(
        "THEN(a)",
        {"parse": "ok", "phase": "execute", "success": False, "error": "ChainUnknown", "steps": ""},
        more={"run": "z"},
    ),
    "a chain that is switched off": Told(
        "THEN(a)",
        {"parse": "ok", "error": "ChainUnknown"},
        includes={"off": {"el": "THEN(a)", "enable": "false"}},
        more={"run": "off"},
    ),
    "a chain given twice": Told(
        "THEN(a)",
        {"parse": "error", "error_category": "duplicate_chain"},
        more={
            "chains": [{"id": "m", "el": "THEN(a)"}, {"id": "m", "body": "THEN(b)"}],
            "run": None,
        },
    ),
    "every chain is looked at": Told(
        "THEN(a)",
        {"parse": "error", "error_category": "arity"},
        includes={"other": "THEN()"},
        more={"run": None},
    ),
    "nothing is known of components": Told(
        'IF(node("v"), node("w"))',
        {"parse": "ok"},
        more={"nodes": {}, "run": None},
    ),
    "but names must be": Told(
        "THEN(w)",
        {"parse": "error", "error_category": "unknown_ref"},
        more={"nodes": {}, "run": None},
    ),
    "extends": Told(
        "THEN({{0}}, {{1}}, {{0}})",
        {"steps": "a==>b==>a"},
        includes={"child": {"extends": "main", "el": "{{0}}=a; {{1}} = THEN(b);"}},
        more={"run": "child"},
    ),
    "routes": Told(
        "THEN(a)",
        {
            "success": True,
            "routes": {"one": "a==>b", "two": "c"},
            "records": ["c"],
            "failed": {"two": "RuntimeException"},
        },
        {"c": writes(throws="RuntimeException")},
        {
            "one": {"route": "x", "body": "THEN(a, b)"},
            "two": {"route": "AND(x, y)", "body": "THEN(c)"},
            "three": {"route": "NOT(x)", "body": "THEN(d)"},
        },
        {"run": None, "run_route": {"namespace": None}},
    ),
    "a namespace of routes": Told(
        "THEN(a)",
        {"success": True, "routes": {"there": "a"}},
        includes={
            "here": {"route": "x", "body": "THEN(b)"},
            "there": {"route": "x", "namespace": "N", "body": "THEN(a)"},
        },
        more={"run": None, "run_route": {"namespace": "N"}},
    ),
    "a route that fails is no match": Told(
        "THEN(a)",
        {"success": True, "routes": {"one": "a"}},
        {"y": says(True, throws="RuntimeException")},
        {"one": {"route": "x", "body": "THEN(a)"}, "two": {"route": "y", "body": "THEN(b)"}},
        {"run": None, "run_route": {}},
    ),
    "no routes": Told(
        "THEN(a)", {"error": "RoutesUnknown", "success": False}, more={"run": None, "run_route": {}}
    ),
    "a broken route": Told(
        "THEN(a)",
        {"parse": "error", "error_category": "unknown_ref"},
        includes={"one": {"route": "z", "body": "THEN(a)"}},
        more={"run": None, "run_route": {}},
    ),
    "retries for all": Told(
        "THEN(a, b)",
        {"steps": "a==>a==>a==>b==>b", "success": False},
        {"a": refuses(times=2), "b": step(throws="RuntimeException", retry=1)},
        more={"config": {"retry_count": 2}},
    ),
    "compiled when it is run": Told(
        "THEN(z)",
        {"parse": "ok", "phase": "execute", "success": False, "error_category": "unknown_ref"},
        more={"config": {"parse_mode": "PARSE_ONE_ON_FIRST_EXEC"}},
    ),
    "an initial context": Told(
        "THEN(a)",
        {"ctx": {"k": 3, "v": "w"}},
        {"a": step(count="k")},
        more={"ctx": {"k": 2, "v": "w"}},
    ),
    "branches that took too long": Told(
        'WHEN(a, THEN(b).id("j"), c).maxWaitMilliseconds(100)',
        {"success": False, "timeout_items": ["a", "j"]},
        {"a": step(sleep_ms=200), "b": step(sleep_ms=200)},
    ),
    "what losers record later is not seen": Told(
        "WHEN(a, b).any(true)",
        {"records": ["b"], "steps": "a==>b"},
        {"a": writes(sleep_ms=100), "b": writes()},
    ),
    "a limit for every WHEN": Told(
        "WHEN(a, b)",
        {"success": False, "timeout_items": ["b"], "error": "WhenTimeoutException"},
        {"b": step(sleep_ms=101)},
        more={"config": {"when_max_wait_ms": 100}},
    ),
    "an endless retry": Told(
        "a.retry(2000000000)", {"success": False, "error": "Endless"}, {"a": refuses()}
    ),
    "an endless loop": Told(
        "WHILE(true).DO(CATCH(a))", {"success": False, "error": "Endless"}, {"a": COMMON}
    ),
}

OPS = {
    "a text that no chain has": Told(
        "THEN(a)",
        ops=(
            ({"op": "run", "run_el": "THEN(b, main)"}, {"success": True, "steps": "b==>a"}),
            ({"op": "run", "run_el": "THEN(b"}, {"success": False, "error_category": "syntax"}),
            ({"op": "run", "run": "EL"}, {"success": False, "error": "ChainUnknown"}),
        ),
    ),
    "a request and a context of its own": Told(
        "THEN(a)",
        nodes={"a": writes("{req}", count="k")},
        more={"request": 1, "ctx": {"k": 5}},
        ops=(
            ({"op": "run", "run": "main"}, {"records": ["1"], "ctx": {"k": 6}}),
            (
                {"op": "run", "run": "main", "request": 2, "ctx": {}},
                {"records": ["2"], "ctx": {"k": 1}},
            ),
        ),
    ),
    "calls are counted over all runs": Told(
        "THEN(a)",
        nodes={"a": refuses(times=1)},
        ops=(
            ({"op": "run", "run": "main"}, {"success": False}),
            ({"op": "run", "run": "main"}, {"success": True}),
        ),
    ),
    "a chain is removed and comes back": Told(
        "THEN(a, sub)",
        includes={"sub": "THEN(b)"},
        ops=(
            ({"op": "remove_chain", "id": "sub"}, {"parse": "ok"}),
            ({"op": "run", "run": "main"}, {"steps": "a==>b"}),
            ({"op": "run", "run": "sub"}, {"error": "ChainUnknown"}),
            ({"op": "set_chain", "id": "sub", "el": "THEN(c)"}, {"parse": "ok"}),
            ({"op": "run", "run": "main"}, {"steps": "a==>c"}),
        ),
    ),
    "who includes what breaks keeps its version": Told(
        "THEN(a, sub)",
        includes={"sub": "THEN(b)"},
        ops=(
            (
                {"op": "set_chain", "id": "sub", "body": "THEN(z)"},
                {"parse": "error", "error_category": "unknown_ref"},
            ),
            ({"op": "run", "run": "main"}, {"steps": "a==>b"}),
            ({"op": "run", "run": "sub"}, {"steps": "b"}),
        ),
    ),
    "a script is unloaded": Told(
        "THEN(k)",
        nodes={
            "k": {
                "type": "script",
                "language": "python",
                "script": "defaultContext.setData('v', 1)",
            }
        },
        ops=(
            ({"op": "unload_script", "id": "k"}, {"parse": "ok"}),
            ({"op": "run", "run": "main"}, {"success": True, "ctx": {"v": 1}}),
            (
                {"op": "set_chain", "id": "new", "el": "THEN(k)"},
                {"parse": "error", "error_category": "unknown_ref"},
            ),
            (
                {
                    "op": "add_node",
                    "id": "k",
                    "node": {"type": "script", "script": "defaultContext.setData('v', 2)"},
                },
                {"parse": "ok"},
            ),
            ({"op": "run", "run": "main"}, {"ctx": {"v": 2}}),
        ),
    ),
    "everything is read again": Told(
        "THEN(a)",
        includes={"other": "THEN(b)"},
        ops=(
            (
                {
                    "op": "reload_xml",
                    "chains": {"main": "THEN(v)", "bad": "THEN()"},
                    "nodes": {"v": {"type": "common"}},
                },
                {"parse": "error", "error_category": "arity"},
            ),
            ({"op": "run", "run": "main"}, {"steps": "v"}),
            ({"op": "run", "run": "other"}, {"steps": "b"}),
            ({"op": "run", "run": "bad"}, {"success": False, "error_category": "arity"}),
        ),
    ),
    "routes between changes": Told(
        "THEN(a)",
        ops=(
            ({"op": "run", "run_route": {}}, {"error": "RoutesUnknown"}),
            ({"op": "set_chain", "id": "r", "el": "THEN(b)", "route": "x"}, {"parse": "ok"}),
            ({"op": "run", "run_route": {}}, {"routes": {"r": "b"}}),
            ({"op": "set_chain", "id": "r", "el": "THEN(b)", "route": None}, {"parse": "ok"}),
            ({"op": "run", "run_route": {}}, {"error": "RoutesUnknown"}),
        ),
    ),
}

CASES: dict[str, Told] = {
    f"{table}: {id}": told
    for table, cases in {
        "node": NODES,
        "record": RECORDS,
        "answer": ANSWERS,
        "script": SCRIPTS,
        "whole": WHOLE,
        "ops": OPS,
    }.items()
    for id, told in cases.items()
}
