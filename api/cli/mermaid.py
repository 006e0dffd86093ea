"""Writes a picture as a Mermaid flowchart, which GitHub and many editors show."""

from collections.abc import Sequence
from typing import Final

from api.cli.picture import Box, Fork, Frame, Picture, Row, Shape

_SHAPES: Final[dict[Shape, tuple[str, str]]] = {
    "step": ("[", "]"),
    "asked": ("{{", "}}"),
    "note": (">", "]"),
    "end": ("([", "])"),
}
_ESCAPES: Final = str.maketrans(
    {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "\\": "#92;"}
)

Open = list[tuple[str, str]]
"""What waits for its next box: ids, with the label of the way from there."""


def mermaid(picture: Picture) -> str:
    """The flowchart, ending in a line feed."""
    writer = _Writer()
    writer.draw(picture, [])
    return "\n".join(["flowchart TD", *writer.lines, *writer.ways, ""])


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        # Behind everything: what a subgraph's lines name would become a part of it.
        self.ways: list[str] = []
        self._count = 0
        self._depth = 1

    def draw(self, picture: Picture, before: Open) -> Open:
        match picture:
            case Box():
                return self.box(picture, before)
            case Row():
                for item in picture.items:
                    before = self.draw(item, before)
                return before
            case Fork():
                return self.fork(picture, before)
            case Frame():
                return self.frame(picture, before)

    def box(self, box: Box, before: Sequence[tuple[str, str]]) -> Open:
        name = self.name("n")
        left, right = _SHAPES[box.shape]
        self.line(f'{name}{left}"{_text(box.text)}"{right}')
        for other, label in before:
            arrow = f'-- "{_text(label)}" -->' if label else "-->"
            self.ways.append(f"    {other} {arrow} {name}")
        return [(name, "")]

    def fork(self, fork: Fork, before: Open) -> Open:
        heads = self.draw(fork.head, before)
        after: Open = []
        for label, way in fork.ways:
            begun = [(name, _both(said, label)) for name, said in heads]
            after += begun if way is None else self.draw(way, begun)
        return after if fork.join is None else self.box(Box(fork.join, "note"), after)

    def frame(self, frame: Frame, before: Open) -> Open:
        self.line(f'subgraph {self.name("f")}["{_text(frame.title)}"]')
        self._depth += 1
        after = self.draw(frame.inner, before)
        self._depth -= 1
        self.line("end")
        return after

    def name(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"

    def line(self, text: str) -> None:
        self.lines.append("    " * self._depth + text)


def _both(said: str, label: str) -> str:
    return f"{said}; {label}" if said and label else said or label


def _text(text: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in text)
    return shown.translate(_ESCAPES)
