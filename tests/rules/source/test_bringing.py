"""What bringing definitions into the table would change, and what speaks against it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.files.definitions import ChainDefinition
from rules.plan import ComponentPolicy
from rules.source.bringing import Bringing, Outcome, Target, bring, definition_of
from rules.source.repository import ChainRow

COMPONENTS = {
    **{id: ComponentPolicy(id=id, read_only=True) for id in ("a", "b", "c")},
    "x": ComponentPolicy(id="x", kind="boolean", read_only=True),
}
TARGET = Target("1", "default", ("vip",))
PUBLISHING = replace(TARGET, publish=True)


def chain(id: str = "order", text: str = "THEN(a, b);", **more: Any) -> ChainDefinition:
    return ChainDefinition(id=id, text=text, **more)


def row(name: str = "order", text: str = "THEN(a, b);", **more: Any) -> ChainRow:
    return ChainRow(tenant="1", name=name, text=text, version=4, **more)


def brought(
    *chains: ChainDefinition, rows: tuple[ChainRow, ...] = (), target: Target = TARGET
) -> Bringing:
    return bring(chains, {"default": rows}, COMPONENTS, target)


DRAFT = {"status": "DRAFT"}

# What the file says, what the table has; what becomes of it, and which columns change.
ONE: list[tuple[str, ChainDefinition, ChainRow | None, Target, Outcome, tuple[str, ...]]] = [
    ("new", chain(), None, TARGET, "added", ()),
    ("new, at once", chain(), None, PUBLISHING, "added", ()),
    ("the same", chain(), row(), TARGET, "unchanged", ()),
    ("the same but for blanks", chain(), row(text="\n  THEN(a, b);\n"), TARGET, "unchanged", ()),
    ("the same, a draft", chain(), row(**DRAFT), TARGET, "unchanged", ()),
    ("a draft is published", chain(), row(**DRAFT), PUBLISHING, "changed", ("status",)),
    ("serves", chain(), row(text="THEN(a);"), TARGET, "held", ("text",)),
    ("serves, replaced", chain(), row(text="THEN(a);"), PUBLISHING, "changed", ("text",)),
    ("a draft", chain(), row(text="THEN(a);", **DRAFT), TARGET, "changed", ("text",)),
    (
        "serves nobody",
        chain(enabled=False),
        row(text="THEN(a);", enabled=False),
        TARGET,
        "changed",
        ("text",),
    ),
    ("is disabled", chain(enabled=False), row(), TARGET, "held", ("enabled",)),
    ("is disabled now", chain(enabled=False), row(), PUBLISHING, "changed", ("enabled",)),
    ("would serve again", chain(), row(enabled=False), TARGET, "held", ("enabled",)),
    (
        "what the file leaves open stays",
        chain(),
        row(description="d", transactional=False, undo_policy="continue"),
        PUBLISHING,
        "unchanged",
        (),
    ),
    (
        "what the file says counts",
        chain(description="d", transactional=False, undo_policy="stop"),
        row(),
        PUBLISHING,
        "changed",
        ("description", "transactional", "undo_policy"),
    ),
    ("a route goes", chain(), row(route="x"), PUBLISHING, "changed", ("route",)),
    ("a route comes", chain(route="x"), row(), PUBLISHING, "changed", ("route",)),
    ("a route stays", chain(route="x"), row(route=" x\n"), TARGET, "unchanged", ()),
    ("a base goes", chain(), row(extends="base"), PUBLISHING, "changed", ("extends",)),
    ("a draft of an export", chain(status="DRAFT"), None, PUBLISHING, "added", ()),
    ("a draft again", chain(status="DRAFT"), row(), PUBLISHING, "changed", ("status",)),
    ("said to be published", chain(status="PUBLISHED"), None, TARGET, "added", ()),
    ("a template", chain(text="THEN({{0}});"), None, TARGET, "added", ()),
    ("broken", chain(text="THEN(a,"), None, TARGET, "broken", ()),
    ("broken, as it was", chain(text="THEN(a,"), row(text="THEN(a,"), TARGET, "broken", ()),
    ("a broken route", chain(route="a"), None, TARGET, "broken", ()),
    ("an unknown component", chain(text="THEN(nosuch);"), None, TARGET, "broken", ()),
    ("a reserved name", chain("chainsaga.x"), None, TARGET, "broken", ()),
    ("broken and disabled", chain(text="THEN(z);", enabled=False), None, TARGET, "added", ()),
]


@pytest.mark.parametrize(
    ("_", "said", "kept", "target", "outcome", "changes"), ONE, ids=[case[0] for case in ONE]
)
def test_one_chain(
    _: str,
    said: ChainDefinition,
    kept: ChainRow | None,
    target: Target,
    outcome: Outcome,
    changes: tuple[str, ...],
) -> None:
    found = brought(said, rows=(kept,) if kept else (), target=target)
    (one,) = found.chains
    assert (one.outcome, one.changes) == (outcome, changes)
    assert found.sound == (outcome != "broken")
    assert (one.namespace, one.before) == ("default", kept)
    assert any(d.severity == "error" for d in one.diagnostics) == (outcome == "broken")


@pytest.mark.parametrize(
    ("target", "said", "status"),
    [
        (TARGET, None, "DRAFT"),
        (TARGET, "PUBLISHED", "DRAFT"),
        (PUBLISHING, None, "PUBLISHED"),
        (PUBLISHING, "DRAFT", "DRAFT"),
    ],
)
def test_what_is_new_is_a_draft_unless_published(
    target: Target, said: str | None, status: str
) -> None:
    (one,) = brought(chain(status=said), target=target).chains
    assert one.row == ChainRow(tenant="1", name="order", text="THEN(a, b);", status=status)


def test_what_is_wrong_in_a_disabled_chain_is_told_as_a_note() -> None:
    found = brought(chain(text="THEN(z);", enabled=False))
    ((note,),) = (one.diagnostics for one in found.chains)
    assert (note.severity, note.category) == ("info", "unknown_ref")


OUTER = row("outer", "THEN(order, c);")

# Chains of the file, rows beside it; the outcomes, and which rows would no longer compile.
TOGETHER: list[tuple[str, list[ChainDefinition], list[ChainRow], dict[str, Outcome], list[str]]] = [
    (
        "in any order",
        [chain("outer", "THEN(order);"), chain()],
        [],
        {"outer": "added", "order": "added"},
        [],
    ),
    ("with the table", [chain("outer", "THEN(order);")], [row()], {"outer": "added"}, []),
    (
        "not with drafts of the table",
        [chain("outer", "THEN(order);")],
        [row(**DRAFT)],
        {"outer": "broken"},
        [],
    ),
    (
        "a broken one breaks what includes it",
        [chain("outer", "THEN(order);"), chain(text="THEN(")],
        [],
        {"outer": "broken", "order": "broken"},
        [],
    ),
    (
        "a disabled one is not there",
        [chain("outer", "THEN(order);"), chain(enabled=False)],
        [],
        {"outer": "broken", "order": "added"},
        [],
    ),
    (
        "extends",
        [chain("child", "{{0}} = a;", extends="base"), chain("base", "THEN({{0}});")],
        [],
        {"child": "added", "base": "added"},
        [],
    ),
    ("others go on", [chain(text="THEN(b);")], [row(), OUTER], {"order": "changed"}, []),
    ("others end", [chain(enabled=False)], [row(), OUTER], {"order": "changed"}, ["outer"]),
    (
        "others end through others",
        [chain(enabled=False)],
        [row(), OUTER, row("outmost", "THEN(outer);")],
        {"order": "changed"},
        ["outer", "outmost"],
    ),
    (
        "what was broken stays so",
        [chain(text="THEN(b);")],
        [row(), row("outer", "THEN(order, z);")],
        {"order": "changed"},
        [],
    ),
    (
        "what serves nobody does not count",
        [chain(enabled=False)],
        [row(), replace(OUTER, enabled=False)],
        {"order": "changed"},
        [],
    ),
    (
        "a circle",
        [chain(text="THEN(outer);")],
        [row(), OUTER],
        {"order": "broken"},
        ["outer"],
    ),
]


@pytest.mark.parametrize(
    ("_", "chains", "rows", "outcomes", "endangered"), TOGETHER, ids=[case[0] for case in TOGETHER]
)
def test_chains_together(
    _: str,
    chains: list[ChainDefinition],
    rows: list[ChainRow],
    outcomes: dict[str, Outcome],
    endangered: list[str],
) -> None:
    found = brought(*chains, rows=tuple(rows), target=PUBLISHING)
    assert {one.chain.id: one.outcome for one in found.chains} == outcomes
    assert [one.chain for one in found.chains] == chains
    assert [one.name for one in found.endangered] == endangered
    assert all(one.diagnostics for one in found.endangered)
    assert found.sound == (not endangered and "broken" not in outcomes.values())


def test_namespaces() -> None:
    found = bring(
        [
            chain("pick", "THEN(order);", route="x", namespace="vip"),
            chain(text="THEN(b);"),
            chain("lost", "THEN(order);", namespace="nowhere"),
            chain("below", "THEN(pick);"),
        ],
        {"default": [row()], "vip": [row("pick", "THEN(order);", route="x")], "nowhere": []},
        COMPONENTS,
        PUBLISHING,
    )
    assert [(one.namespace, one.outcome) for one in found.chains] == [
        ("vip", "unchanged"),
        ("default", "changed"),
        ("nowhere", "added"),
        ("default", "broken"),
    ]
    assert found.unserved == ("nowhere",)


@pytest.mark.parametrize("more", [[], [chain("new", "THEN(a);", namespace="vip")]])
def test_a_namespace_keeps_what_it_has_beneath(more: list[ChainDefinition]) -> None:
    found = bring(
        [chain(enabled=False), *more],
        {"default": [row()], "vip": [row("pick", "THEN(order);")]},
        COMPONENTS,
        PUBLISHING,
    )
    assert [(one.name, one.namespace) for one in found.endangered] == [("pick", "vip")]


ROWS = st.builds(
    ChainRow,
    tenant=st.just("1"),
    name=st.just("order"),
    text=st.sampled_from(["THEN(a);", " THEN(a,\r\n  b);\n", "IF(x, a)"]),
    description=st.sampled_from([None, "", "d"]),
    status=st.sampled_from(["PUBLISHED", "DRAFT", "ARCHIVED"]),
    enabled=st.booleans(),
    transactional=st.booleans(),
    undo_policy=st.sampled_from([None, "stop", "continue"]),
    extends=st.sampled_from([None, "base"]),
    route=st.sampled_from([None, "", "x", "  AND(x, x)\n"]),
)


@given(ROWS, st.booleans())
def test_what_the_table_has_is_brought_back_unchanged(kept: ChainRow, publish: bool) -> None:
    definition = definition_of(kept, None)
    rows = (kept, row("base", "THEN(a)"))
    (one,) = brought(definition, rows=rows, target=replace(TARGET, publish=publish)).chains
    assert one.outcome == "unchanged"
    assert one.row == kept


@given(ROWS, ROWS)
def test_bringing_twice_changes_nothing_more(kept: ChainRow, other: ChainRow) -> None:
    definition = definition_of(other, None)
    base = row("base", "THEN(a)")
    (first,) = brought(definition, rows=(kept, base), target=PUBLISHING).chains
    (second,) = brought(definition, rows=(first.row, base), target=PUBLISHING).chains
    assert (second.outcome, second.row) == ("unchanged", first.row)
