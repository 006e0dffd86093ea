"""Who starts now serves what those serve who ran on: whatever was edited badly, and by whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from rules.source.chains import StandIn
from tests.rules.source.running import (
    SPACE,
    TENANT,
    Book,
    Edit,
    chain,
    followed,
    script,
    serves,
    started,
)

ORDER = chain("order", "THEN(a, pay, price);")
PAY = chain("pay", "THEN(b);")
PRICE = script("price", "1")
FIRST: Edit = {"price": PRICE, "pay": PAY, "order": ORDER}


@dataclass(frozen=True)
class Story:
    """Edits after the first one, and what then serves: versions, texts of scripts, stand-ins."""

    edits: Sequence[Edit]
    versions: Mapping[str, int | None]
    scripts: Mapping[str, str] = field(default_factory=lambda: {"price": "1"})
    others: Mapping[str, tuple[StandIn, ...]] = field(default_factory=dict)
    first: Edit = field(default_factory=lambda: FIRST)


def of_price(version: int | None = 1) -> StandIn:
    return StandIn("component", "price", version)


def of_pay(version: int | None = 1) -> StandIn:
    return StandIn("chain", "pay", version)


BAD = script("price", "((")
STORIES = {
    "nothing bad": Story([{"price": script("price", "2")}], {"order": 1}, {"price": "2"}),
    "a script": Story([{"price": BAD}], {"order": 1}, others={"order": (of_price(),)}),
    "a script twice": Story(
        [{"price": BAD}, {"price": script("price", "3((")}],
        {"order": 1},
        others={"order": (of_price(),)},
    ),
    "a script that heals": Story(
        [{"price": BAD}, {"price": script("price", "3")}], {"order": 1}, {"price": "3"}
    ),
    "a script of another kind": Story(
        [{"price": script("price", "2", type="boolean_script")}],
        {"order": 1},
        others={"order": (of_price(),)},
    ),
    "a script that is gone": Story(
        [{"price": None}], {"order": 1}, others={"order": (of_price(),)}
    ),
    "a script that is switched off": Story(
        [{"price": script("price", "1", enabled=False)}],
        {"order": 1},
        others={"order": (of_price(),)},
    ),
    "the chain's older text does not name the bad script": Story(
        [{"order": ORDER}, {"price": BAD}],
        {"order": 2},
        others={"order": (of_price(),)},
        first={"price": PRICE, "pay": PAY, "order": chain("order", "THEN(c);")},
    ),
    "a good chain after a bad script": Story(
        [{"price": BAD}, {"order": chain("order", "THEN(c, price);")}],
        {"order": 2},
        others={"order": (of_price(),)},
    ),
    "a bad chain after a bad script": Story(
        [{"price": BAD}, {"order": chain("order", "THEN(nowhere, price);")}],
        {"order": 1},
        others={"order": (StandIn("chain", "order", 1), of_price())},
    ),
    "a bad script after a bad chain": Story(
        [{"order": chain("order", "THEN(")}, {"price": BAD}],
        {"order": 1},
        others={"order": (StandIn("chain", "order", 1), of_price())},
    ),
    "another script changes well": Story(
        [{"price": BAD}, {"tax": script("tax", "8")}],
        {"order": 1},
        {"price": "1", "tax": "8"},
        {"order": (of_price(),)},
        {**FIRST, "tax": script("tax", "7"), "order": chain("order", "THEN(price, tax);")},
    ),
    "another script changes well after one is gone": Story(
        [{"price": None}, {"tax": script("tax", "8")}],
        {"order": 1},
        {"price": "1", "tax": "7"},
        {"order": (of_price(), StandIn("component", "tax", 1))},
        {**FIRST, "tax": script("tax", "7"), "order": chain("order", "THEN(price, tax);")},
    ),
    "what undoes a script": Story(
        [{"undoPrice": script("undoPrice", "((")}],
        {"order": 1},
        others={"order": (StandIn("component", "undoPrice", None),)},
    ),
    "a chain in it, by its own text": Story(
        [{"pay": chain("pay", "THEN(nowhere);")}],
        {"order": 1, "pay": 1},
        others={"pay": (of_pay(),)},
    ),
    "a chain in it, and the including one changes well": Story(
        [{"pay": chain("pay", "THEN(")}, {"order": chain("order", "THEN(c, pay, price);")}],
        {"order": 2, "pay": 1},
        others={"pay": (of_pay(),)},
    ),
    "a chain in it that is gone": Story(
        [{"pay": None}], {"order": 1}, others={"order": (of_pay(),)}
    ),
    "a chain in it that is switched off": Story(
        [{"pay": chain("pay", "THEN(b);", enabled=False)}],
        {"order": 1, "pay": None},
        others={"order": (of_pay(),)},
    ),
    "a chain that is gone comes back": Story(
        [{"pay": None}, {"pay": chain("pay", "THEN(c);")}], {"order": 1, "pay": 3}
    ),
    "a bad text, then a chain in it is gone": Story(
        [{"order": chain("order", "THEN(")}, {"pay": None}],
        {"order": 1},
        others={"order": (StandIn("chain", "order", 1), of_pay())},
    ),
    "a chain is gone, then a good text that still names it": Story(
        [{"pay": None}, {"order": chain("order", "THEN(c, pay);")}],
        {"order": 1},
        others={"order": (StandIn("chain", "order", 1), of_pay())},
    ),
    "a base that wants more": Story(
        [{"base": chain("base", "THEN({{what}}, {{more}});")}],
        {"child": 1},
        {},
        {"child": (StandIn("chain", "base", 1),)},
        {
            "base": chain("base", "THEN(a, {{what}});"),
            "child": chain("child", "{{what}} = b;", extends="base"),
        },
    ),
    "what is in what it includes": Story(
        [{"pay": None}],
        {"order": 1, "day": 1},
        others={"order": (of_pay(),), "day": (of_pay(),)},
        first={**FIRST, "day": chain("day", "THEN(order, d);")},
    ),
    "options go with the text that serves": Story(
        [
            {"order": chain("order", "THEN(", transactional=False)},
            {"price": BAD},
        ],
        {"order": 1},
        others={"order": (StandIn("chain", "order", 1), of_price())},
        first={**FIRST, "order": chain("order", "THEN(a, price);", undo_policy="continue")},
    ),
    "a script in a route": Story(
        [{"is": script("is", "((", type="boolean_script")}],
        {"order": 1},
        others={"order": (StandIn("component", "is", 1),)},
        first={
            **FIRST,
            "is": script("is", "x", type="boolean_script"),
            "order": chain("order", "THEN(a, price);", route="is"),
        },
    ),
    "a script in a route that is gone": Story(
        [{"is": None}],
        {"order": 1},
        first={
            **FIRST,
            "is": script("is", "x", type="boolean_script"),
            "order": chain("order", "THEN(a, price);", route="is"),
        },
    ),
    "a bad text under the same name as ever": Story(
        [{"apart": chain("apart", "THEN(nowhere);")}], {"apart": None}
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_who_starts_now_serves_what_those_serve_who_ran_on(name: str) -> None:
    story, book = STORIES[name], Book()
    book.write(story.first)
    running = new = started(book)
    shas = {running.serving_sha}
    for edit in story.edits:
        running = followed(running, book, edit)
        new = started(book)
        assert serves(new) == serves(running)
        assert new.serving_sha == running.serving_sha is not None
        shas.add(new.serving_sha)
    assert len(shas) == len(story.edits) + 1
    for served in (running, new):
        snapshot = served.snapshots[SPACE]
        held = snapshot.held(TENANT)
        assert {
            name: one.stand_ins(name) for name, one in held.items() if one.others or one.row
        } == {**story.others}
        for chain_name, version in story.versions.items():
            if version is None:
                assert chain_name not in snapshot.texts(TENANT) or chain_name in held
                continue
            plan = snapshot.compiled(TENANT, chain_name).plan
            assert plan.version == version
        if "order" in story.versions:
            plan = snapshot.compiled(TENANT, "order").plan
            texts = {id: one.script.text for id, one in plan.components.items() if one.script}
            assert texts == {**story.scripts}
