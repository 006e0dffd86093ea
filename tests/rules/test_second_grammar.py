"""Parser and second grammar agree on what is well-formed, so each shows mistakes of the other."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, example, given, settings

from rules.el.ast import Script
from rules.el.findings import Findings
from rules.el.operators.rows import Operator
from rules.el.operators.table import OPERATORS
from rules.el.parser import parse
from rules.el.printer import print_script
from tests.rules.generated import damaged, messy, noise, randoms, scripts
from tests.rules.second_grammar import well_formed

SYNTACTIC = {"syntax", "unsupported_host", "placeholder_missing"}
GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "el" / "valid").glob("*.el"))


def parses(text: str) -> bool | None:
    """Whether our parser takes the text; None if a limit keeps it from saying."""
    findings = Findings("main", text)
    parse(text, findings)
    found = {one.category for one in findings.diagnostics()}
    if "limit" in found or (findings.full and not found & SYNTACTIC):
        return None
    return not found & SYNTACTIC


WELL_FORMED = [
    "",
    " \n",
    "// only a remark",
    ";;",
    "THEN(a, b)",
    "THEN(a, b);",
    ";THEN(a, b);;",
    "x = WHEN(a, b); THEN(x)",
    "x = WHEN(a, b)\nTHEN(x)",
    "x\n=\nWHEN(a, b)\n\nTHEN(x)",
    "THEN(a);/* */THEN(b)",
    "THEN(a) /*\n*/ THEN(b)",
    "THEN(a) // so\nTHEN(b)",
    "THEN(\na\n,\nb\n)\n.tag\n(\n'x'\n)",
    "a\n(b)",
    "THEN(a)\n(THEN(b))",
    "1\n-2",
    "THEN(a)\n.tag('x')",
    "(THEN(a)).tag('x')",
    "((1 + 2) * 3).tag('x')",
    "THEN()",
    "THEN(x = a, y = THEN(z = b, z).tag('t'))",
    "f(1, 2.5, 0.6f, 3d, 1e5, 1.5e-3F, -1, - 1, true, false, null)",
    "f(1+2, 1 - -2, 'a' + \"b\" * c / d)",
    "'it\\'s'; \"\\\\\"",
    "'one\ntwo'",
    "a.if(b).true()",
    "true(a)",
    "$a1_é = 创建订单.tag('x')",
    "THEN(a// so\n, b /* so */)",
    "nosuch(a).wild(1)",
    "99999999999",
]
ILL_FORMED = [
    "THEN(a",
    "THEN a)",
    "THEN(a,)",
    "THEN(,a)",
    "THEN(a,,b)",
    "THEN(a b)",
    "THEN(a\nb)",
    "THEN(a;b)",
    "THEN(a) THEN(b)",
    "THEN(a))",
    "THEN(a).",
    "THEN(a).tag",
    "THEN(a).tag\nTHEN(b)",
    "THEN(a).()",
    ".tag('x')",
    "THEN(a), THEN(b)",
    "x = ",
    "x = y = z",
    "= a",
    "THEN(x = y = a)",
    "THEN(true = a)",
    "THEN((x = a))",
    "THEN(a) = b",
    "1 = a",
    "true = a",
    "if = a",
    "if (a) { b }",
    "THEN(if)",
    "return a",
    "a == b",
    "a ? b : c",
    "a && b",
    "!a",
    "a < b",
    "1 ++ 2",
    "1 -- 2",
    "a -> b",
    "1 +",
    "* 1",
    "+1",
    "--1",
    "'open",
    '"open',
    "'a' 'b'",
    "/* open",
    "a /* open",
    "1 2",
    "1a",
    "0x10",
    "1.",
    ".5",
    "{{slot}}",
    "THEN({{slot}})",
    "[a]",
    "a # b",
    "THEN(a\uff0c b)",
    "()",
    "THEN(())",
    "\x00",
]


@pytest.mark.parametrize("text", WELL_FORMED)
def test_both_take_what_is_well_formed(text: str) -> None:
    assert (parses(text), well_formed(text)) == (True, True)


@pytest.mark.parametrize("text", ILL_FORMED)
def test_both_refuse_what_is_not(text: str) -> None:
    assert (parses(text), well_formed(text)) == (False, False)


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: row.name)
def test_both_take_the_examples(row: Operator) -> None:
    assert (parses(row.example), well_formed(row.example)) == (True, True)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_both_take_the_golden_chains(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert (parses(text), well_formed(text)) == (True, True)


@given(script=scripts, layout=randoms)
@settings(deadline=None)
def test_both_take_generated_chains(script: Script, layout: Random) -> None:
    text = print_script(script)
    assert well_formed(text)
    assert well_formed(messy(text, layout))


@given(damaged)
@example("a\u2028b")
@example("a\x1cb")
@example("a\x85b")
@settings(deadline=None, max_examples=400)
def test_they_agree_on_damaged_chains(text: str) -> None:
    ours = parses(text)
    assume(ours is not None)
    assert well_formed(text) == ours


@given(noise)
@settings(deadline=None, max_examples=1000)
def test_they_agree_on_any_text(text: str) -> None:
    ours = parses(text)
    assume(ours is not None)
    assert well_formed(text) == ours
