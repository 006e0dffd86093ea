"""No text breaks the language: all that comes of any is diagnostics, in linear time."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from time import process_time

import pytest
from hypothesis import given, settings

from api.cli.assumed import assume
from rules.compiler import ChainText, check_chain, compile_chain
from rules.el.ast import Call
from rules.el.comments import format_with_comments
from rules.el.findings import Findings
from rules.el.parser import parse
from rules.el.printer import format_text
from rules.errors import ChainInvalid
from tests.rules.conftest import COMPONENTS, INCLUDED
from tests.rules.generated import FULL_WIDTH_COMMA, damaged, noise


def check(text: str) -> None:
    chains = {**INCLUDED, "main": ChainText("main", text)}
    found = check_chain("main", chains=chains, components=COMPONENTS)
    for one in found:
        assert str(one)
        assert 0 <= one.span.start <= one.span.end <= len(text) + 1
        one.drawing.encode()
    errors = [one for one in found if one.severity == "error"]
    with pytest.raises(ChainInvalid) if errors else nullcontext():
        compile_chain("main", chains=chains, components=COMPONENTS)


def check_format(text: str, format: Callable[[str], str]) -> None:
    try:
        formatted = format(text)
    except ChainInvalid:
        return
    assert format(formatted) == formatted


def check_all(text: str) -> None:
    """Everything that reads a text as its author wrote it."""
    check(text)
    check_format(text, format_text)
    check_format(text, lambda text: format_with_comments(text, "main"))
    assume("main", {"main": ChainText("main", text)})


@given(noise)
@settings(deadline=None, max_examples=400)
def test_any_text_gives_diagnostics_only(text: str) -> None:
    check_all(text)


@given(damaged)
@settings(deadline=None, max_examples=200)
def test_damaged_text_gives_diagnostics_only(text: str) -> None:
    check_all(text)


SIZE = 40_000
COUNTED = 3_000
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


HEADS = ["", "THEN(", "THEN(a", "THEN(a.tag('"]


@pytest.mark.parametrize("piece", PATHOLOGICAL)
@pytest.mark.parametrize("head", HEADS)
def test_long_text_takes_linear_time(piece: str, head: str) -> None:
    """Also inside of single calls, such as a regular expression's, which nobody counts."""
    text = head + piece * (SIZE // len(piece.encode()))
    started = process_time()
    check(text)
    assert process_time() - started < 10


def steps(text: str) -> int:
    """Calls that it takes to check a text, those of built-in functions counted."""
    count = 0

    def called(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        check(text)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("piece", PATHOLOGICAL)
@pytest.mark.parametrize("head", HEADS)
def test_twice_the_text_takes_twice_the_steps(piece: str, head: str) -> None:
    number = COUNTED // len(piece.encode())
    check(head + piece)
    once, twice = steps(head + piece * number), steps(head + piece * 2 * number)
    assert twice <= 2.3 * once


def test_tree_of_a_broken_text_has_no_reported_part_twice() -> None:
    findings = Findings("main", "THEN(a,,b,)")
    script = parse(findings.text, findings)
    (statement,) = script.statements
    assert isinstance(statement.value, Call)
    assert len(statement.value.args) == 4
    assert len(findings.diagnostics()) == 2
