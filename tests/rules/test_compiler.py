"""What chains compile to, which warnings they give, and that limits are ordinary diagnostics."""

from collections.abc import Callable
from time import process_time

import pytest

from rules.checks.limits import Limits
from rules.compiler import ChainText, Compiled, check_chain, compile_chain
from rules.errors import ChainInvalid
from rules.lint.table import CODES
from rules.plan import ComponentPolicy, Kind
from tests.rules.conftest import COMPONENTS, INCLUDED
from tests.rules.shapes import shape

Compile = Callable[[str], Compiled]

EQUAL = [
    ("THEN(a, b)", "SER(a,b);"),
    ("WHEN(a, b)", "PAR(a\n,\tb) ;;"),
    ("THEN(a, b)", "t = THEN(a, b)"),
    ("THEN(a, b)", "t = THEN(a, b);;\n;"),
    ("THEN(a, b)", "// head\nTHEN(a,/* x */b);\n/* tail */"),
    ("THEN(a.tag('//'))", 'THEN(a.tag("//"))'),
    ("THEN(THEN(a), b)", "x1 = THEN(a)\nTHEN(x1, b)"),
    ("IF(x, a, b)", "IF(x, a).ELSE(b)"),
    ("IF(x, a, b)", "IF(x, a)\n.ELSE\n(b)"),
    ("THEN(a.tag('xy'))", "THEN(a.tag('x' + \"y\"))"),
    ("THEN(a.tag('v'))", "v = 'v'; THEN(a.tag(v))"),
    ("THEN(a.tag('main'))", "THEN(a.tag(currChainId))"),
    ("THEN(a.tag('2'), a)", "THEN(a.tag('1').tag('2'), a)"),
    ("t = a.tag('1'); THEN(t, t.tag('2'), t)", "THEN(a.tag('1'), a.tag('2'), a.tag('1'))"),
    ("THEN(a.data('o'), b.data('o'))", "THEN(a.data('i'), b).data('o')"),
    ("IF(x.data('d'), a.data('d')).ELSE(b)", "IF(x, a).data('d').ELSE(b)"),
    ("THEN((a), ((b)))", "(THEN(a, b))"),
    ("SWITCH(s).TO(a, b)", "SWITCH(s).to(a).to(b)"),
    ("FOR(2).DO(a).BREAK(x)", "FOR(1 + 1)\n.BREAK(x)\n.DO(a)"),
    ("THEN(PRE(a), b, FINALLY(c))", "THEN(FINALLY(c), b, PRE(a))"),
    ("THEN(NODE('a'))", 'THEN(node("a"))'),
    ("CATCH(a).DO(b).id('i').tag('t')", "CATCH(a).tag('t').id('i').DO(b)"),
    ("WHEN(a, b).maxWaitSeconds(2)", "WHEN(a, b).maxWaitMilliseconds(2000)"),
    ("THEN(a.retry(3))", "THEN(a.retry(1).retry(1))"),
    ("THEN(a.tag('\\u4e2d\\n\"'))", "THEN(a.tag('\u4e2d\n\\\"'))"),
]


@pytest.mark.parametrize(("text", "other"), EQUAL)
def test_same_plan(text: str, other: str, compile_el: Compile) -> None:
    assert compile_el(text).plan == compile_el(other).plan


SHAPES = [
    ("THEN(a, WHEN(b, c), d)", "(a (b|c) d)", 6),
    ("IF(x, a).ELIF(y, b).ELIF(x, c).ELSE(d)", "x?a,y?b,x?c,d", 10),
    ("IF(x, a).ELIF(y, b)", "x?a,y?b", 6),
    ("IF(x, a, b).tag('t')", "x?a,b", 4),
    ("THEN(outer, sub)", "(outer{(sub{(a b)} c)} sub{(a b)})", 12),
    ("sub.tag('t')", "sub{(a b)}", 4),
    ("a = THEN(b); THEN(a)", "((b))", 3),
    ("SWITCH(s).TO(a, sub).DEFAULT(b)", "s>{a=a sub=sub{(a b)};b}", 8),
    ("WHILE(x).DO(a).BREAK(AND(x, y))", "while(x){a}~and(x y)", 6),
    ("FOR(3).DO(THEN(a, FINALLY(b)))", "for(3){(a !(b))}", 5),
    ("CATCH(a).DO(THEN(b).retry(1))", "catch(a,(b)*1)", 5),
    ("WHEN(a, b).must(a).maxWaitSeconds(1)", "(a|b)+must(0)+1000ms(a,b)", 3),
    ("WHEN(a, b.maxWaitSeconds(1))", "(a|<b>+1000ms(b))", 4),
]


@pytest.mark.parametrize(("text", "expected", "nodes"), SHAPES)
def test_shape(text: str, expected: str, nodes: int, compile_el: Compile) -> None:
    plan = compile_el(text).plan
    assert (shape(plan.root), plan.nodes) == (expected, nodes)


WARNINGS = [
    ("THEN(a); THEN(b)", ["discarded_statement"]),
    ("a = THEN(b); THEN(a)", ["shadowing"]),
    ("sub = THEN(b); THEN(sub)", ["shadowing"]),
    ("THEN(needsA, a)", ["missing_output"]),
    ("THEN(IF(x, needsA, a))", ["missing_output"]),
    ("IF(x, a, needsA)", ["missing_output"]),
    ("THEN(asks, a)", ["missing_output"]),
    ("THEN(WHEN(a, b), needsVip)", ["missing_output"]),
    ("THEN(mayHaveA, a)", []),
    ("THEN(a, needsA)", []),
    ("THEN(IF(x, a), needsA)", []),
    ("THEN(sub, asks)", []),
    ("THEN(WHEN(a, b), needsA)", []),
    ("THEN(WHEN(a, a), a, needsA)", []),
    ("THEN(WHEN(a.tag('vip'), a), needsVip)", []),
    ("WHEN(THEN(a, needsA), b)", []),
    ("THEN(a, AND(x, y))", ["odd_place"]),
    ("WHEN(a, NOT(x))", ["odd_place"]),
    ("CATCH(OR(x, y)).DO(PRE(a))", ["odd_place", "odd_place"]),
    ("PRE(FINALLY(a))", ["odd_place"]),
    ("FOR(2).DO(FINALLY(a).maxWaitSeconds(1))", ["odd_place"]),
    ("THEN(x.retry(1), IF(x, s.maxWaitSeconds(1)))", ["odd_place", "odd_place"]),
    ("THEN(PRE(a), FINALLY(b).retry(1))", []),
    ("PRE(a)", []),
    ("AND(x, y)", []),
    ("THEN(either)", []),
    ("WHEN(a).threadPool('p')", ["ignored"]),
    ("SWITCH(s)", ["structure"]),
    ("THEN(SWITCH(s), SWITCH(s).retry(1))", ["structure", "structure"]),
    ("v = SWITCH(s).tag('t'); THEN(v, v.TO(a))", ["structure"]),
    ("FOR(2).threadPool('p').DO(a).threadPool('q')", ["ignored", "ignored"]),
    ("THEN(node('nosuch'))", ["fallback"]),
    ("SWITCH(node('nosuch')).TO(node('nosuch').retry(1))", ["fallback", "fallback"]),
    ("SWITCH(s).TO(needsA, a)", ["missing_output"]),
    ("FOR(2).DO(THEN(needsA, a))", ["missing_output"]),
    ("CATCH(needsA).DO(a)", ["missing_output"]),
    ("THEN(PRE(needsA), a)", ["missing_output"]),
    ("THEN(a, PRE(needsA))", ["missing_output"]),
    ("THEN(needsA, FINALLY(a))", ["missing_output"]),
    ("THEN(needsA, a).retry(1)", ["missing_output"]),
    ("THEN(PRE(a), needsA)", []),
    ("THEN(FINALLY(needsA), a)", []),
    ("CATCH(THEN(b, a)).DO(needsA)", []),
    ("THEN(CATCH(b).DO(a), needsA)", []),
    ("THEN(CATCH(a), needsA)", []),
    ("THEN(SWITCH(s).TO(a, THEN(a, b)).DEFAULT(a), needsA)", []),
    ("THEN(SWITCH(s).TO(b, a), needsA)", []),
    ("THEN(FOR(2).DO(a), needsA)", []),
    ("THEN(a, FOR(2).parallel(true).DO(THEN(needsA, b)))", []),
    ("FOR(2).parallel(true).DO(THEN(a, needsA))", []),
    ("THEN(FOR(1).parallel(true).DO(a), needsA)", []),
    ("THEN(a.retry(1), THEN(needsA).retry(1))", []),
    ("THEN(WHEN(a, b).any(true), needsA)", []),
    ("CATCH(THEN(WHEN(a, a), a)).DO(needsA)", []),
]


@pytest.mark.parametrize(("text", "categories"), WARNINGS)
def test_warnings(text: str, categories: list[str], compile_el: Compile) -> None:
    warnings = compile_el(text).found
    assert [found.category for found in warnings] == categories
    assert {found.severity for found in warnings} <= {"warning"}


def test_the_lint_is_among_the_warnings_in_the_order_of_the_text(compile_el: Compile) -> None:
    text = "THEN(pay, b, needsA, a)"
    warnings = compile_el(text).warnings
    categories = ["no_undo", "missing_output", "no_undo"]
    assert [one.category for one in warnings] == categories
    chains = {"main": ChainText("main", text)}
    assert check_chain("main", chains=chains, components=COMPONENTS) == warnings
    missing = check_chain("main", chains=chains, components=COMPONENTS, deployed={"pay", "b"})
    assert [one.category for one in missing].count("unknown_component") == 3


AMBIGUOUS = [
    "WHEN(a, needsA)",
    "WHEN(THEN(a, needsA), a)",
    "THEN(WHEN(a, a), needsA)",
    "THEN(WHEN(a, sub), mayHaveA)",
    "THEN(WHEN(a, a), IF(x, a), needsA)",
    "WHEN(sub, THEN(c, WHEN(b, asks)))",
    "THEN(WHEN(a.tag('vip'), a.tag('vip')), needsVip)",
    "THEN(WHEN(a, a).any(true), needsA)",
    "THEN(WHEN(SWITCH(s).TO(b).DEFAULT(a), CATCH(b).DO(a)), needsA)",
    "THEN(SWITCH(s).TO(WHEN(a, a)).DEFAULT(a), needsA)",
    "WHEN(a.maxWaitSeconds(1), FOR(2).DO(needsA))",
    "WHEN(THEN(b, FINALLY(a)), THEN(b, FINALLY(needsA)))",
    "WHEN(a.retry(1), THEN(needsA, b).retry(1))",
    "THEN(FOR(2).parallel(true).DO(a), needsA)",
    "THEN(ITERATOR(it).DO(THEN(b, a)).parallel(true), c, needsA)",
    "THEN(WHILE(true).parallel(true).DO(a), needsA)",
    "CATCH(WHEN(a, a)).DO(needsA)",
]


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_ambiguous_output(text: str, compile_el: Compile) -> None:
    with pytest.raises(ChainInvalid) as caught:
        compile_el(text)
    assert [found.category for found in caught.value.diagnostics] == ["ambiguous_output"]


def test_components_include_compensations(compile_el: Compile) -> None:
    assert set(compile_el("THEN(a, pay)").plan.components) == {"a", "pay", "refund"}


def test_versions_and_includes() -> None:
    def compiled(version: int, included: int) -> Compiled:
        chains = {
            **INCLUDED,
            "sub": ChainText("sub", "THEN(a, b)", included),
            "main": ChainText("main", "THEN(outer)", version),
        }
        return compile_chain("main", chains=chains, components=COMPONENTS)

    first = compiled(1, 1)
    assert first.includes == {"outer", "sub"}
    assert first.plan.sha == compiled(1, 1).plan.sha
    assert len({plan.plan.sha for plan in (first, compiled(2, 1), compiled(1, 2))}) == 3


def nested(opening: str, depth: int) -> str:
    return opening * depth + "a" + ")" * depth


LIMITS = [
    (nested("THEN(", 1000), Limits()),
    (nested("(", 1000), Limits()),
    (nested("THEN(IF(x, a).ELSE(", 200), Limits()),
    (nested("THEN(", 95), Limits()),
    (f"THEN({','.join(['a'] * 10_000)})", Limits()),
    ("v0=THEN(a,a);" + "".join(f"v{n + 1}=THEN(v{n},v{n});" for n in range(60)), Limits()),
    ("v0=THEN(a);" + "".join(f"v{n + 1}=THEN(v{n});" for n in range(2000)), Limits()),
    ("IF(x,a)" + ".ELIF(x,a)" * 500, Limits()),
    (f"THEN(a.tag('{'x' * 70_000}'))", Limits()),
    ("THEN(a, b)", Limits(nodes=2)),
    ("THEN(a, b)", Limits(plan=500)),
    ("THEN(PRE(" * 46 + "a" + "))" * 46, Limits()),
    (nested("FOR(2).DO(", 90), Limits()),
    (nested("SWITCH(s).TO(", 60), Limits()),
    ("THEN(a)" + ".retry(1)" * 100, Limits()),
    ("THEN(a)" + ".maxWaitSeconds(1).retry(1)" * 50, Limits()),
    ("v=a" + ".tag('t')" * 3600 + ";THEN(" + ",".join(["v"] * 9990) + ")", Limits()),
    ("v=a" + ".bind('k', 'v')" * 1800 + ";SWITCH(s).TO(" + ",".join(["v"] * 9990) + ")", Limits()),
    (f"THEN(a, b).bind('k', '{'x' * 60_000}')", Limits(given=100_000)),
    (
        "v0=THEN(a,a);"
        + "".join(f"v{n + 1}=THEN(v{n},v{n});" for n in range(11))
        + f"THEN(v11).data('{'x' * 20_000}')",
        Limits(),
    ),
]


@pytest.mark.parametrize(("text", "limits"), LIMITS, ids=range(len(LIMITS)))
def test_limits(text: str, limits: Limits) -> None:
    chains = {"main": ChainText("main", text)}
    found = check_chain("main", chains=chains, components=COMPONENTS, limits=limits)
    assert [problem.category for problem in found] == ["limit"]


DEEPEST = [
    nested("THEN(", 89),
    nested("IF(x, a).ELSE(", 89),
    "IF(x, a)" + ".ELIF(y, a).tag('t')" * 170,
    "THEN(a" + ".tag('t')" * 6000 + ")",
    "THEN(a" + ".retry(9)" * 80 + ")",
    "THEN(a)" + ".retry(1, 'E')" * 88,
    "WHEN(a)" + ".maxWaitSeconds(1).must('a')" * 1500,
    "THEN(a.bind('k', 'v'))" + ".bind('k', 'v')" * 3000,
    nested("FOR(2).DO(", 89) + ".bind('k', 'v')",
    nested("CATCH(a).DO(", 89) + ".bind('k', 'v')",
    nested("SWITCH(s).TO(", 59).replace("a)", "a.retry(1, 'E').bind('k', 'v'))"),
    "IF(" + "NOT(" * 87 + "x" + ")" * 87 + ", a)",
    "THEN(a" + ".retry(1).maxWaitSeconds(1)" * 43 + ")",
]


@pytest.mark.parametrize("text", DEEPEST, ids=range(len(DEEPEST)))
def test_what_the_limits_allow_survives_json(text: str, compile_el: Compile) -> None:
    plan = compile_el(text).plan
    assert type(plan).model_validate_json(plan.model_dump_json()) == plan


def test_time_is_linear_in_modifiers_and_branches() -> None:
    branches = ", ".join(f"THEN(a).id('i{n}')" for n in range(1500))
    text = f"WHEN({branches})" + ".must('i7')" * 2500
    started = process_time()
    chains = {"main": ChainText("main", text)}
    assert compile_chain("main", chains=chains, components=COMPONENTS).found == ()
    assert process_time() - started < 5


def test_fallbacks_stand_in_by_kind() -> None:
    def categories(text: str, *kinds: Kind) -> list[str]:
        fallbacks = {
            f"f{kind}": ComponentPolicy(id=f"f{kind}", kind=kind, fallback=True) for kind in kinds
        }
        chains = {"main": ChainText("main", text)}
        components = {"a": ComponentPolicy(id="a"), **fallbacks}
        found = check_chain("main", chains=chains, components=components)
        return [one.category for one in found if one.category not in CODES]

    text = (
        "THEN(IF(OR(node('q'), NOT(node('q'))), node('q')), SWITCH(node('q')).TO(a),"
        "FOR(node('q')).DO(a), ITERATOR(node('q')).DO(a), WHILE(node('q')).DO(a))"
    )
    assert categories(text, "common", "boolean", "switch", "for", "iterator") == ["fallback"] * 7
    assert categories(text, "for") == ["unknown_ref"] * 4 + ["fallback"] + ["unknown_ref"] * 2
    assert categories(text) == ["unknown_ref"] * 7
    assert categories("node('q')", "common") == ["not_a_condition"]


def test_long_row_of_included_chains() -> None:
    chains = {f"c{n}": ChainText(f"c{n}", f"THEN(c{n + 1})") for n in range(3000)}
    chains["c3000"] = ChainText("c3000", "THEN(a)")
    assert compile_chain("c2980", chains=chains, components=COMPONENTS).found == ()
    (found,) = check_chain("c0", chains=chains, components=COMPONENTS)
    assert found.category == "unknown_ref"


def test_diagnostics_are_bounded() -> None:
    chains = {"main": ChainText("main", f"THEN({','.join(['nosuch'] * 9000)})")}
    assert len(check_chain("main", chains=chains, components=COMPONENTS)) == 20
