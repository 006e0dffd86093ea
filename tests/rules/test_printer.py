"""Canonical text: exact layouts, and that printing changes nothing."""

import pytest

from rules.el.printer import format_text
from rules.errors import ChainInvalid

LONG = "createOrderForTheCustomer"

LAYOUTS = [
    ("THEN( a,b )", "THEN(a, b);\n"),
    ("x=WHEN(a,b)\nTHEN(x)", "x = WHEN(a, b);\nTHEN(x);\n"),
    ("a.tag('it\\'s').data('\"{}\"\n')", 'a.tag("it\'s").data("\\"{}\\"\\n");\n'),
    ("a.tag('x'+'y')", 'a.tag("x" + "y");\n'),
    ("r((1+2)*3, - 4, 0.6f, 1e30, true, null)", "r((1 + 2) * 3, -4, 0.6, 1e+30, true, null);\n"),
    ("(1+2).tag('x')", '(1 + 2).tag("x");\n'),
    ("(THEN(a))", "THEN(a);\n"),
    ("then(nosuch).wild()", "then(nosuch).wild();\n"),
    ("// only a remark", ""),
    (
        f"THEN({LONG}1,WHEN({LONG}2,{LONG}3).id('w'),{LONG}4).tag('t')",
        f'THEN(\n    {LONG}1,\n    WHEN({LONG}2, {LONG}3).id("w"),\n    {LONG}4\n).tag("t");\n',
    ),
    ("FOR( 1+2 ).BREAK(x).parallel(true).DO( a )", "FOR(1 + 2).BREAK(x).parallel(true).DO(a);\n"),
    ("WHEN(a,b).must('a',b).percentage(0.50f)", 'WHEN(a, b).must("a", b).percentage(0.5);\n'),
    (
        f"SWITCH(s).TO({LONG}1,{LONG}2).DEFAULT(PRE({LONG}3).retry(1,'{LONG}'))",
        f'SWITCH(s).TO({LONG}1, {LONG}2).DEFAULT(\n    PRE({LONG}3).retry(1, "{LONG}")\n);\n',
    ),
    (
        f"THEN(WHEN({LONG}1,{LONG}2,{LONG}3,{LONG}4))",
        "THEN(\n    WHEN(\n"
        + "".join(f"        {LONG}{n},\n" for n in (1, 2, 3))
        + f"        {LONG}4\n    )\n);\n",
    ),
]


@pytest.mark.parametrize(("text", "expected"), LAYOUTS, ids=range(len(LAYOUTS)))
def test_layout(text: str, expected: str) -> None:
    assert format_text(text) == expected
    assert format_text(expected) == expected


def test_refuses_broken_text() -> None:
    with pytest.raises(ChainInvalid, match="missing '\\)'"):
        format_text("THEN(a", "main")
