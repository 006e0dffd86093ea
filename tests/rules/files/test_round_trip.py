"""What is written is read back, in every format, whatever the texts are."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from rules.files.definitions import (
    SCRIPTS,
    ChainDefinition,
    Definitions,
    NodeDefinition,
    tidy,
)
from rules.files.problems import NotWritable, Problem, RuleFileInvalid
from rules.files.reading import read_definitions
from rules.files.writing import Format, write_definitions

# Definitions are drawn in many small pieces, which takes its time on a busy machine.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

FORMATS: tuple[Format, ...] = ("xml", "json", "yaml")

ODD = ["]]>", "<![CDATA[", "&amp;", "<!-- no -->", "# no", "- no", ": ", "null", "\u2028", "\x85"]
LINES = st.sampled_from(
    ["THEN(a, b);", "  // c", "\tWHEN(x)", '"\\"\\\\"', "创建订单", "", " ", "|", "~", *ODD]
)
CHARACTERS = "abN1 {}()[];,.=\t\n\r\"'\\/<>&]!?#%@:-|~*中é\x7f\x85\xa0\u2028\ufeff\U0001f600"
XML = st.text(CHARACTERS, max_size=12)
ANY = st.text(CHARACTERS + "\0\x0b\x1b\ufffe", max_size=12)
TEXTS = st.lists(st.one_of(LINES, XML), min_size=1, max_size=6).map("\n".join).map(tidy)
FULL = TEXTS.filter(bool)
SHORT = XML.filter(bool)
IDS = st.one_of(st.sampled_from(["order", "yes", "null", "1", "a-b"]), SHORT).map(str.strip)
NAMES = IDS.filter(bool)


@st.composite
def chains(draw: st.DrawFn) -> ChainDefinition:
    extends = draw(st.none() | SHORT)
    route = draw(st.none() | FULL)
    return ChainDefinition(
        id=draw(NAMES),
        text=draw(TEXTS if extends and route is None else FULL),
        route=route,
        namespace=draw(st.none() | st.sampled_from(["default", "vip"]) | SHORT),
        extends=extends,
        enabled=draw(st.booleans()),
        description=draw(st.none() | SHORT),
        transactional=draw(st.none() | st.booleans()),
        undo_policy=draw(st.sampled_from([None, "stop", "continue"])),
        status=draw(st.none() | st.sampled_from(["DRAFT"]) | SHORT),
    )


@st.composite
def nodes(draw: st.DrawFn) -> NodeDefinition:
    type = draw(st.sampled_from([None, "common", "boolean", *sorted(SCRIPTS)]))
    return NodeDefinition(
        id=draw(NAMES),
        type=type,
        name=draw(st.none() | SHORT),
        class_name=draw(SHORT if type is None else st.none() | SHORT),
        language=draw(st.none() | SHORT),
        script=draw(FULL) if type in SCRIPTS else None,
        enabled=draw(st.booleans()),
    )


DEFINITIONS = st.builds(
    Definitions,
    st.lists(chains(), max_size=4, unique_by=lambda one: (one.namespace or "default", one.id)).map(
        tuple
    ),
    st.lists(nodes(), max_size=3, unique_by=lambda one: one.id).map(tuple),
)


@pytest.mark.parametrize("format", FORMATS)
@patient
@given(found=DEFINITIONS)
def test_what_is_written_is_read_back(format: Format, found: Definitions) -> None:
    text = write_definitions(found, format)
    again = read_definitions(f"flow.{format}", text.encode())
    assert again == found
    assert again.remarks == ()
    assert write_definitions(again, format) == text


@patient
@given(DEFINITIONS)
def test_json_and_yaml_are_what_others_read(found: Definitions) -> None:
    """The lines are read by code of our own; that code and the libraries agree."""
    by_json = json.loads(write_definitions(found, "json"))["flow"]
    by_yaml = YAML(typ="safe", pure=True).load(write_definitions(found, "yaml"))["flow"]
    assert by_yaml == by_json


@given(ANY)
def test_a_tidy_text_stays(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)


@given(st.lists(st.sampled_from(["  ", "\t", "THEN(a)", "\n", "\r\n", "b"])).map("".join))
def test_only_blanks_are_taken_off(text: str) -> None:
    assert tidy(text).split() == text.split()


@given(ANY)
def test_any_text_is_held_by_json_and_yaml(text: str) -> None:
    found = Definitions((ChainDefinition(id="c", text=f"a{text}b"),))
    expected = tidy(f"a{text}b")
    for format in ("json", "yaml"):
        again = read_definitions(f"f.{format}", write_definitions(found, format).encode())
        assert again.chains[0].text == expected


def test_xml_says_what_it_cannot_hold() -> None:
    found = Definitions((ChainDefinition(id="odd", text='THEN(a.tag("\x00"))'),))
    with pytest.raises(NotWritable, match=r"chain 'odd': it has the character '\\x00'.*JSON"):
        write_definitions(found, "xml")


PIECES = [
    *(
        b"<flow>",
        b"</flow>",
        b"<chain id='a'>",
        b"</chain>",
        b"<route>",
        b"<!DOCTYPE flow [",
        b"]>",
    ),
    *(b"<![CDATA[", b"]]>", b"<?xml version='1.0' encoding='GBK'?>", b"&a;", b"<!ENTITY a 'b'>"),
    *(b'{"flow":', b'{"chain":', b'[{"id":"a",', b'"value":', b'"THEN(a)"', b"}]", b"}", b"null"),
    *(
        b"flow:\n",
        b"  chain:\n",
        b"  - id: a\n",
        b"    value: |\n",
        b"      T\n",
        b"&x ",
        b"*x ",
        b"? ",
    ),
    *(
        b"\xff",
        b"\x00",
        b"\n",
        b"\t",
        b" ",
        b"---\n",
        b"!!python/object:os.x ",
        b"%YAML 1.1\n",
        b"<<: ",
    ),
]


@pytest.mark.parametrize("format", FORMATS)
@patient
@given(data=st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join) | st.binary(max_size=40))
def test_any_file_is_read_or_refused_in_words(format: Format, data: bytes) -> None:
    problems: tuple[Problem, ...] | None = None
    try:
        read_definitions(f"flow.{format}", data)
    except RuleFileInvalid as invalid:
        problems = invalid.problems
    assert problems != ()
    assert all(problem.mend and problem.place.line >= 1 for problem in problems or ())


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("f.yml", b"[" * 20_000),
        ("f.yml", b"- " * 5_000),
        ("f.xml", b"<a>" * 50_000),
        ("f.json", b"[" * 900 + b"]" * 900),
    ],
)
def test_no_file_is_too_deep(name: str, data: bytes) -> None:
    with pytest.raises(RuleFileInvalid):
        read_definitions(name, data)
