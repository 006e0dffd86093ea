"""Properties: printing keeps the meaning, no text breaks the compiler, time is linear."""

from collections.abc import Callable
from random import Random
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.compiler import ChainText, Compiled, check_chain
from rules.el.ast import Arithmetic, Call, Chained, Expr, Literal, Name, Script, Statement
from rules.el.findings import Findings
from rules.el.lexer import tokenize
from rules.el.parser import parse
from rules.el.printer import format_text, print_script
from rules.errors import ChainInvalid
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


def marks(*operators: str) -> st.SearchStrategy[list[Call]]:
    mark = st.builds(call, st.sampled_from(operators), strings())
    return st.lists(mark, max_size=2)


def expressions(items: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    group = st.builds(
        lambda operator, args, after: chained(call(operator, *args), after),
        st.sampled_from(["THEN", "SER", "WHEN", "PAR"]),
        st.lists(items, min_size=1, max_size=4),
        marks("id", "tag", "data"),
    )
    arms = st.lists(
        st.builds(lambda test, then: call("ELIF", test, then), conditions, items), max_size=2
    )
    branch = st.builds(
        lambda test, then, elifs, last, after: chained(
            call("IF", test, then), [*elifs, *(call("ELSE", item) for item in last), *after]
        ),
        conditions,
        items,
        arms,
        st.lists(items, max_size=1),
        marks("id", "tag", "data"),
    )
    return st.one_of(group, branch)


conditions = st.builds(chained, st.sampled_from("xy").map(name), marks("tag", "data"))
leaves = st.builds(chained, st.sampled_from(["a", "b", "sub"]).map(name), marks("tag", "data"))
bodies = expressions(st.recursive(leaves, expressions, max_leaves=6))
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
    expressions(st.recursive(uses, expressions, max_leaves=6)),
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


def check(text: str) -> None:
    chains = {**INCLUDED, "main": ChainText("main", text)}
    for found in check_chain("main", chains=chains, components=COMPONENTS):
        assert str(found)
        assert 0 <= found.span.start <= found.span.end <= len(text) + 1
        found.drawing.encode()


FULL_WIDTH_COMMA = "\uff0c"
# fmt: off
PIECES = [
    "THEN(", "WHEN(", "IF(", ".ELIF(", ".ELSE(", ")", "(", ",", ";", ".", "=", "+", "-", "*", "/",
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
