"""Properties: printing keeps the meaning, no text breaks the compiler, time is linear."""

import json
from collections import Counter
from collections.abc import Callable, Collection
from random import Random
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.checks.limits import Limits
from rules.compiler import ChainText, Compiled, check_chain, compile_chain
from rules.el.ast import (
    Arithmetic,
    Assignment,
    Call,
    Chained,
    Expr,
    Literal,
    Name,
    Script,
    Statement,
)
from rules.el.findings import Findings
from rules.el.lexer import tokenize
from rules.el.parser import parse
from rules.el.printer import format_text, print_script
from rules.errors import ChainInvalid, Diagnostic
from rules.lint.report import MOST
from rules.lint.table import CODES
from rules.plan import ComponentPolicy, FailurePolicy, FailureStrategy, Kind, Needs
from tests.rules.conftest import COMPONENTS, INCLUDED

Compile = Callable[[str], Compiled]


def name(text: str) -> Expr:
    return Name(text, 0, 0)


def call(operator: str, *args: Expr) -> Call:
    return Call(operator, args, 0, 0)


def chained(base: Expr, modifiers: list[Call]) -> Expr:
    return Chained(base, tuple(modifiers), 0, 0) if modifiers else base


def strings() -> st.SearchStrategy[Expr]:
    literal = st.text(max_size=8).map(lambda text: Literal(text, 0, 0))
    joined = st.lists(literal, min_size=2, max_size=3).map(
        lambda parts: Arithmetic(tuple(parts), ("+",) * (len(parts) - 1), 0, 0)
    )
    return st.one_of(literal, joined)


def literals(values: st.SearchStrategy[int] | st.SearchStrategy[bool]) -> st.SearchStrategy[Expr]:
    return values.map(lambda value: Literal(value, 0, 0))


truths = literals(st.booleans())
numbers = literals(st.integers(-2, 99))
waits = literals(st.integers(1, 10_000))
shares = st.floats(0, 1).map(lambda value: Literal(value, 0, 0))

MARKS: dict[str, st.SearchStrategy[Call]] = {
    **{mark: st.builds(call, st.just(mark), strings()) for mark in ("id", "tag", "data")},
    "bind": st.one_of(
        st.builds(call, st.just("bind"), strings(), strings()),
        st.builds(call, st.just("bind"), strings(), strings(), truths),
    ),
    "retry": st.one_of(
        st.builds(call, st.just("retry"), numbers),
        st.builds(call, st.just("retry"), numbers, strings(), strings()),
    ),
    "maxWaitSeconds": st.builds(call, st.just("maxWaitSeconds"), waits),
    "maxWaitMilliseconds": st.builds(call, st.just("maxWaitMilliseconds"), waits),
}
JOINS = st.lists(
    st.one_of(
        st.builds(call, st.sampled_from(["any", "ignoreError"]), truths),
        st.builds(call, st.just("percentage"), shares),
        st.builds(call, st.just("must"), st.just(name("a"))),
        st.builds(call, st.just("maxWaitSeconds"), waits),
        st.builds(call, st.just("threadPool"), strings()),
    ),
    max_size=2,
)


def marks(*operators: str) -> st.SearchStrategy[list[Call]]:
    return st.lists(st.one_of([MARKS[operator] for operator in operators]), max_size=2)


def one_or_none(operator: str, items: st.SearchStrategy[Expr]) -> st.SearchStrategy[list[Call]]:
    return st.lists(st.builds(call, st.just(operator), items), max_size=1)


conditions = st.recursive(
    st.builds(chained, st.sampled_from("xy").map(name), marks("tag", "data", "bind")),
    lambda inner: st.one_of(
        st.builds(call, st.sampled_from(["AND", "OR"]), inner, inner),
        st.builds(call, st.just("NOT"), inner),
        st.builds(chained, st.builds(call, st.just("NOT"), inner), marks("id", "tag", "bind")),
    ),
    max_leaves=3,
)
after_all = marks(*MARKS)


def assigned(item: Expr) -> Expr:
    """The operand, and a variable of it that is never used."""
    return Assignment(Name("unused", 0, 0), item, 0, 0)


def sequences(items: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    hoisted = st.builds(
        lambda operator, item, after: chained(call(operator, item), after),
        st.sampled_from(["PRE", "FINALLY"]),
        items,
        after_all,
    )
    return st.builds(
        lambda operator, args, after: chained(call(operator, *args), after),
        st.sampled_from(["THEN", "SER"]),
        st.lists(st.one_of(items, items, hoisted, items.map(assigned)), min_size=1, max_size=4),
        after_all,
    )


def joins(items: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    return st.builds(
        lambda operator, args, join, after: chained(
            call(operator, name("a"), *args), [*join, *after]
        ),
        st.sampled_from(["WHEN", "PAR"]),
        st.lists(items, max_size=3),
        JOINS,
        after_all,
    )


def choices(items: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    arms = st.lists(
        st.builds(lambda test, then: call("ELIF", test, then), conditions, items), max_size=2
    )
    branch = st.builds(
        lambda test, then, elifs, last, after: chained(
            call("IF", test, then), [*elifs, *last, *after]
        ),
        conditions,
        items,
        arms,
        one_or_none("ELSE", items),
        after_all,
    )
    targets = st.builds(
        lambda to, args: call(to, *args),
        st.sampled_from(["TO", "to"]),
        st.lists(items, min_size=1, max_size=3),
    )
    switch = st.builds(
        lambda head, to, last, after: chained(call("SWITCH", head), [*to, *last, *after]),
        st.builds(chained, st.just(name("s")), marks("tag", "data", "bind")),
        st.lists(targets, min_size=1, max_size=2),
        one_or_none("DEFAULT", items),
        after_all,
    )
    return st.one_of(branch, switch)


def loops(items: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    heads = st.one_of(
        st.builds(call, st.just("FOR"), st.one_of(numbers, st.just(name("n")))),
        st.builds(call, st.just("WHILE"), st.one_of(truths, conditions)),
        st.builds(call, st.just("ITERATOR"), st.just(name("it"))),
    )
    loop = st.builds(
        lambda head, body, parts, rest, after: chained(
            head, [*parts, call("DO", body), *rest, *after]
        ),
        heads,
        items,
        one_or_none("BREAK", conditions),
        one_or_none("parallel", truths),
        after_all,
    )
    catch = st.builds(
        lambda body, handler, after: chained(call("CATCH", body), [*handler, *after]),
        items,
        one_or_none("DO", items),
        after_all,
    )
    return st.one_of(loop, catch)


def expressions(items: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    return st.one_of(sequences(items), joins(items), choices(items), loops(items))


leaf_names = st.one_of(
    st.sampled_from(["a", "b", "sub"]).map(name),
    st.sampled_from(["node", "NODE"]).map(lambda to: call(to, Literal("a", 0, 0))),
)
leaves = st.builds(chained, leaf_names, marks("tag", "data", "bind", "retry", "maxWaitSeconds"))
bodies = expressions(st.recursive(leaves, expressions, max_leaves=4))
# Strategies made once: making them while drawing takes most of the time.
uses = st.one_of(leaves, st.sampled_from(["v0", "v1"]).map(name))
scripts = st.builds(
    lambda v0, v1, last: Script(
        (
            Statement(Name("v0", 0, 0), v0, ()),
            Statement(Name("v1", 0, 0), v1, ()),
            Statement(None, last, ()),
        )
    ),
    leaves,
    bodies,
    expressions(st.recursive(uses, expressions, max_leaves=4)),
)


TRIVIA = ["", " ", "\n", "\t\r\n", "/* , ) */", "// it's\n", "/**/ "]


@given(script=scripts, layout=st.integers(0, 2**32).map(Random))
@settings(deadline=None)
def test_printing_keeps_text_and_plan(script: Script, layout: Random, compile_el: Compile) -> None:
    text = print_script(script)
    assert format_text(text) == text
    messy = "".join(token + layout.choice(TRIVIA) for token in tokenize(text).texts)
    assert format_text(messy) == text
    assert compile_el(messy).plan == compile_el(text).plan


def depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, inner), default=0)


@given(script=scripts)
@settings(deadline=None, max_examples=50)
def test_limits_bound_the_plan(script: Script, compile_el: Compile) -> None:
    text = print_script(script)
    plan = compile_el(text).plan
    tree = plan.root.model_dump_json(exclude_none=True)
    assert tree.count('"op":') <= plan.nodes
    # What `.bind` gives is one object inside the innermost node, and not counted.
    limits = Limits(levels=depth(json.loads(tree)) - 2)
    chains = {**INCLUDED, "main": ChainText("main", text)}
    found = check_chain("main", chains=chains, components=COMPONENTS, limits=limits)
    assert "limit" in {one.category for one in found}


def traited(id: str, kind: Kind) -> st.SearchStrategy[ComponentPolicy]:
    """A component with any of the traits that the lint looks at."""
    strategies = [one for one in FailureStrategy if kind == "common" or one != "IGNORE"]
    return st.builds(
        ComponentPolicy,
        id=st.just(id),
        kind=st.just(kind),
        needs=st.builds(
            Needs, whole_context=st.booleans(), context_keys=st.sampled_from([(), ("k",)])
        ),
        compensate=st.sampled_from([None, "refund"]),
        read_only=st.booleans(),
        irreversible=st.booleans(),
        on_failure=st.builds(
            FailurePolicy,
            strategy=st.sampled_from(strategies),
            afterwards=st.sampled_from(["COMPENSATE", "MANUAL"]),
        ),
        timeout=st.sampled_from([1.0, 61.0]),
    )


KINDS: dict[str, Kind] = {
    "a": "common",
    "b": "common",
    "x": "boolean",
    "y": "boolean",
    "s": "switch",
    "n": "for",
    "it": "iterator",
}
traits = st.fixed_dictionaries({id: traited(id, kind) for id, kind in KINDS.items()})
ABOUT_LENGTH = {"endless_loop", "unbounded_loop", "many_events", "too_wide", "large_stack"}


def lint_of(
    script: Script, policies: dict[str, ComponentPolicy], deployed: Collection[str] | None = None
) -> list[Diagnostic]:
    chains = {**INCLUDED, "main": ChainText("main", print_script(script))}
    components = {**COMPONENTS, **policies}
    compiled = compile_chain("main", chains=chains, components=components)
    return [one for one in compiled.linted(deployed) if one.category in CODES]


@given(script=scripts, policies=traits, deployed=st.none() | st.just({"a", "x"}))
@settings(deadline=None)
def test_the_lint_takes_every_chain_that_compiles(
    script: Script, policies: dict[str, ComponentPolicy], deployed: Collection[str] | None
) -> None:
    text = print_script(script)
    found = lint_of(script, policies, deployed)
    assert max(Counter(one.category for one in found).values(), default=0) <= MOST
    for one in found:
        assert text[one.span.start : one.span.end].strip()
        assert one.hint
        assert str(one)


@given(script=scripts)
@settings(deadline=None, max_examples=50)
def test_steps_that_only_read_leave_nothing_to_undo(script: Script) -> None:
    tame = {
        id: ComponentPolicy(id=id, kind=kind, read_only=True, timeout=1e-9)
        for id, kind in KINDS.items()
    }
    assert {one.category for one in lint_of(script, tame)} <= ABOUT_LENGTH


def check(text: str) -> None:
    chains = {**INCLUDED, "main": ChainText("main", text)}
    for found in check_chain("main", chains=chains, components=COMPONENTS):
        assert str(found)
        assert 0 <= found.span.start <= found.span.end <= len(text) + 1
        found.drawing.encode()


FULL_WIDTH_COMMA = "\uff0c"
# fmt: off
PIECES = [
    "THEN(", "WHEN(", "IF(", ".ELIF(", ".ELSE(", "PRE(", "FINALLY(", "SWITCH(s)", ".TO(", "AND(",
    ".DEFAULT(", "FOR(", "WHILE(", ".DO(", ".BREAK(", "CATCH(", "NOT(", "node(", ".retry(2",
    ".maxWaitSeconds(1)", ".must(", ".any(true)", ".bind('k', 'v')", ".id('i')", "nosuch",
    ")", "(", ",", ";", ".", "=", "+", "-", "*", "/",
    "'", '"', "\\", "//", "/*", "*/", "a", "b", "x", "sub", "main", "broken", "if", "{", "{{", "}}",
    "?", "==", "1", "2.5", "99999999999", "true", "null", ".tag(", "'q'", "\n", FULL_WIDTH_COMMA,
    "\ud800", "\x00",
]
# fmt: on


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)))
@settings(deadline=None, max_examples=400)
def test_any_text_gives_diagnostics_only(text: str) -> None:
    check(text)
    try:
        formatted = format_text(text)
    except ChainInvalid:
        return
    assert format_text(formatted) == formatted


@given(script=scripts, data=st.data())
@settings(deadline=None)
def test_damaged_text_gives_diagnostics_only(script: Script, data: st.DataObject) -> None:
    text = print_script(script)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 5)))
    check(text[:start] + data.draw(st.sampled_from(["", *PIECES])) + text[end:])


SIZE = 40_000
PATHOLOGICAL = [
    *(
        "(",
        ")",
        '"',
        "'",
        "/*",
        "/",
        "a ",
        "a.",
        "a,",
        ";",
        "9",
        "9 ",
        "-",
        "1+",
        "{",
        "\\",
        "=",
        "\n",
    ),
    *(
        "THEN(",
        "THEN(a b",
        "a.tag(",
        "a=",
        "a;",
        "IF(x,",
        "THEN(a),",
        '"\\',
        "/**/",
        "1e",
        FULL_WIDTH_COMMA,
        "?",
    ),
    *("FOR(2).DO(", "SWITCH(s).TO(", "PRE(", ".retry(1)", ".bind('k', 'v')", ".must(a)", ".TO(a)"),
    *("THEN(nosuch);", "THEN(a,a)\n", "x1=THEN(a);", "a.tag('t')", ".tag('t')"),
]


@pytest.mark.parametrize("piece", PATHOLOGICAL)
@pytest.mark.parametrize("head", ["", "THEN(", "THEN(a", "THEN(a.tag('"])
def test_long_text_takes_linear_time(piece: str, head: str) -> None:
    text = head + piece * (SIZE // len(piece.encode()))
    started = process_time()
    check(text)
    assert process_time() - started < 5


def test_tree_of_a_broken_text_has_no_reported_part_twice() -> None:
    findings = Findings("main", "THEN(a,,b,)")
    script = parse(findings.text, findings)
    (statement,) = script.statements
    assert isinstance(statement.value, Call)
    assert len(statement.value.args) == 4
    assert len(findings.diagnostics()) == 2
