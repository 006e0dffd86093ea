"""Each rule of the lint: where it speaks and where it is silent; the exact words are golden.

Write the words anew, then read the difference before committing it:

    CHAINSAGA_REGENERATE=1 pytest tests/rules/lint/test_rules.py
"""

import os
from pathlib import Path

import pytest

from rules.lint.costs import EVENTS_HINT, PENDING_LIMIT, STACK_STEPS, WINDOW
from rules.lint.page import PAGE, page
from rules.lint.report import MOST
from rules.lint.table import CODES, RULES
from rules.plan import ComponentPolicy
from rules.wire import SagaOptions
from tests.rules.lint.parts import COMPONENTS, linted

GOLDEN = Path(__file__).parents[2] / "golden" / "lint"

# Code, chain, and the pieces of text at which the code stands.
SPEAKS = [
    ("no_undo", "THEN(write, look)", ["write"]),
    ("no_undo", "THEN(write, send, look)", ["write", "send"]),
    ("no_undo", "THEN(look, write, look, write, look)", ["write"]),
    ("no_undo", "WHEN(write, look)", ["write"]),
    ("no_undo", "WHEN(THEN(look, write), tell, book)", ["write"]),
    ("no_undo", "THEN(IF(x, write), look)", ["write"]),
    ("no_undo", "THEN(SWITCH(s).TO(look, write), look)", ["write"]),
    ("no_undo", "FOR(2).DO(write)", ["write"]),
    ("no_undo", "FOR(n).DO(write)", ["write"]),
    ("no_undo", "WHILE(x).DO(write)", ["write"]),
    ("no_undo", "FOR(1).DO(write).BREAK(x)", ["write"]),
    ("no_undo", "THEN(write, FINALLY(look))", ["write"]),
    ("no_undo", "CATCH(write).DO(look)", ["write"]),
    ("no_undo", "THEN(sub, look)", ["sub"]),
    ("no_undo", "THEN(write, look).retry(1)", ["write"]),
    ("no_undo", "THEN(write.maxWaitSeconds(1), look)", ["write"]),
    ("irreversible_not_last", "THEN(book, ship, look)", ["ship"]),
    ("irreversible_not_last", "WHEN(ship, book)", ["ship"]),
    ("irreversible_not_last", "FOR(3).DO(ship)", ["ship"]),
    ("irreversible_not_last", "THEN(PRE(ship), book)", ["ship"]),
    ("undo_absorbed", "CATCH(THEN(book, pay))", ["book"]),
    ("undo_absorbed", "THEN(WHEN(look, book).ignoreError(true), CATCH(pay))", ["book", "pay"]),
    ("undo_of_loser", "WHEN(look, book).any(true)", ["book"]),
    ("undo_of_loser", "WHEN(look, book).must(look)", ["book"]),
    ("undo_of_loser", "WHEN(look, book).percentage(0.5)", ["book"]),
    ("undo_of_loser", "THEN(book.maxWaitSeconds(1), look)", ["book"]),
    ("undo_of_loser", "WHEN(look, IF(x, THEN(look, book))).any(true)", ["book"]),
    ("endless_loop", "WHILE(true).DO(look)", ["look"]),
    ("endless_loop", "THEN(pay, WHILE(true).parallel(true).DO(THEN(book, look)))", ["book"]),
    ("unbounded_loop", "WHILE(x).DO(look)", ["x"]),
    ("unbounded_loop", "FOR(n).DO(look)", ["n"]),
    ("unbounded_loop", "WHILE(true).DO(look).BREAK(x)", ["look"]),
    ("unbounded_loop", "FOR(2).DO(WHILE(AND(x, NOT(x))).DO(look))", ["x"]),
    ("many_events", "THEN(book, FOR(700).DO(pay))", ["pay"]),
    ("many_events", "FOR(100).DO(FOR(100).DO(pay))", ["pay"]),
    ("too_wide", "FOR(50).parallel(true).DO(FOR(50).parallel(true).DO(look))", ["look"]),
    ("large_stack", "THEN(look, FOR(30000).DO(book))", ["book"]),
    ("large_stack", "FOR(30000).parallel(true).DO(book)", ["book"]),
    ("shared_context", "WHEN(all, all2)", ["all"]),
    ("shared_context", "WHEN(look, THEN(look, key), IF(x, all))", ["all"]),
    ("shared_context", "WHEN(all, all)", ["all"]),
    ("shared_context", "ITERATOR(it).DO(all).parallel(true)", ["all"]),
    ("whole_context", "THEN(all, all2, all)", ["all", "all2"]),
    ("manual_in_loser", "WHEN(look, ask).any(true)", ["ask"]),
    ("manual_in_loser", "THEN(look, THEN(askAtLast, ask)).maxWaitSeconds(9)", ["askAtLast", "ask"]),
    ("long_finally", "THEN(look, FINALLY(slow))", ["slow"]),
    ("long_finally", "THEN(look, FINALLY(stubborn))", ["stubborn"]),
    ("long_finally", "THEN(look, FINALLY(look, look))", ["look"]),
    ("long_finally", "THEN(look, FINALLY(FOR(2).DO(look)))", ["look"]),
    ("long_finally", "THEN(look, FINALLY(THEN(look).retry(1)))", ["look"]),
    ("retry_compensable", "THEN(look, book, pay).retry(2)", ["book"]),
]

SILENT = [
    ("no_undo", "THEN(write)"),
    ("no_undo", "THEN(look, write)"),
    ("no_undo", "THEN(write, tell)"),
    ("no_undo", "WHEN(write, tell)"),
    ("no_undo", "IF(x, write, look)"),
    ("no_undo", "SWITCH(s).TO(look, write)"),
    ("no_undo", "FOR(1).DO(write)"),
    ("no_undo", "FOR(0).DO(THEN(write, look))"),
    ("no_undo", "THEN(write, CATCH(look))"),
    ("no_undo", "CATCH(THEN(write, look))"),
    ("no_undo", "THEN(write, WHEN(look, look).ignoreError(true))"),
    ("no_undo", "THEN(book, look, ship)"),
    ("no_undo", "CATCH(look).DO(write)"),
    ("irreversible_not_last", "THEN(book, pay, ship)"),
    ("irreversible_not_last", "THEN(book, IF(x, ship, pay))"),
    ("irreversible_not_last", "THEN(book, ship, tell, CATCH(look))"),
    ("undo_absorbed", "THEN(book, CATCH(look).DO(pay))"),
    ("undo_absorbed", "WHEN(book, pay).ignoreError(false)"),
    ("undo_absorbed", "CATCH(THEN(look, write))"),
    ("undo_of_loser", "WHEN(look, book).must(book)"),
    ("undo_of_loser", "WHEN(look, book).any(false)"),
    ("undo_of_loser", "WHEN(look, book).percentage(0.9)"),
    ("undo_of_loser", "WHEN(book).any(true)"),
    ("undo_of_loser", "WHEN(book).percentage(0)"),
    ("undo_of_loser", "WHEN(look, write).any(true)"),
    ("endless_loop", "WHILE(true).DO(look).BREAK(x)"),
    ("endless_loop", "WHILE(x).DO(look)"),
    ("endless_loop", "WHILE(false).DO(look)"),
    ("unbounded_loop", "WHILE(true).DO(look)"),
    ("unbounded_loop", "FOR(3).DO(look)"),
    ("unbounded_loop", "ITERATOR(it).DO(look)"),
    ("many_events", f"FOR({EVENTS_HINT // 6}).DO(pay)"),
    ("many_events", f"FOR({EVENTS_HINT // 4}).parallel(true).DO(pay)"),
    ("many_events", "FOR(0).DO(FOR(10000).DO(pay))"),
    ("too_wide", "FOR(50).parallel(true).DO(FOR(50).DO(look))"),
    ("too_wide", "FOR(40).parallel(true).DO(FOR(50).parallel(true).DO(look))"),
    ("large_stack", f"FOR({STACK_STEPS}).DO(book)"),
    ("shared_context", "THEN(all, all2)"),
    ("shared_context", "WHEN(all, look)"),
    ("shared_context", "WHEN(key, key)"),
    ("shared_context", "WHEN(THEN(all, key), look)"),
    ("shared_context", "FOR(2).DO(all)"),
    ("shared_context", "FOR(1).parallel(true).DO(all)"),
    ("whole_context", "THEN(key, look)"),
    ("manual_in_loser", "WHEN(look, ask)"),
    ("manual_in_loser", "WHEN(look, ask).must(ask)"),
    ("manual_in_loser", "THEN(WHEN(look, look).any(true), ask)"),
    ("long_finally", "THEN(slow, FINALLY(look))"),
    ("long_finally", "THEN(look, FINALLY(WHEN(look, look)))"),
    ("long_finally", "THEN(look, FINALLY(IF(x, look).maxWaitSeconds(50)))"),
    ("long_finally", "THEN(look, FINALLY(look), FINALLY(look))"),
    ("retry_compensable", "THEN(book.retry(2), pay)"),
    ("retry_compensable", "THEN(book, THEN(look).retry(2))"),
]


@pytest.mark.parametrize(("code", "text", "at"), SPEAKS)
def test_speaks(code: str, text: str, at: list[str]) -> None:
    found = [one for one in linted(text) if one.category == code]
    assert [text[one.span.start : one.span.end].partition(".")[0] for one in found] == at
    (rule,) = (rule for rule in RULES if rule.code == code)
    assert {(one.severity, one.hint) for one in found} == {(rule.severity, rule.mend)}


@pytest.mark.parametrize(("code", "text"), SILENT)
def test_is_silent(code: str, text: str) -> None:
    assert code not in {one.category for one in linted(text)}


def test_every_rule_has_cases_of_both_sorts() -> None:
    elsewhere = {"unknown_component"}
    assert {code for code, _, _ in SPEAKS} | elsewhere == CODES
    assert {code for code, _ in SILENT} | elsewhere == CODES
    assert {file.stem for file in GOLDEN.glob("*.el")} == CODES
    assert len(CODES) == len(RULES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_words(code: str) -> None:
    text = (GOLDEN / f"{code}.el").read_text(encoding="utf-8")
    found = linted(text, frozenset(COMPONENTS) - {"look", "refund"})
    words = "\n".join(str(one) for one in found if one.category == code) + "\n"
    file = GOLDEN / f"{code}.txt"
    if os.environ.get("CHAINSAGA_REGENERATE"):
        file.write_text(words, encoding="utf-8")
    assert words == file.read_text(encoding="utf-8")
    assert code in words


def test_components_that_are_not_deployed() -> None:
    def missing(text: str, *absent: str) -> list[str]:
        found = linted(text, frozenset(COMPONENTS) - set(absent))
        return [
            text[one.span.start : one.span.end]
            for one in found
            if one.category == "unknown_component"
        ]

    text = "THEN(book, look, IF(x, pay), look)"
    assert missing(text) == []
    assert missing(text, "ship") == []
    assert missing(text, "look", "x") == ["look", "x"]
    assert missing(text, "refund") == ["pay"]
    assert missing(text, "unbook", "book") == ["book", "book"]


def test_a_sound_saga_is_silent() -> None:
    assert linted("THEN(look, WHEN(book, pay), IF(x, book), FOR(3).DO(pay), ship)") == []


def test_a_rule_names_so_many_places_and_counts_the_rest() -> None:
    found = [
        one
        for one in linted(f"THEN({', '.join(['CATCH(book)'] * 9)})")
        if one.category == "undo_absorbed"
    ]
    assert len(found) == MOST
    assert [one.message.endswith("(and 4 more such)") for one in found] == [False] * 4 + [True]


def test_the_warnings_are_in_the_order_of_the_text() -> None:
    found = linted("THEN(write, CATCH(book), WHILE(x).DO(all), WHEN(ask, look).any(true))")
    assert [one.category for one in found] == [
        "no_undo",
        "undo_absorbed",
        "unbounded_loop",
        "whole_context",
        "manual_in_loser",
    ]


def test_numbers_are_those_of_the_engine() -> None:
    options = SagaOptions()
    assert options.max_parallel == WINDOW
    assert options.finally_max == ComponentPolicy(id="a").timeout == 60
    assert PENDING_LIMIT < WINDOW**2


def test_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m rules.lint.page"
