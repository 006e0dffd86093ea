"""What chains compile to, which warnings they give, and that limits are ordinary diagnostics."""

from collections.abc import Callable

import pytest

from rules.checks.limits import Limits
from rules.compiler import ChainText, Compiled, check_chain, compile_chain
from rules.errors import ChainInvalid
from rules.plan import ChainNode, IfNode, PlanNode, StepNode, ThenNode, WhenNode
from tests.rules.conftest import COMPONENTS, INCLUDED

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
    ("THEN(a.tag('\\u4e2d\\n\"'))", "THEN(a.tag('\u4e2d\n\\\"'))"),
]


@pytest.mark.parametrize(("text", "other"), EQUAL)
def test_same_plan(text: str, other: str, compile_el: Compile) -> None:
    assert compile_el(text).plan == compile_el(other).plan


def names(node: PlanNode) -> str:
    """A plan in short: components with tags, `|` side by side, `?` an IF, `{}` a chain."""
    match node:
        case StepNode():
            return node.component + (f":{node.tag}" if node.tag else "")
        case ThenNode():
            return f"({' '.join(names(item) for item in node.items)})"
        case WhenNode():
            return f"({'|'.join(names(item) for item in node.items)})"
        case IfNode():
            otherwise = f",{names(node.otherwise)}" if node.otherwise else ""
            return f"{names(node.test)}?{names(node.then)}{otherwise}"
        case ChainNode():
            return f"{node.chain}{{{names(node.body)}}}"


SHAPES = [
    ("THEN(a, WHEN(b, c), d)", "(a (b|c) d)", 6),
    ("IF(x, a).ELIF(y, b).ELIF(x, c).ELSE(d)", "x?a,y?b,x?c,d", 10),
    ("IF(x, a).ELIF(y, b)", "x?a,y?b", 6),
    ("IF(x, a, b).tag('t')", "x?a,b", 4),
    ("THEN(outer, sub)", "(outer{(sub{(a b)} c)} sub{(a b)})", 12),
    ("sub.tag('t')", "sub{(a b)}", 4),
    ("a = THEN(b); THEN(a)", "((b))", 3),
]


@pytest.mark.parametrize(("text", "shape", "nodes"), SHAPES)
def test_shape(text: str, shape: str, nodes: int, compile_el: Compile) -> None:
    plan = compile_el(text).plan
    assert (names(plan.root), plan.nodes) == (shape, nodes)


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
]


@pytest.mark.parametrize(("text", "categories"), WARNINGS)
def test_warnings(text: str, categories: list[str], compile_el: Compile) -> None:
    warnings = compile_el(text).warnings
    assert [found.category for found in warnings] == categories
    assert {found.severity for found in warnings} <= {"warning"}


AMBIGUOUS = [
    "WHEN(a, needsA)",
    "WHEN(THEN(a, needsA), a)",
    "THEN(WHEN(a, a), needsA)",
    "THEN(WHEN(a, sub), mayHaveA)",
    "THEN(WHEN(a, a), IF(x, a), needsA)",
    "WHEN(sub, THEN(c, WHEN(b, asks)))",
    "THEN(WHEN(a.tag('vip'), a.tag('vip')), needsVip)",
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
]


@pytest.mark.parametrize("text", DEEPEST, ids=range(len(DEEPEST)))
def test_what_the_limits_allow_survives_json(text: str, compile_el: Compile) -> None:
    plan = compile_el(text).plan
    assert type(plan).model_validate_json(plan.model_dump_json()) == plan


def test_long_row_of_included_chains() -> None:
    chains = {f"c{n}": ChainText(f"c{n}", f"THEN(c{n + 1})") for n in range(3000)}
    chains["c3000"] = ChainText("c3000", "THEN(a)")
    assert check_chain("c2980", chains=chains, components=COMPONENTS) == ()
    (found,) = check_chain("c0", chains=chains, components=COMPONENTS)
    assert found.category == "unknown_ref"


def test_diagnostics_are_bounded() -> None:
    chains = {"main": ChainText("main", f"THEN({','.join(['nosuch'] * 9000)})")}
    assert len(check_chain("main", chains=chains, components=COMPONENTS)) == 20
