"""After random edits, good and bad, who starts now serves what those serve who ran on."""

import random

import pytest

from rules.source.repository import ChainRow
from rules.source.scripts import ScriptRow
from tests.rules.source.running import Book, Edit, chain, followed, script, serves, started

# None of these includes one that may include it: of such, who comes first depends on the polls.
CHAINS = {
    "order": (
        "THEN(a, pay, price);",
        "THEN(c, pay);",
        "THEN(price, tax);",
        "IF(price, a);",
        "THEN(nowhere);",
        "THEN(",
    ),
    "pay": ("THEN(b);", "THEN(tax, b);", "THEN(c);", "THEN("),
    "day": ("THEN(order, d);", "THEN(pay);", "THEN("),
}
SCRIPTS = {"price": ("1", "2", "3", "(("), "tax": ("7", "8", "(("), "undoPrice": ("u", "((")}
FIRST: Edit = {
    "price": script("price", "1"),
    "tax": script("tax", "7"),
    **{name: chain(name, texts[0]) for name, texts in CHAINS.items()},
}
EDITS = 8


def edit(choose: random.Random, book: Book) -> Edit:
    """One that somebody may make: a change, a switch, a deletion, another kind of script."""
    texts = choose.choice((CHAINS, SCRIPTS))
    name = choose.choice(list(texts))
    said, enabled = choose.choice(texts[name]), choose.random() > 0.1
    if choose.random() < 0.1 and (name in book.chains_now or name in book.scripts_now):
        return {name: None}
    row: ChainRow | ScriptRow = chain(name, said, enabled=enabled)
    if texts is SCRIPTS:
        other = name != "undoPrice" and choose.random() < 0.1
        kind = "boolean_script" if other else "script"
        row = script(name, said, enabled=enabled, type=kind)
    return {name: row}


@pytest.mark.parametrize("seed", range(40))
def test_who_starts_now_serves_the_same_after_each_of_many_edits(seed: int) -> None:
    choose, book = random.Random(seed), Book()
    book.write(FIRST)
    running, made = started(book), list[Edit]()
    for _ in range(EDITS):
        made.append(edit(choose, book))
        running = followed(running, book, made[-1])
        new = started(book)
        assert serves(new) == serves(running), made
        assert new.serving_sha == running.serving_sha is not None, made
