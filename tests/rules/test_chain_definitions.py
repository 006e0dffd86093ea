"""Chains that extend others and chains with routes: what compiles to what, and what is told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.checks.limits import Limits
from rules.compiler import ChainText, check_chain, compile_chain, compile_route
from rules.errors import ChainInvalid, Diagnostic
from tests.rules.conftest import COMPONENTS, INCLUDED
from tests.rules.shapes import shape


def text(name: str, body: str, extends: str | None = None, route: str | None = None) -> ChainText:
    return ChainText(name, body, extends=extends, route=route)


CHAINS = {
    **INCLUDED,
    **{
        chain.name: chain
        for chain in (
            text("pair", "THEN({{first}}, a, {{second}})"),
            text("full", "{{first}} = b;\n{{second}} = IF(x, c, d);", "pair"),
            text("half", "{{first}} = b;\n{{second}} = WHEN(c, {{third}});", "pair"),
            text("whole", "{{third}} = THEN(d);", "half"),
            text("same", "// nothing of its own", "sub"),
            text("blank", "  ", "sub"),
            text("named", "{{0}} = sub.tag(currChainId);", "one"),
            text("one", "THEN({{0}})"),
            text("none", "THEN(a)", ""),
            text("lacks", "{{first}} = b;", "pair"),
            text("endless", "{{first}} = b;\n{{second}} = c", "pair"),
            text("heir", "{{second}} = c;", "lacks"),
            text("orphan", "{{first}} = b;", "pear"),
            text("grandchild", "", "orphan"),
            text("self", "{{0}} = a;", "self"),
            text("ring1", "", "ring2"),
            text("ring2", "", "ring1"),
            text("ontoRing", "", "ring1"),
            text("badValue", "{{first}} = b;\n{{second}} = THEN(c,\n  nosuch);", "pair"),
            text("badKind", "{{first}} = b;\n{{second}} = x;", "pair"),
            text("badBase", "THEN({{0}}, nosuch)"),
            text("ofBadBase", "{{0}} = a;", "badBase"),
            text("cut", "{{0}} = b);", "one"),
            text("spaced", "THEN({{ 0 }})"),
            text("ofSpaced", "{{0}} = a;", "spaced"),
            text("includes", "THEN(a, full, whole)"),
            text("usesTemplate", "THEN(a, pair)"),
            text("usesHalf", "THEN(a, half)"),
            text("usesLacks", "THEN(a, lacks)"),
            text("inCircle", "{{0}} = user;", "one"),
            text("user", "THEN(inCircle)"),
        )
    },
}


def found(name: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(ChainInvalid) as caught:
        compile_chain(name, chains=CHAINS, components=COMPONENTS)
    return caught.value.diagnostics


# A chain that extends another one, and a text of its own that means the same.
EQUAL = [
    ("full", "THEN(b, a, IF(x, c, d))"),
    ("whole", "THEN(b, a, WHEN(c, THEN(d)))"),
    ("same", "THEN(a, b)"),
    ("blank", "THEN(a, b)"),
    ("named", 'THEN(sub.tag("named"))'),
    ("none", "THEN(a)"),
    ("includes", "THEN(a, full, whole)"),
]


@pytest.mark.parametrize(("name", "equal"), EQUAL)
def test_a_filled_chain_is_its_text(name: str, equal: str) -> None:
    chains = {**CHAINS, "equal": text("equal", equal)}
    filled = compile_chain(name, chains=chains, components=COMPONENTS)
    plain = compile_chain("equal", chains=chains, components=COMPONENTS)
    assert shape(filled.plan.root) == shape(plain.plan.root)


def test_the_order_of_chains_does_not_matter() -> None:
    backwards = dict(reversed(CHAINS.items()))
    plans = [
        compile_chain("includes", chains=chains, components=COMPONENTS).plan
        for chains in (CHAINS, backwards)
    ]
    assert plans[0] == plans[1]


INCLUDES = [
    ("full", {"pair"}),
    ("whole", {"half", "pair"}),
    ("same", {"sub"}),
    ("includes", {"full", "whole", "half", "pair"}),
    ("named", {"one", "sub"}),
]


@pytest.mark.parametrize(("name", "includes"), INCLUDES)
def test_bases_are_part_of_what_is_compiled(name: str, includes: set[str]) -> None:
    compiled = compile_chain(name, chains=CHAINS, components=COMPONENTS)
    assert compiled.includes == includes
    for base in includes:
        changed = {**CHAINS, base: ChainText(base, CHAINS[base].text, 9, CHAINS[base].extends)}
        again = compile_chain(name, chains=changed, components=COMPONENTS)
        assert again.plan.sha != compiled.plan.sha


# Chain -> its errors as category and place, and the places that explain them.
ERRORS: list[tuple[str, list[tuple[str, str]]]] = [
    ("pair", [("placeholder_missing", "pair:1:6"), ("placeholder_missing", "pair:1:20")]),
    ("half", [("placeholder_missing", "half:2:22")]),
    ("lacks", [("placeholder_missing", "lacks:1:1"), ("", "pair:1:20")]),
    ("endless", [("placeholder_missing", "endless:2:1"), ("", "pair:1:20")]),
    ("heir", [("placeholder_missing", "heir:1:1"), ("", "pair:1:20")]),
    ("orphan", [("unknown_base_chain", "orphan:1:1")]),
    ("grandchild", [("unknown_base_chain", "grandchild:1:1")]),
    ("self", [("cyclic_extends", "self:1:1")]),
    ("ring1", [("cyclic_extends", "ring1:1:1")]),
    ("ontoRing", [("cyclic_extends", "ontoRing:1:1")]),
    ("badValue", [("unknown_ref", "badValue:3:3")]),
    ("badKind", [("operand_type", "badKind:2:14")]),
    ("ofBadBase", [("unknown_ref", "badBase:1:13")]),
    ("cut", [("syntax", "one:1:11")]),
    ("spaced", [("syntax", "spaced:1:6")]),
    ("ofSpaced", [("syntax", "spaced:1:6")]),
    ("usesTemplate", [("placeholder_missing", "usesTemplate:1:9")]),
    ("usesHalf", [("placeholder_missing", "usesHalf:1:9")]),
    ("usesLacks", [("unknown_ref", "usesLacks:1:9")]),
    ("inCircle", [("cyclic", "inCircle:1:9")]),
]


@pytest.mark.parametrize(("name", "expected"), ERRORS)
def test_what_is_wrong_is_told_where_it_was_written(
    name: str, expected: list[tuple[str, str]]
) -> None:
    told = [
        (one.category if one.severity == "error" else "", f"{one.chain}:{one.line}:{one.column}")
        for one in found(name)
    ]
    assert sorted(told) == sorted(expected)


WORDS = [
    ("lacks", "'lacks' extends 'pair' and gives no value to {{second}}"),
    ("lacks", "pair:1:20: info: here 'lacks' gives no value to {{second}}"),
    ("endless", "the value of {{second}} needs a ';' at its end"),
    ("heir", "'lacks' extends 'pair' and gives no value to {{second}}"),
    ("half", "'half' is a template: {{third}} has no value"),
    ("orphan", "did you mean 'pair'?"),
    ("grandchild", "'orphan', which 'grandchild' extends through others, extends 'pear'"),
    ("self", "self -> self"),
    ("ring1", "ring1 -> ring2 -> ring1"),
    ("ontoRing", "ring1 -> ring2 -> ring1"),
    ("ofBadBase", "filled by 'ofBadBase' to THEN(a, nosuch)"),
    ("usesTemplate", "'pair' is a template and cannot be included"),
    ("spaced", "without blanks"),
]


@pytest.mark.parametrize(("name", "words"), WORDS)
def test_words(name: str, words: str) -> None:
    assert words in "\n".join(map(str, found(name)))


def test_a_template_is_no_error_by_itself() -> None:
    for name in ("pair", "half", "badBase"):
        told = check_chain(name, chains=CHAINS, components=COMPONENTS)
        assert {(one.severity, one.category) for one in told} == {("info", "placeholder_missing")}
    told = check_chain("lacks", chains=CHAINS, components=COMPONENTS)
    assert [one.severity for one in told] == ["error", "info"]


def test_warnings_point_to_what_was_written() -> None:
    chains = {
        "base": text("base", "THEN({{0}},\n  {{1}})"),
        "main": text("main", "{{0}} = b.retry(1);\n{{1}} = pay;", "base"),
    }
    told = check_chain("main", chains=chains, components=COMPONENTS)
    assert [(one.chain, one.line, one.column) for one in told] == [("main", 1, 9)]


def test_a_filled_text_has_its_limit() -> None:
    chains = {
        "base": text("base", "THEN(" + "{{0}}," * 100 + "a)"),
        "main": text("main", "{{0}} = " + "a," * 200 + "a;", "base"),
    }
    with pytest.raises(ChainInvalid) as caught:
        compile_chain("main", chains=chains, components=COMPONENTS, limits=Limits(text=1000))
    assert [one.category for one in caught.value.diagnostics] == ["limit"]


def route(of: str) -> str:
    chains = {**CHAINS, "main": text("main", "THEN(a)", route=of)}
    plan = compile_route("main", chains=chains, components=COMPONENTS)
    assert (plan.chain, plan.version) == ("main", 1)
    return shape(plan.root)


ROUTES = [
    ("x", "x"),
    ("x.tag('t').data('d')", "x:t=d"),
    ("AND(x, y)", "and(x y)"),
    ("OR(x, NOT(y)).id('i')", "or(x not(y))"),
    ("node('x')", "x"),
    ("either = OR(x, y); NOT(either)", "not(or(x y))"),
    ("// why\nx;", "x"),
]


@pytest.mark.parametrize(("of", "expected"), ROUTES)
def test_routes(of: str, expected: str) -> None:
    assert route(of) == expected


NO_ROUTES = [
    ("route_operand", "«a»"),
    ("route_operand", "«s»"),
    ("route_operand", "«THEN(a)»"),
    ("route_operand", "«IF(x, a)»"),
    ("route_operand", "«x.retry(1)»"),
    ("route_operand", "«NOT(x).maxWaitSeconds(1)»"),
    ("route_operand", "«'x'»"),
    ("route_operand", "«true»"),
    ("route_operand", "«either»"),
    ("route_operand", "OR(x, «either», «sub»)"),
    ("unknown_ref", "«nosuch»"),
    ("unknown_ref", "«node('nosuch')»"),
    ("unknown_ref", "AND(x, «nosuch»)"),
    ("operand_type", "AND(x, «a»)"),
    ("operand_type", "NOT(«THEN(a)»)"),
    ("arity", "«AND(x)»"),
    ("syntax", "OR(x«»"),
    ("empty", "«// nothing»"),
]


@pytest.mark.parametrize(("category", "marked"), NO_ROUTES)
def test_what_is_no_route(category: str, marked: str) -> None:
    parts = marked.replace("»", "«").split("«")
    with pytest.raises(ChainInvalid) as caught:
        route("".join(parts))
    told = caught.value.diagnostics
    assert [one.category for one in told] == [category] * (len(parts) // 2)
    assert all(one.message.startswith("in the route: ") for one in told)
    for one, before in zip(told, range(1, len(parts), 2), strict=True):
        assert one.span.start == len("".join(parts[:before]))


def test_a_chain_is_checked_with_its_route_and_runs_without() -> None:
    chains = {"main": text("main", "THEN(a)", route="a"), "blank": text("blank", "", route="x")}
    told = check_chain("main", chains=chains, components=COMPONENTS)
    assert [one.category for one in told] == ["route_operand"]
    assert compile_chain("main", chains=chains, components=COMPONENTS).plan.nodes == 2
    # A route alone is not a chain.
    told = check_chain("blank", chains=chains, components=COMPONENTS)
    assert [one.category for one in told] == ["empty"]


@pytest.mark.parametrize("blank", ["", "  \n"])
def test_a_blank_route_is_none(blank: str) -> None:
    assert not text("main", "THEN(a)", route=blank).routed


WORDS_AND_SIGNS = "THEN( IF(x, AND(x, y) ) , a sub f0 f1 {{0}} {{k}} {{ ; ' // .retry(1)"
PIECES = st.sampled_from([*WORDS_AND_SIGNS.split(), "\n", "{{0}} = ", "{{k}}=", "{{ k }}"])
texts = st.lists(PIECES, max_size=10).map("".join)
families = st.lists(
    st.tuples(texts, st.none() | st.sampled_from(["f0", "f1", "f2", "sub", "nosuch"]), texts),
    min_size=3,
    max_size=3,
)


@given(family=families)
@settings(deadline=None)
def test_any_family_gives_a_plan_or_diagnostics(
    family: list[tuple[str, str | None, str]],
) -> None:
    chains = {
        **INCLUDED,
        **{f"f{at}": text(f"f{at}", *parts) for at, parts in enumerate(family)},
    }
    for name in ("f0", "f1", "f2"):
        told = check_chain(name, chains=chains, components=COMPONENTS)
        for one in told:
            route_of = chains[one.chain].route or ""
            own = route_of if one.message.startswith("in the route") else chains[one.chain].text
            assert str(one)
            assert 0 <= one.span.start <= one.span.end <= len(own) + 1
        if all(one.severity == "warning" for one in told):
            compile_chain(name, chains=chains, components=COMPONENTS)
