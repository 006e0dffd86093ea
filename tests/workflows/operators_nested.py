"""Cases of every operator directly in every other one in which it may stand, or behind it.

A part of the table in `tests.workflows.operators`; `tests.workflows.cases` has its words. A part is
a text with the tags that run in it, one by one; in the text of a place, `{}` is where a part comes.
All heads say yes but `z`, and `s` and `p` choose; nothing fails but a last step, so that all is
undone. `tests.workflows.test_nesting` says which pairs there have to be.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from tests.workflows.cases import HEADS, UNDONE, Case


class Part(NamedTuple):
    """A text, the tags that run in it, and the id by which a SWITCH knows it."""

    text: str
    ran: str
    id: str = ""


_MARKS: Final = '.id("i").tag("t").data("d").bind("k", "v")'
_LIMITS: Final = ".maxWaitSeconds(60).maxWaitMilliseconds(60000)"
_BLOCK: Final = f"{_MARKS}.retry(1){_LIMITS}"
_BACK: Final = (
    '.maxWaitMilliseconds(60000).maxWaitSeconds(60).retry(1).bind("k", "v").data("d").tag("t")'
    '.id("i")'
)
_JOINS: Final = '.any(true).must("work").percentage(1).ignoreError(true).threadPool("p")'
_JOINS_BACK: Final = '.threadPool("p").ignoreError(true).percentage(1).must("work").any(true)'

ITEMS: Final = (
    Part('node("work").tag("a")', "a", "work"),
    Part(f"THEN(a){_BLOCK}", "a", "i"),
    Part(f"WHEN(a){_JOINS}", "a", "condition-when"),
    Part("IF(z, a).ELIF(z, b).ELSE(c)", "z z c", "condition-if"),
    Part("SWITCH(s).TO(a).DEFAULT(b)", "s b", "condition-switch"),
    Part('FOR(2).parallel(true).DO(a).BREAK(x).threadPool("p")', "a x", "condition-for"),
    Part("WHILE(x).DO(a).BREAK(x)", "x a x", "condition-while"),
    Part("ITERATOR(i).DO(a)", "i a", "condition-iterator"),
    Part("CATCH(a)", "a", "condition-catch"),
)
CHAIN: Final = Part("sub", "k", "sub")
ASKED: Final = (
    Part("AND(x, y)", "x y", "condition-and"),
    Part("OR(z, x)", "z x", "condition-or"),
    Part("NOT(z)", "z", "condition-not"),
)
HOISTED: Final = (
    Part("PRE(a)", "a", "condition-pre"),
    Part("FINALLY(a)", "a", "condition-finally"),
)
CONDITIONS: Final = (*ASKED, Part(f"NOT(z){_MARKS}", "z"), Part('node("test").tag("x")', "x"))
_HEAD: Final = '.data("d").bind("k", "v")'

PLACES: Final[Mapping[str, tuple[Part, Sequence[Part]]]] = {
    "THEN": (Part("THEN({})", "{}"), (*ITEMS, CHAIN, *ASKED, *HOISTED)),
    "WHEN": (Part("WHEN({}, e)", "{} e"), (*ITEMS, CHAIN, *ASKED)),
    "PRE": (Part("THEN(e, PRE({}))", "{} e"), (*ITEMS, CHAIN, *ASKED, *HOISTED)),
    "FINALLY": (Part("THEN(FINALLY({}), e)", "e {}"), (*ITEMS, CHAIN, *ASKED, *HOISTED)),
    "CATCH": (Part("CATCH({})", "{}"), (*ITEMS, CHAIN, *ASKED, *HOISTED)),
    "IF": (Part("IF(x, {}, e)", "x {}"), (*ITEMS, CHAIN)),
    "ELIF": (Part("IF(z, e).ELIF(x, {})", "z x {}"), (*ITEMS, CHAIN)),
    "ELSE": (Part("IF(z, e).ELSE({})", "z {}"), (*ITEMS, CHAIN)),
    "TO": (Part('SWITCH(s.tag("p")).TO({})', "p {}"), (*ITEMS, CHAIN)),
    "DEFAULT": (Part("SWITCH(s).TO(e).DEFAULT({})", "s {}"), (*ITEMS, CHAIN)),
    "DO": (Part("FOR(1).DO({})", "{}"), (*ITEMS, CHAIN, *ASKED, *HOISTED)),
    "IF, asking": (Part("IF({}, e)", "{} e"), CONDITIONS),
    "ELIF, asking": (Part("IF(z, e).ELIF({}, f)", "z {} f"), CONDITIONS),
    "WHILE": (Part("WHILE({}).DO(e).BREAK(x)", "{} e x"), CONDITIONS),
    "BREAK": (Part("FOR(2).DO(e).BREAK({})", "e {}"), CONDITIONS),
    "AND": (Part("IF(AND({}, x), e)", "{} x e"), CONDITIONS),
    "OR": (Part("IF(OR(z, {}), e)", "z {} e"), CONDITIONS),
    "NOT": (Part("IF(NOT({}), e, f)", "{} f"), CONDITIONS),
    "heads": (
        Part("THEN({})", "{}"),
        (
            Part(f'SWITCH(node("chooses").tag("s"){_HEAD}).TO(e).DEFAULT(f)', "s f"),
            Part(f'FOR(node("counts").tag("n"){_HEAD}).DO(e)', "n e"),
            Part(f'ITERATOR(node("iterates").tag("i"){_HEAD}).DO(e)', "i e"),
        ),
    ),
}
BEHIND: Final = (
    Part(f"THEN(a){_BLOCK}{_BACK}", "a"),
    Part(f"WHEN(a){_JOINS}{_JOINS_BACK}{_BLOCK}", "a"),
    Part(f"WHEN(a){_MARKS}{_LIMITS}{_JOINS}", "a"),
    Part(f"IF(z, a).ELIF(z, b).ELSE(c){_BLOCK}", "z z c"),
    Part(f"IF(z, a){_MARKS}.ELIF(x, b)", "z x b"),
    Part(f"IF(z, a){_MARKS}.ELIF(z, b).ELSE(c)", "z z c"),
    Part(f"SWITCH(s).TO(a).DEFAULT(b){_BLOCK}", "s b"),
    Part(f"SWITCH(s){_MARKS}.TO(a).TO(b).DEFAULT(c)", "s c"),
    Part(f"SWITCH(s){_MARKS}.DEFAULT(c).TO(a)", "s c"),
    Part(f'FOR(2).parallel(true).DO(a).BREAK(x).threadPool("p"){_BLOCK}', "a x"),
    Part(f"WHILE(x).DO(a).BREAK(x){_BLOCK}", "x a x"),
    Part(f"ITERATOR(i).DO(a){_BLOCK}", "i a"),
    Part(
        f'WHILE(x){_MARKS}.threadPool("p").parallel(false).parallel(true).DO(a).BREAK(x)', "x a x"
    ),
    Part('ITERATOR(i).threadPool("p").DO(a).BREAK(x)', "i a x"),
    Part(f"CATCH(a).DO(b){_BLOCK}", "a"),
    Part(f"CATCH(a){_MARKS}.DO(b)", "a"),
    Part(f"THEN(PRE(a){_BLOCK}, FINALLY(b){_BLOCK})", "a b"),
    Part(f"AND(x, y){_BLOCK}", "x y"),
    Part(f"OR(z, x){_BLOCK}", "z x"),
    Part(f"NOT(z){_BLOCK}", "z"),
    Part(f'node("work").tag("b").data("d").bind("k", "v").tag("a").retry(1){_LIMITS}', "a"),
)


def _answers(parts: Sequence[Part]) -> dict[str, list[str]]:
    """What the heads say: `s` names nothing, `p` one part after the other."""
    picked = [part.id for part in parts if part.id]
    return {"z": ["no"], "s": ["none"], "n": ["1"], "i": ["q"], "p": picked or ["none"]}


def _case(parts: Sequence[Part], place: Part) -> Case:
    """All the parts in that place, one after the other, and then a failure."""
    texts = [place.text.replace("{}", part.text) for part in parts]
    ran = " ".join(place.ran.replace("{}", part.ran) for part in parts)
    undone = [tag for tag in ran.split() if tag not in HEADS and tag != "p"]
    return Case(
        f"THEN({', '.join(texts)}, j)",
        f"{ran} j!",
        "/".join(undone),
        UNDONE if undone else Case("", "").status,
        refused="j",
        acts=_answers(parts),
        includes={"sub": "THEN(k)"},
    )


EVERY_OPERATOR: Final = "nested: all in DO"
"""A case that has all of them."""
NESTED: Final = {
    **{f"nested: all in {place}": _case(parts, part) for place, (part, parts) in PLACES.items()},
    "nested: modifiers behind all": _case(BEHIND, Part("{}", "{}")),
}
