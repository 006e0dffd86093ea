"""Random chains: EL texts over all operators and modifiers, the same for the same seed.

For the random sagas. Which component a text names is chosen here; what it does is not known.
"""

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

STEPS: Final = ("c0", "c1", "c2", "c3", "c4", "c5")
SILENT: Final = ("c4", "c5")
"""Those of the steps whose answer may fail to come."""
LAST: Final = "last"
"""A step at the end of a chain, which is refused."""
CONDITIONS: Final = ("p0", "p1", "p2")
CHOOSES: Final = ("s0", "s1")
COUNTS: Final = "n0"
ITERATES: Final = "i0"
HEADS: Final = (*CONDITIONS, *CHOOSES, COUNTS, ITERATES)
MAIN: Final = "main"

SIZES: Final = (4, 8, 14, 20)
SMALL: Final = 4
MOST_DEEP: Final = 5
MOST_LOOPS: Final = 2
TYPES: Final = ("Refused", "ConnectionError", "Exception", "NeverRaised")


class Item(NamedTuple):
    """The text of a block, and the id by which `must` and SWITCH know it."""

    text: str
    id: str | None = None


class Around(NamedTuple):
    """Where a block stands."""

    deep: int = 0
    loops: int = 0

    def inside(self, *, loop: bool = False) -> "Around":
        return Around(self.deep + 1, self.loops + loop)


class Chains:
    """Writes one saga's chains; `unit` is milliseconds, in which limits of blocks are counted."""

    def __init__(self, chance: Random, unit: int) -> None:
        self._chance = chance
        self._unit = unit
        self._left = chance.choice(SIZES)
        self._number = 0
        self._variables: dict[str, Item] = {}
        self.texts: dict[str, str] = {}

    def write(self) -> dict[str, str]:
        """The texts by name; `main` includes the others."""
        size, self._left = self._left, SMALL
        for name in ("sub0", "sub1")[: self._chance.choice((0, 0, 1, 2))]:
            self.texts[name] = self._whole(self._sequence(Around(2)).text)
        self._left = size
        text = self._sequence(Around()).text
        if self._chance.random() < 0.4:
            text = f"THEN({text}, {LAST})"
        self.texts[MAIN] = self._whole(text)
        return self.texts

    def _whole(self, text: str) -> str:
        """The text of a chain, after the variables that it uses."""
        defined = [f"{name} = {item.text};" for name, item in self._variables.items()]
        self._variables.clear()
        return " ".join([*defined, text])

    def _item(self, around: Around) -> Item:
        blocks = self._blocks(around)
        if self._left <= 0 or around.deep >= MOST_DEEP or self._chance.random() < 0.35:
            return self._modified(self._step())
        item = self._named(self._chance.choice(blocks)(around.inside()))
        if self._chance.random() < 0.07:
            self._number += 1
            name = f"v{self._number}"
            self._variables[name] = item
            item = Item(name, item.id)
        return self._modified(item)

    def _blocks(self, around: Around) -> list[Callable[[Around], Item]]:
        kinds: list[Callable[[Around], Item]] = [
            self._sequence,
            self._sides,
            self._sides,
            self._branch,
            self._choice,
            self._catch,
        ]
        kinds += [self._included] if self.texts else []
        kinds += [self._again] if self._variables else []
        if around.loops < MOST_LOOPS:
            kinds += [self._counted, self._asked, self._iterated]
        return kinds

    def _step(self) -> Item:
        self._left -= 1
        id = self._chance.choice(STEPS)
        text = f'node("{id}")' if self._chance.random() < 0.1 else id
        return Item(text, id)

    def _head(self, id: str) -> str:
        self._left -= 1
        return self._chance.choices((id, f'{id}.tag("h")'), (9, 1))[0]

    def _condition(self, deep: int = 0) -> str:
        if deep == 2 or self._chance.random() < 0.7:
            return self._head(self._chance.choice(CONDITIONS))
        operator = self._chance.choice(("AND", "OR", "NOT"))
        operands = [self._condition(deep + 1) for _ in range(1 if operator == "NOT" else 2)]
        return f"{operator}({', '.join(operands)})"

    def _items(self, around: Around, least: int, most: int) -> list[Item]:
        return [self._item(around) for _ in range(self._chance.randint(least, most))]

    def _sequence(self, around: Around) -> Item:
        least = 1 if around.deep else 2
        texts = [item.text for item in self._items(around, least, 4)]
        for word, likely in (("PRE", 0.1), ("FINALLY", 0.25)):
            if self._chance.random() < likely:
                inner = ", ".join(item.text for item in self._items(around, 1, 2))
                at = self._chance.randint(0, len(texts))
                texts.insert(at, f"{word}({inner})" + self._chance.choice(("", "", ".retry(1)")))
        return Item(f"{self._chance.choice(('THEN', 'THEN', 'SER'))}({', '.join(texts)})")

    def _sides(self, around: Around) -> Item:
        items = self._items(around, 1, 4)
        text = f"{self._chance.choice(('WHEN', 'WHEN', 'PAR'))}({_joined(items)})"
        ids = [item.id for item in items if item.id]
        enough = ["", "", "", ".any(true)", f".percentage({self._chance.choice((0.3, 0.5, 1))})"]
        if ids:
            enough.append(f'.must("{self._chance.choice(ids)}")')
        text += self._chance.choice(enough)
        text += self._chance.choice(("", "", "", ".ignoreError(true)"))
        return Item(text)

    def _branch(self, around: Around) -> Item:
        text = f"IF({self._condition()}, {self._item(around).text})"
        if self._chance.random() < 0.3:
            text += f".ELIF({self._condition()}, {self._item(around).text})"
        if self._chance.random() < 0.5:
            text += f".ELSE({self._item(around).text})"
        return Item(text)

    def _choice(self, around: Around) -> Item:
        text = f"SWITCH({self._head(self._chance.choice(CHOOSES))})"
        text += f".TO({_joined(self._items(around, 1, 3))})"
        if self._chance.random() < 0.6:
            text += f".DEFAULT({self._item(around).text})"
        return Item(text)

    def _catch(self, around: Around) -> Item:
        text = f"CATCH({self._item(around).text})"
        if self._chance.random() < 0.6:
            text += f".DO({self._item(around).text})"
        return Item(text)

    def _included(self, around: Around) -> Item:
        self._left -= 2
        name = self._chance.choice([name for name in self.texts if name != MAIN])
        return Item(name, name)

    def _again(self, around: Around) -> Item:
        """A variable once more: each use is a copy."""
        self._left -= 2
        name = self._chance.choice(list(self._variables))
        return Item(name, self._variables[name].id)

    def _counted(self, around: Around) -> Item:
        head = self._chance.choice(("2", "1 + 2", self._head(COUNTS)))
        return self._loop(f"FOR({head})", around)

    def _asked(self, around: Around) -> Item:
        if self._chance.random() < 0.3:
            return self._loop("WHILE(true)", around, breaks=True)
        return self._loop(f"WHILE({self._condition(1)})", around)

    def _iterated(self, around: Around) -> Item:
        return self._loop(f"ITERATOR({self._head(ITERATES)})", around)

    def _loop(self, head: str, around: Around, *, breaks: bool = False) -> Item:
        inner = Around(around.deep, around.loops + 1)
        text = f"{head}.DO({self._item(inner).text})"
        if self._chance.random() < 0.35:
            text += ".parallel(true)"
        if breaks or self._chance.random() < 0.25:
            text += f".BREAK({self._condition(1)})"
        return Item(text)

    def _named(self, item: Item) -> Item:
        """Sometimes with an id of its own."""
        if item.id is None and self._chance.random() < 0.4:
            self._number += 1
            id = f"b{self._number}"
            return Item(f'{item.text}.id("{id}")', id)
        return item

    def _modified(self, item: Item) -> Item:
        """Sometimes with modifiers, in any order; an id stays what it is."""
        chance, text = self._chance, item.text
        modifiers = []
        if chance.random() < 0.12:
            types = chance.choice(("", "", f', "{chance.choice(TYPES)}"'))
            modifiers.append(f".retry({chance.choice((1, 1, 2))}{types})")
        if chance.random() < 0.12:
            limit = self._unit * chance.randint(1, 9)
            whole = f".maxWaitSeconds({limit // 1000 or 1})"
            modifiers.append(chance.choice((f".maxWaitMilliseconds({limit})", whole)))
        if chance.random() < 0.15:
            self._number += 1
            modifiers.append(f'.tag("t{self._number}")')
        if chance.random() < 0.05:
            modifiers.append(chance.choice(('.bind("k", "v")', '.data("d")')))
        chance.shuffle(modifiers)
        return Item(text + "".join(modifiers), item.id)


def _joined(items: list[Item]) -> str:
    return ", ".join(item.text for item in items)
