"""What bringing script nodes into the table would change, and rows as nodes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.files.definitions import OLD_TYPES, SCRIPTS, NodeDefinition, tidy
from rules.source.bringing import Outcome, Target
from rules.source.bringing_scripts import BroughtScript, bring_scripts, node_of
from rules.source.scripts import ScriptRow

TARGET = Target("1", "default")
PUBLISHING = replace(TARGET, publish=True)


def node(**more: Any) -> NodeDefinition:
    given: dict[str, Any] = {"type": "script", "script": "return 1", "language": "js", **more}
    return NodeDefinition(id="s", **given)


def row(**more: Any) -> ScriptRow:
    given: dict[str, Any] = {"text": "return 1", "language": "js", **more}
    return ScriptRow(tenant="1", id="s", version=4, **given)


def brought(said: NodeDefinition, kept: ScriptRow | None, target: Target) -> BroughtScript:
    (one,) = bring_scripts([said], [kept] if kept else [], target)
    return one


DRAFT = {"status": "DRAFT"}

# What the file says, what the table has; what becomes of it, and which columns change.
ONE: list[tuple[str, NodeDefinition, ScriptRow | None, Target, Outcome, tuple[str, ...]]] = [
    ("new", node(), None, TARGET, "added", ()),
    ("new, at once", node(), None, PUBLISHING, "added", ()),
    ("the same", node(), row(), TARGET, "unchanged", ()),
    ("the same but for blanks", node(), row(text="  return 1\n"), TARGET, "unchanged", ()),
    ("a draft is published", node(), row(**DRAFT), PUBLISHING, "changed", ("status",)),
    ("serves", node(script="2"), row(), TARGET, "held", ("text",)),
    ("serves, replaced", node(script="2"), row(), PUBLISHING, "changed", ("text",)),
    ("a draft", node(script="2"), row(**DRAFT), TARGET, "changed", ("text",)),
    ("off", node(enabled=False), row(), TARGET, "held", ("enabled",)),
    ("another type", node(type="for_script"), row(), PUBLISHING, "changed", ("type",)),
    (
        "an old type",
        node(type="boolean_script"),
        row(type="if_script"),
        PUBLISHING,
        "unchanged",
        (),
    ),
    ("another language", node(language="cel"), row(), PUBLISHING, "changed", ("language",)),
    ("no language", node(language=None), row(), TARGET, "unchanged", ()),
    ("no name", node(), row(name="d"), TARGET, "unchanged", ()),
    ("a name", node(name="d"), row(), PUBLISHING, "changed", ("name",)),
    ("a draft of an export", node(status="DRAFT"), None, PUBLISHING, "added", ()),
]


@pytest.mark.parametrize(
    ("_", "said", "kept", "target", "outcome", "changes"), ONE, ids=[case[0] for case in ONE]
)
def test_one_script(
    _: str,
    said: NodeDefinition,
    kept: ScriptRow | None,
    target: Target,
    outcome: Outcome,
    changes: tuple[str, ...],
) -> None:
    one = brought(said, kept, target)
    assert (one.outcome, one.changes, one.before) == (outcome, changes, kept)
    assert not one.guessed


def test_a_script_without_a_language_is_taken_for_the_tables_own() -> None:
    one = brought(node(language=None), None, PUBLISHING)
    assert one.row == ScriptRow(tenant="1", id="s", text="return 1", language="java")
    assert one.guessed


def test_nodes_that_are_no_scripts_are_left_out() -> None:
    java = NodeDefinition(id="pay", type="common", class_name="com.example.Pay")
    assert bring_scripts([java], [], TARGET) == ()


@pytest.mark.parametrize("kept", [row(type="common"), row(text=" \n"), row(type="")])
def test_what_no_file_can_say_is_no_node(kept: ScriptRow) -> None:
    assert node_of(kept) is None


ROWS = st.builds(
    ScriptRow,
    tenant=st.just("1"),
    id=st.just("s"),
    text=st.sampled_from(["return 1", "  if (a) {\r\n    b\n  }\n", "<![CDATA[]]>"]),
    type=st.sampled_from([*sorted(SCRIPTS), *(one for one in OLD_TYPES if "script" in one)]),
    language=st.sampled_from(["java", "js", "groovy"]),
    name=st.sampled_from([None, "", "d"]),
    status=st.sampled_from(["PUBLISHED", "DRAFT", "ARCHIVED"]),
    enabled=st.booleans(),
)


@given(ROWS, st.booleans())
def test_what_the_table_has_is_brought_back_unchanged(kept: ScriptRow, publish: bool) -> None:
    said = node_of(kept)
    assert said is not None
    one = brought(said, kept, replace(TARGET, publish=publish))
    assert (one.outcome, one.row) == ("unchanged", kept)


@given(ROWS, ROWS)
def test_bringing_twice_changes_nothing_more(kept: ScriptRow, other: ScriptRow) -> None:
    said = node_of(other)
    assert said is not None
    first = brought(said, kept, PUBLISHING)
    assert tidy(first.row.text) == tidy(other.text)
    second = brought(said, first.row, PUBLISHING)
    assert (second.outcome, second.row) == ("unchanged", first.row)
