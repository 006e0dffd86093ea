"""Chains made by chance, for the properties of the language: over every operator and modifier.

`scripts` are syntax trees that compile among the components and chains of `tests.rules.conftest`;
`messy` lays their text out with comments and blanks wherever they may stand; `damaged` are texts in
which characters or tokens went wrong, `noise` is made of pieces of the language, or of anything.
"""

from random import Random

from hypothesis import strategies as st

from rules.el.ast import (
    Arithmetic,
    Assignment,
    Call,
    Chained,
    Expr,
    Literal,
    Name,
    Script,
    Statement,
)
from rules.el.lexer import tokenize
from rules.el.printer import print_script


def name(text: str) -> Expr:
    return Name(text, 0, 0)


def call(operator: str, *args: Expr) -> Call:
    return Call(operator, args, 0, 0)


def chained(base: Expr, modifiers: list[Call]) -> Expr:
    return Chained(base, tuple(modifiers), 0, 0) if modifiers else base


def strings() -> st.SearchStrategy[Expr]:
    literal = st.text(max_size=8).map(lambda text: Literal(text, 0, 0))
    joined = st.lists(literal, min_size=2, max_size=3).map(
        lambda parts: Arithmetic(tuple(parts), ("+",) * (len(parts) - 1), 0, 0)
    )
    return st.one_of(literal, joined, st.just(name("currChainId")))


def literals(values: st.SearchStrategy[int] | st.SearchStrategy[bool]) -> st.SearchStrategy[Expr]:
    return values.map(lambda value: Literal(value, 0, 0))


truths = literals(st.booleans())
figures = literals(st.integers(-2, 9))
sums = st.recursive(
    figures,
    lambda inner: st.builds(
        lambda first, sign, second: Arithmetic((first, second), (sign,), 0, 0),
        inner,
        st.sampled_from("+-*"),
        inner,
    ),
    max_leaves=3,
)
numbers = st.one_of(literals(st.integers(-2, 99)), sums)
waits = literals(st.integers(1, 10_000))
shares = st.floats(0, 1).map(lambda value: Literal(value, 0, 0))

MARKS: dict[str, st.SearchStrategy[Call]] = {
    **{mark: st.builds(call, st.just(mark), strings()) for mark in ("id", "tag", "data")},
    "bind": st.one_of(
        st.builds(call, st.just("bind"), strings(), strings()),
        st.builds(call, st.just("bind"), strings(), strings(), truths),
    ),
    "retry": st.one_of(
        st.builds(call, st.just("retry"), numbers),
        st.builds(call, st.just("retry"), numbers, strings(), strings()),
    ),
    "maxWaitSeconds": st.builds(call, st.just("maxWaitSeconds"), waits),
    "maxWaitMilliseconds": st.builds(call, st.just("maxWaitMilliseconds"), waits),
}
JOINS = st.lists(
    st.one_of(
        st.builds(call, st.sampled_from(["any", "ignoreError"]), truths),
        st.builds(call, st.just("percentage"), shares),
        st.builds(call, st.just("must"), st.just(name("a"))),
        st.builds(call, st.just("maxWaitSeconds"), waits),
        st.builds(call, st.just("threadPool"), strings()),
    ),
    max_size=2,
)


def marks(*operators: str) -> st.SearchStrategy[list[Call]]:
    return st.lists(st.one_of([MARKS[operator] for operator in operators]), max_size=2)


def one_or_none(operator: str, items: st.SearchStrategy[Expr]) -> st.SearchStrategy[list[Call]]:
    return st.lists(st.builds(call, st.just(operator), items), max_size=1)


conditions = st.recursive(
    st.builds(chained, st.sampled_from("xy").map(name), marks("tag", "data", "bind")),
    lambda inner: st.one_of(
        st.builds(call, st.sampled_from(["AND", "OR"]), inner, inner),
        st.builds(call, st.just("NOT"), inner),
        st.builds(chained, st.builds(call, st.just("NOT"), inner), marks("id", "tag", "bind")),
    ),
    max_leaves=3,
)
after_all = marks(*MARKS)


def assigned(item: Expr) -> Expr:
    """The operand, and a variable of it that is never used."""
    return Assignment(Name("unused", 0, 0), item, 0, 0)


def sequences(items: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    hoisted = st.builds(
        lambda operator, item, after: chained(call(operator, item), after),
        st.sampled_from(["PRE", "FINALLY"]),
        items,
        after_all,
    )
    return st.builds(
        lambda operator, args, after: chained(call(operator, *args), after),
        st.sampled_from(["THEN", "SER"]),
        st.lists(st.one_of(items, items, hoisted, items.map(assigned)), min_size=1, max_size=4),
        after_all,
    )


def joins(items: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    return st.builds(
        lambda operator, args, join, after: chained(
            call(operator, name("a"), *args), [*join, *after]
        ),
        st.sampled_from(["WHEN", "PAR"]),
        st.lists(items, max_size=3),
        JOINS,
        after_all,
    )


def choices(items: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    arms = st.lists(
        st.builds(lambda test, then: call("ELIF", test, then), conditions, items), max_size=2
    )
    branch = st.builds(
        lambda test, then, elifs, last, after: chained(
            call("IF", test, then), [*elifs, *last, *after]
        ),
        conditions,
        items,
        arms,
        one_or_none("ELSE", items),
        after_all,
    )
    targets = st.builds(
        lambda to, args: call(to, *args),
        st.sampled_from(["TO", "to"]),
        st.lists(items, min_size=1, max_size=3),
    )
    switch = st.builds(
        lambda head, to, last, after: chained(call("SWITCH", head), [*to, *last, *after]),
        st.builds(chained, st.just(name("s")), marks("tag", "data", "bind")),
        st.lists(targets, min_size=1, max_size=2),
        one_or_none("DEFAULT", items),
        after_all,
    )
    return st.one_of(branch, switch)


def loops(items: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    heads = st.one_of(
        st.builds(call, st.just("FOR"), st.one_of(numbers, st.just(name("n")))),
        st.builds(call, st.just("WHILE"), st.one_of(truths, conditions)),
        st.builds(call, st.just("ITERATOR"), st.just(name("it"))),
    )
    loop = st.builds(
        lambda head, body, parts, rest, after: chained(
            head, [*parts, call("DO", body), *rest, *after]
        ),
        heads,
        items,
        one_or_none("BREAK", conditions),
        one_or_none("parallel", truths),
        after_all,
    )
    catch = st.builds(
        lambda body, handler, after: chained(call("CATCH", body), [*handler, *after]),
        items,
        one_or_none("DO", items),
        after_all,
    )
    return st.one_of(loop, catch)


def expressions(items: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    return st.one_of(sequences(items), joins(items), choices(items), loops(items))


leaf_names = st.one_of(
    st.sampled_from(["a", "b", "sub"]).map(name),
    st.sampled_from(["node", "NODE"]).map(lambda to: call(to, Literal("a", 0, 0))),
)
leaves = st.builds(chained, leaf_names, marks("tag", "data", "bind", "retry", "maxWaitSeconds"))
bodies = expressions(st.recursive(leaves, expressions, max_leaves=4))
# Strategies made once: making them while drawing takes most of the time.
uses = st.one_of(leaves, st.sampled_from(["v0", "v1"]).map(name))
scripts = st.builds(
    lambda v0, v1, last: Script(
        (
            Statement(Name("v0", 0, 0), v0, ()),
            Statement(Name("v1", 0, 0), v1, ()),
            Statement(None, last, ()),
        )
    ),
    leaves,
    bodies,
    expressions(st.recursive(uses, expressions, max_leaves=4)),
)


TRIVIA = ["", " ", "\n", "\t\r\n", "/* , ) */", "// it's\n", "/**/ "]
randoms = st.integers(0, 2**32).map(Random)


def messy(text: str, layout: Random) -> str:
    """The text with comments and blanks between its tokens."""
    # Two signs side by side would be another token, `//` or `--`.
    return "".join(
        token + " " * (token in "+-*/") + layout.choice(TRIVIA) for token in tokenize(text).texts
    )


FULL_WIDTH_COMMA = "\uff0c"
# fmt: off
PIECES = [
    "THEN(", "WHEN(", "IF(", ".ELIF(", ".ELSE(", "PRE(", "FINALLY(", "SWITCH(s)", ".TO(", "AND(",
    ".DEFAULT(", "FOR(", "WHILE(", ".DO(", ".BREAK(", "CATCH(", "NOT(", "node(", ".retry(2",
    ".maxWaitSeconds(1)", ".must(", ".any(true)", ".bind('k', 'v')", ".id('i')", "nosuch",
    ")", "(", ",", ";", ".", "=", "+", "-", "*", "/",
    "'", '"', "\\", "//", "/*", "*/", "a", "b", "x", "sub", "main", "broken", "if", "{", "{{", "}}",
    "?", "==", "1", "2.5", "99999999999", "true", "null", ".tag(", "'q'", "\n", FULL_WIDTH_COMMA,
    "\ud800", "\x00",
]
# fmt: on


def _characters(text: str, chance: Random) -> str:
    """A stretch of a few characters is lost, doubled, turned round, or becomes something else."""
    start = chance.randrange(len(text) + 1)
    end = min(len(text), start + chance.randrange(6))
    piece = text[start:end]
    other = chance.choice(["", piece * 2, piece[::-1], chance.choice(PIECES)])
    return text[:start] + other + text[end:]


def _tokens(text: str, chance: Random) -> str:
    """A token is lost, doubled, put elsewhere, or becomes another one."""
    tokens = tokenize(text).texts[:-1] or [""]
    at = chance.randrange(len(tokens))
    what = chance.randrange(4)
    taken = tokens[at] if what == 1 else tokens.pop(at)
    if what in (1, 2):
        tokens.insert(chance.randrange(len(tokens) + 1), taken)
    elif what == 3:
        tokens.insert(at, chance.choice(PIECES))
    return chance.choice(["", " ", "\n"]).join(tokens)


def _damage(script: Script, chance: Random) -> str:
    text = print_script(script)
    for _ in range(chance.randint(1, 3)):
        text = chance.choice([_characters, _tokens])(text, chance)
    return text


damaged = st.builds(_damage, scripts, randoms)
noise = st.one_of(
    st.text(),
    st.text("ab1fe.,;()=+-*/'\"\\ \n\t$\u00e9{?", max_size=30),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
)
