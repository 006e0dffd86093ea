"""Differences of two versions: fields, text, and the plans as a tree."""

from collections.abc import Iterator
from typing import Any

import pytest

from activities.registry import discover
from api.config.difference import NodeDiff, changed, plan_diff, text_diff
from rules.compiler import ChainText, compile_chain
from tests.api.config.author import GOOD, Author, refused
from tests.api.sites import only

COMPONENTS = discover(["activities.components"]).policies
LONG = "THEN(createOrder, WHEN(deductStock, freezeCoupon), pay, notify);"
CHAINS = {"part": "THEN(deductStock, pay);", "other": "THEN(deductStock, pay, notify);"}


def told(before: str, after: str) -> list[str]:
    """Every node that differs, in the order of the tree."""
    found = plan_diff(*(plan(text) for text in (before, after)))
    return [
        line for node in (found if isinstance(found, list) else [found]) for line in lines(node)
    ]


def plan(text: str) -> Any:
    texts = {name: ChainText(name, el) for name, el in {**CHAINS, "c": text}.items()}
    return compile_chain("c", chains=texts, components=COMPONENTS).plan


def lines(node: NodeDiff) -> Iterator[str]:
    if node.change != "same":
        what = "".join(f" {name}: {old} -> {new}" for name, (old, new) in node.fields.items())
        yield f"{node.change} {node.path} {node.node}{what}"
    for inner in node.inside:
        yield from lines(inner)


TREES: list[tuple[str, str, list[str]]] = [
    (LONG, LONG, []),
    (LONG, "THEN(createOrder,\n WHEN(deductStock, freezeCoupon), pay, /* */ notify)", []),
    (LONG, LONG.replace(", notify", ""), ["removed 0.3 notify"]),
    (LONG, LONG.replace("THEN(", "THEN(isVip.retry(0), ", 0), []),
    (
        "THEN(createOrder, pay);",
        "THEN(createOrder, deductStock, pay);",
        ["added 0.1 deductStock"],
    ),
    (
        LONG,
        LONG.replace("deductStock, freezeCoupon", "freezeCoupon, deductStock"),
        ["added 0.1.0 freezeCoupon", "removed 0.1.1 freezeCoupon"],
    ),
    (
        LONG,
        LONG.replace("freezeCoupon)", "freezeCoupon).any(true)"),
        [
            "changed 0.1 side by side; goes on when the first is done any: None -> True",
        ],
    ),
    (
        "THEN(pay, notify);",
        'THEN(pay, notify.tag("mail"));',
        ["changed 0.1 notify [tag mail] tag: None -> mail"],
    ),
    (
        "THEN(createOrder, part);",
        "THEN(createOrder, other);",
        [
            "removed 0.1 the chain part",
            "removed 0.1.0 one after the other",
            "removed 0.1.0.0 deductStock",
            "removed 0.1.0.1 pay",
            "added 0.1 the chain other",
            "added 0.1.0 one after the other",
            "added 0.1.0.0 deductStock",
            "added 0.1.0.1 pay",
            "added 0.1.0.2 notify",
        ],
    ),
    (
        "THEN(createOrder, FOR(2).DO(pay));",
        "THEN(createOrder, FOR(3).DO(THEN(pay, notify)));",
        [
            "changed 0.1 loop, 3 times head: 2 -> 3",
            "removed 0.1# pay",
            "added 0.1# one after the other",
            "added 0.1#.0 pay",
            "added 0.1#.1 notify",
        ],
    ),
    (
        "THEN(pay);",
        "WHEN(pay, notify);",
        [
            "removed 0 one after the other",
            "removed 0.0 pay",
            "added 0 side by side; goes on when all are done",
            "added 0.0 pay",
            "added 0.1 notify",
        ],
    ),
    (
        "IF(isVip, pay, notify);",
        "IF(isVip, notify);",
        ["removed 0.1 pay", "changed 0.1 notify role: else -> then"],
    ),
]


@pytest.mark.parametrize(("before", "after", "expected"), TREES)
def test_plans_are_compared_as_a_tree(before: str, after: str, expected: list[str]) -> None:
    assert told(before, after) == expected


def test_a_tree_knows_whether_anything_differs() -> None:
    for before, after, expected in TREES:
        found = plan_diff(plan(before), plan(after))
        assert isinstance(found, list) or changed(found) is bool(expected)


def test_a_text_is_compared_line_by_line() -> None:
    assert text_diff("a\nb\nc", "a\nd\nc") == ["@@ -1,3 +1,3 @@", " a", "-b", "+d", " c"]
    assert text_diff("a", "a") == []


@pytest.mark.asyncio
async def test_a_draft_is_compared_with_what_is_live(author: Author) -> None:
    await author.create("buy", description="buys")
    path = "chains/buy/diff"
    nothing = await author.get(path)
    assert only(nothing, "same", "fields", "text") == {"same": True, "fields": [], "text": []}
    await author.edit("buy", el="THEN(createOrder, pay, notify);", description="sells")
    found = await author.get(path)
    assert found["same"] is False
    assert found["fields"] == [
        {"field": "description", "before": "buys", "after": "sells"},
    ]
    assert found["text"][-2:] == [f"-{GOOD}", "+THEN(createOrder, pay, notify);"]
    assert [inner["change"] for inner in found["tree"]["inside"]] == ["same", "same", "added"]
    assert (found["before"]["version"], found["after"]["version"]) == (1, 2)
    back = await author.get(path, **{"from": "2", "to": "1"})
    assert [inner["change"] for inner in back["tree"]["inside"]] == ["same", "same", "removed"]
    assert refused(await author.send("GET", path, to="3")) == (404, "VERSION_UNKNOWN")
    assert refused(await author.send("GET", path, to="soon")) == (422, "CONFIG_INVALID")


@pytest.mark.asyncio
async def test_a_version_that_no_longer_compiles_has_no_tree(author: Author) -> None:
    await author.create("part")
    await author.create("buy", "THEN(part, notify);")
    await author.edit("buy", el=GOOD, publish=True)
    await author.done("DELETE", "chains/part", version=1)
    found = await author.get("chains/buy/diff", **{"from": "1", "to": "2"})
    assert found["tree"] is None
    assert found["before"]["diagnostics"][0]["category"] == "unknown_ref"
    assert found["after"]["diagnostics"] == []
    assert len(found["text"]) == 3
