"""Filling templates: text in, text out, and where each character was written."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.templates import Written, definitions, fill, missing, placeholders, unfinished

MOST = 10_000


@dataclass(frozen=True)
class Case:
    """A base, what extends it, and the text that this makes."""

    id: str
    base: str
    child: str
    filled: str


CASES = [
    Case("one", "THEN({{0}},a,{{0}})", "{{0}}=THEN(c);", "THEN(THEN(c),a,THEN(c))"),
    Case("names", "{{_pre}} {{main2}}", "{{main2}}=b;{{_pre}}=a;", "a b"),
    Case("blanks around", "({{k}})", "  {{k}}  =\n  THEN(a,\n b)  ; ", "(THEN(a,\n b))"),
    Case("first definition", "({{k}})", "{{k}}=a; {{k}}=b;", "(a)"),
    Case("first semicolon", "({{k}})", "{{k}}='x;y';", "('x)"),
    Case("assignment", "({{0}})", "{{0}}=x1=THEN(c); ", "(x1=THEN(c))"),
    Case("nothing", "({{k}})", "{{k}}=;", "()"),
    Case("other text is ignored", "({{k}})", "THEN(x); {{other}}=b; {{k}}=a; // {{no}}", "(a)"),
    Case("no placeholders", "THEN(a)", "{{k}}=b;", "THEN(a)"),
    Case("nothing at all", "THEN(a)", "", "THEN(a)"),
    Case("empty base", "", "{{k}}=b;", ""),
    Case("left for the next", "({{k}})", "{{k}}=THEN({{deep}});", "(THEN({{deep}}))"),
    Case("its own key is left", "({{k}})", "{{k}}=THEN({{k}});", "(THEN({{k}}))"),
    Case("a key that comes later", "{{a}}{{b}}", "{{b}}=y;{{a}}=<{{b}}>;", "<y>y"),
    Case("a key that came before", "{{b}}{{a}}", "{{b}}=y;{{a}}=<{{b}}>;", "y<{{b}}>"),
    Case("in strings and remarks", "a.tag('{{k}}') // {{k}}", "{{k}}=v;", "a.tag('v') // v"),
    Case("blanks inside", "({{ k }})", "{{k}}=a;", "({{ k }})"),
    Case("no key", "({{a-b}}{{}}{{1a}}{k}{{k})", "{{k}}=a;", "({{a-b}}{{}}{{1a}}{k}{{k})"),
    Case("three braces", "{{{k}}}", "{{k}}=a;", "{a}"),
    Case("other letters", "({{步骤}})", "{{步骤}}=下单;", "(下单)"),
    Case("a definition is no placeholder", "{{k}} = {{v}};", "{{v}}=a;", "{{k}} = a;"),
]


def filled(base: str, child: str, most: int = MOST) -> Written:
    whole = fill(Written.by("base", base), Written.by("child", child), most)
    assert whole is not None
    return whole


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_filling(case: Case) -> None:
    whole = filled(case.base, case.child)
    assert whole.text == case.filled
    at = [piece.at for piece in whole.pieces]
    assert at[0] == 0
    assert at == sorted(at)
    own = {"base": case.base, "child": case.child}
    for offset, char in enumerate(whole.text):
        place = whole.place(offset, offset + 1)
        assert own[place.chain][place.start : place.end] == char


MISSING = [
    ("{{a}}{{b}}{{a}}", "{{b}}=x;", ["a"]),
    ("{{a}}", "{{a}}=x", ["a"]),
    ("{{a}}", "{{ a }}=x;", ["a"]),
    ("{{a}}{{1}}", "", ["a", "1"]),
    ("{{a}}", "{{a}};", ["a"]),
    ("a", "", []),
    ("{{a}}", "{{b}}={{a}}=x;", ["a"]),
]


@pytest.mark.parametrize(("base", "child", "keys"), MISSING)
def test_what_is_missing(base: str, child: str, keys: list[str]) -> None:
    assert [one.key for one in missing(Written.by("base", base), child)] == keys


def test_a_definition_that_never_ends() -> None:
    assert unfinished("{{a}}=x; {{b}}=y", "b") == 9
    assert unfinished("{{a}}=x; {{b}}=y", "a") is None
    assert unfinished("{{b}}", "b") is None


def test_several_levels_keep_their_places() -> None:
    base = Written.by("base", "THEN(a, {{0}}, b)")
    middle = fill(base, Written.by("middle", "{{0}} = WHEN(c, {{1}});"), MOST)
    assert middle is not None
    last = fill(middle, Written.by("last", "{{1}} = THEN(d);"), MOST)
    assert last is not None
    assert last.text == "THEN(a, WHEN(c, THEN(d)), b)"
    assert last.place(5, 6) == ("base", 5, 6)
    assert last.place(13, 14) == ("middle", 13, 14)
    assert last.place(16, 23) == ("last", 8, 15)
    # What begins and ends in one chain's text is all that stands between, ...
    assert last.place(8, 24) == ("middle", 8, 22)
    assert last.place(0, len(last.text)) == ("base", 0, 17)
    # ... what ends elsewhere, only the part of it in which it begins.
    assert last.place(5, 14) == ("base", 5, 8)
    assert last.place(13, 20) == ("middle", 13, 16)


@pytest.mark.parametrize("value", ["", "x", "{{b}}{{b}}"])
def test_texts_that_grow_without_bound_end_early(value: str) -> None:
    keys = [f"k{level}" for level in range(60)]
    base = "".join(f"{{{{{key}}}}}" for key in keys)
    child = "".join(
        f"{{{{{key}}}}}={{{{{after}}}}}{{{{{after}}}}};" for key, after in pairwise(keys)
    )
    child += f"{{{{{keys[-1]}}}}}={value};"
    assert fill(Written.by("base", base), Written.by("child", child), MOST) is None


PIECES = st.sampled_from(
    ["{{a}}", "{{b}}", "{{0}}", "{{", "}}", ";", " ", "\n", "THEN(", ")", "{{a}}=", "{{b}} = "]
)
texts = st.lists(PIECES, max_size=12).map("".join)


@given(base=texts, child=texts)
@settings(deadline=None)
def test_any_text(base: str, child: str) -> None:
    whole = filled(base, child)
    values = {key: child[start:end] for key, (start, end) in definitions(child).items()}
    assert all(";" not in value and value == value.strip() for value in values.values())
    # Every character comes from where its place says.
    own = {"base": base, "child": child}
    for offset, char in enumerate(whole.text):
        place = whole.place(offset, offset + 1)
        assert own[place.chain][place.start : place.end] == char
    # Filling by steps, each key in the order in which the base names it, gives the same.
    expected = base
    for key in dict.fromkeys(one.key for one in placeholders(base)):
        if key in values:
            expected = _replaced(expected, key, values[key])
    assert whole.text == expected


def _replaced(text: str, key: str, value: str) -> str:
    parts: list[str] = []
    at = 0
    for one in placeholders(text):
        if one.key == key:
            parts += [text[at : one.start], value]
            at = one.end
    return "".join([*parts, text[at:]])


@given(base=texts)
@settings(deadline=None)
def test_without_definitions_nothing_changes(base: str) -> None:
    assert filled(base, "").text == base
