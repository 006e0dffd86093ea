"""All shapes of short chains over all operators, and random larger ones.

A shape has as many nodes as it has steps (heads count) and operators. What stands in the text alone
(how many passes, `parallel`, what a WHEN waits for) is a form of its operator and counts nothing.
Left out is what is the same as another shape: a THEN in a THEN, a retry of a retry, and the order
of the branches of a WHEN (which of them fails, and which ends first, is the cases' matter).
"""

import random
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

MOST_NODES: Final = 4
LIMIT: Final = 3687
LETTERS: Final = {"c": "abcdef", "b": "pqrstu"}
WAIT: Final = f".maxWaitMilliseconds({LIMIT})"


class Form(NamedTuple):
    """An operator with its modifiers. `parts`: c a block, b a condition, f, i, s other heads."""

    text: str
    parts: str
    nodes: int = 1

    @property
    def operator(self) -> str:
        """What is said of a part, or of the last one beside others."""
        return "FINALLY" if "FINALLY" in self.text else self.text.partition("(")[0]


class Shape(NamedTuple):
    """A form with its parts; a step has none."""

    form: Form
    parts: "tuple[Shape, ...]" = ()

    @property
    def is_step(self) -> bool:
        """Whether it is a step, and no operator."""
        return not self.form.parts


STEPS: Final = {kind: Shape(Form(kind, "")) for kind in "cbfis"}

WHENS: Final = (
    "",
    ".ignoreError(true)",
    ".any(true)",
    ".any(true).ignoreError(true)",
    WAIT,
    f"{WAIT}.ignoreError(true)",
    ".must({0})",
)
LOOPS: Final = (
    *(Form(f"FOR({count}).DO({{0}})", "c") for count in range(3)),
    Form("FOR(2).DO({0}).BREAK({1})", "cb"),
    Form("FOR({0}).DO({1})", "fc"),
    Form("FOR({0}).DO({1}).BREAK({2})", "fcb"),
    Form("WHILE(false).DO({0})", "c"),
    Form("WHILE(true).DO({0}).BREAK({1})", "cb"),
    Form("WHILE({0}).DO({1})", "bc"),
    Form("WHILE({0}).DO({1}).BREAK({2})", "bcb"),
    Form("ITERATOR({0}).DO({1})", "ic"),
    Form("ITERATOR({0}).DO({1}).BREAK({2})", "icb"),
)
BLOCKS: Final = (
    Form("THEN({0}, {1})", "cc"),
    Form("THEN({0}, {1}, {2})", "ccc"),
    Form("THEN({0}, PRE({1}))", "cc", 2),
    Form("THEN({0}, FINALLY({1}))", "cc", 2),
    *(Form(f"WHEN({{0}}, {{1}}){more}", "cc") for more in WHENS),
    *(Form(f"WHEN({{0}}, {{1}}, {{2}}){more}", "ccc") for more in WHENS),
    Form("WHEN({0}, {1}, {2}).percentage(0.5)", "ccc"),
    Form("IF({0}, {1})", "bc"),
    Form("IF({0}, {1}, {2})", "bcc"),
    Form("SWITCH({0}).TO({1})", "sc"),
    Form('SWITCH({0}).TO({1}.tag("t"))', "sc"),
    Form("SWITCH({0}).DEFAULT({1})", "sc"),
    Form("SWITCH({0}).TO({1}, {2})", "scc"),
    Form("SWITCH({0}).TO({1}).DEFAULT({2})", "scc"),
    *LOOPS,
    *(loop._replace(text=f"{loop.text}.parallel(true)") for loop in LOOPS),
    Form("CATCH({0})", "c"),
    Form("CATCH({0}).DO({1})", "cc"),
    Form("{0}.retry(1)", "c"),
    Form('{0}.retry(1, "Refused")', "c"),
    Form(f"{{0}}{WAIT}", "c"),
    Form("CHAIN({0})", "c"),
)
CONDITIONS: Final = (
    Form("AND({0}, {1})", "bb"),
    Form("OR({0}, {1})", "bb"),
    Form("AND({0}, {1}, {2})", "bbb"),
    Form("OR({0}, {1}, {2})", "bbb"),
    Form("NOT({0})", "b"),
)


@cache
def of_nodes(nodes: int) -> Sequence[Shape]:
    """Every shape of exactly so many nodes."""
    return (*blocks(nodes, "c"), *(s for s in blocks(nodes, "b") if not s.is_step))


@cache
def blocks(nodes: int, kind: str) -> Sequence[Shape]:
    """Every block, or every head of a kind, of exactly so many nodes."""
    if nodes == 1:
        return (STEPS[kind],)
    return tuple(
        Shape(form, parts)
        for form in {"c": BLOCKS, "b": CONDITIONS}.get(kind, ())
        for parts in _rows(nodes - form.nodes, form.parts)
        if _is_own(form, parts)
    )


def _rows(nodes: int, kinds: str) -> Iterator[tuple[Shape, ...]]:
    """Parts of these kinds that have so many nodes together."""
    if len(kinds) == 1:
        yield from ((part,) for part in blocks(nodes, kinds) if nodes)
        return
    for first in range(1, nodes - len(kinds) + 2):
        for part in blocks(first, kinds[0]):
            yield from ((part, *others) for others in _rows(nodes - first, kinds[1:]))


def _is_own(form: Form, parts: Sequence[Shape]) -> bool:
    """Whether it is no other spelling of another shape, and may be written like this."""
    texts = [part.form.text for part in parts]
    match form.text.partition("(")[0].partition("}.")[::2]:
        case ("THEN", _):
            return not any(text in ("THEN({0}, {1})", "THEN({0}, {1}, {2})") for text in texts)
        case ("WHEN", _) if ".must" in form.text:
            return parts[0].is_step
        case ("WHEN", _):
            return list(parts) == sorted(parts, key=repr)
        case ("CATCH", _):
            return texts[0] != "CATCH({0})"
        case ("CHAIN", _):
            return not parts[0].is_step and texts[0] != form.text
        case ("{0", "retry"):
            return ".retry" not in texts[0]
        case ("{0", _):
            return not texts[0].startswith("WHEN") and WAIT not in texts[0]
    return True


def random_shape(chance: random.Random, steps: int, operators: int, kind: str = "c") -> Shape:
    """A shape of so many steps and at most so many operators, as far as it goes."""
    forms = [
        form
        for form in {"c": BLOCKS, "b": CONDITIONS}.get(kind, ())
        if len(form.parts) <= steps and operators
    ]
    if not forms or (steps == 1 and chance.random() < 0.5):
        return STEPS[kind]
    while True:
        operator = chance.choice(sorted({form.operator for form in forms}))
        form = chance.choice([form for form in forms if form.operator == operator])
        wider = [i for i, part in enumerate(form.parts) if part in "cb"]
        sizes = [1] * len(form.parts)
        for _ in range(steps - len(sizes)):
            sizes[chance.choice(wider)] += 1
        left = operators - 1
        parts = []
        for size, part in zip(sizes, form.parts, strict=True):
            parts.append(random_shape(chance, size, chance.randint(0, left), part))
            left -= count(parts[-1])
        if _is_own(form, parts):
            return Shape(form, tuple(parts))


def count(shape: Shape) -> int:
    """How many operators a shape has."""
    return (0 if shape.is_step else 1) + sum(count(part) for part in shape.parts)


def written(shape: Shape) -> tuple[str, dict[str, str]]:
    """The chain as EL, and the chains that it includes."""
    chains: dict[str, str] = {}
    text = _text(shape, _Names(), chains)
    bare = shape.is_step or shape.form.text == "CHAIN({0})"
    return f"THEN({text})" if bare else text, chains


def text_of(shape: Shape) -> str:
    """The chain in one line, with CHAIN(…) for an included one."""
    return _text(shape, _Names(), None)


class _Names:
    """Gives every step the next name of its kind."""

    number = -1

    def next(self, kind: str) -> str:
        self.number += 1
        return LETTERS[kind][self.number] if kind in LETTERS else f"{HEADS[kind]}{self.number}"


HEADS: Final = {"f": "count", "i": "list", "s": "choice"}


def _text(shape: Shape, names: _Names, chains: dict[str, str] | None) -> str:
    if shape.is_step:
        return names.next(shape.form.text)
    texts = [_text(part, names, chains) for part in shape.parts]
    if chains is not None and shape.form.text == "CHAIN({0})":
        name = f"chain{len(chains) + 1}"
        chains[name] = texts[0]
        return name
    return shape.form.text.format(*texts)
