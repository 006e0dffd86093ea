"""Writes a picture as SVG: from top to bottom, every part centered above what follows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final
from unicodedata import east_asian_width

from api.cli.picture import Box, Fork, Frame, Picture, Row, Shape

_GAP: Final = 26.0
_ASIDE: Final = 22.0
_FORK: Final = 46.0
_PAD: Final = 14.0
_TITLE: Final = 24.0
_BOX: Final = 32.0
_LETTER: Final = 7.4
_SMALL: Final = 6.4
_LONGEST: Final = 60
_MARGIN: Final = 20.0

_HEAD: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{w:g}" height="{h:g}" viewBox="0 0 {w:g} {h:g}"
     font-family="Liberation Sans, Arial, sans-serif" font-size="13" role="img">
<title>{title}</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
 orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>
<rect width="100%" height="100%" fill="#fff"/>
"""
_COLORS: Final[dict[Shape, tuple[str, str]]] = {
    "step": ("#eef4ff", "#3565b0"),
    "asked": ("#fff6e0", "#b07a1a"),
    "note": ("#f3f3f3", "#999"),
    "end": ("#fff", "#333"),
}


def svg(picture: Picture, title: str) -> str:
    """The drawing as a document of its own."""
    size = _size(picture)
    canvas = _Canvas()
    canvas.draw(picture, size, _MARGIN, _MARGIN)
    width, height = size.width + 2 * _MARGIN, size.height + 2 * _MARGIN
    head = _HEAD.format(w=width, h=height, title=escape(_shown(title)))
    return "\n".join([head.rstrip("\n"), *canvas.marks, "</svg>", ""])


@dataclass(frozen=True, slots=True)
class _Size:
    """How much room a picture takes, and the parts in it (of a fork: the head, the ways)."""

    width: float
    height: float
    parts: tuple["_Size", ...] = ()


def _size(picture: Picture) -> _Size:
    match picture:
        case Box():
            return _Size(_width(picture.text, _LETTER) + 26, _BOX)
        case Row():
            parts = tuple(map(_size, picture.items))
            height = sum(part.height for part in parts) + _GAP * (len(parts) - 1)
            return _Size(max(part.width for part in parts), height, parts)
        case Frame():
            inner = _size(picture.inner)
            width = max(inner.width, _width(picture.title, _SMALL)) + 2 * _PAD
            return _Size(width, inner.height + _TITLE + 2 * _PAD, (inner,))
        case Fork():
            return _fork_size(picture)


def _fork_size(fork: Fork) -> _Size:
    head = _size(fork.head)
    join = _join(fork)
    ways = []
    for label, way in fork.ways:
        inner = _Size(0, 0) if way is None else _size(way)
        # The label stands to the right of a line in the middle.
        width = max(inner.width, 2 * (_width(label, _SMALL) + 8), 2 * _ASIDE)
        ways.append(_Size(width, inner.height, (inner,)))
    width = sum(way.width for way in ways) + _ASIDE * max(len(ways) - 1, 0)
    last = 0.0 if join is None else join.height + _GAP
    tallest = max((way.height for way in ways), default=0)
    height = head.height + _FORK + tallest + _GAP + last
    return _Size(max(width, head.width, join.width if join else 0), height, (head, *ways))


def _join(fork: Fork) -> _Size | None:
    return None if fork.join is None else _size(Box(fork.join, "note"))


class _Canvas:
    def __init__(self) -> None:
        self.marks: list[str] = []

    def draw(self, picture: Picture, size: _Size, left: float, top: float) -> None:
        """Draw into the room at this corner; lines come in and go out in the middle."""
        match picture:
            case Box():
                self.box(picture, size, left, top)
            case Row():
                self.row(picture.items, size, left, top)
            case Frame():
                self.frame(picture, size, left, top)
            case Fork():
                self.fork(picture, size, left, top)

    def box(self, box: Box, size: _Size, left: float, top: float) -> None:
        fill, stroke = _COLORS[box.shape]
        room = _rectangle(size, left, top)
        if box.shape == "asked":
            right, bottom, middle = left + size.width, top + size.height, top + size.height / 2
            corners = (
                f"{left:g},{middle:g} {left + 10:g},{top:g} {right - 10:g},{top:g} "
                f"{right:g},{middle:g} {right - 10:g},{bottom:g} {left + 10:g},{bottom:g}"
            )
            self.mark(f'<polygon points="{corners}" fill="{fill}" stroke="{stroke}"/>')
        else:
            round_ = {"step": 5, "note": 0, "end": 16}[box.shape]
            dashes = ' stroke-dasharray="3 3"' if box.shape == "note" else ""
            self.mark(f'<rect {room} rx="{round_}" fill="{fill}" stroke="{stroke}"{dashes}/>')
        center, base = left + size.width / 2, top + size.height / 2 + 4.5
        self.mark(
            f'<text x="{center:g}" y="{base:g}" text-anchor="middle">{_escaped(box.text)}</text>'
        )

    def row(self, items: Sequence[Picture], size: _Size, left: float, top: float) -> None:
        center = left + size.width / 2
        for index, (item, part) in enumerate(zip(items, size.parts, strict=True)):
            if index:
                self.path([(center, top), (center, top + _GAP)], tip=True)
                top += _GAP
            self.draw(item, part, center - part.width / 2, top)
            top += part.height

    def frame(self, frame: Frame, size: _Size, left: float, top: float) -> None:
        (inner,) = size.parts
        self.mark(
            f'<rect {_rectangle(size, left, top)} rx="8" fill="#000" fill-opacity="0.02" '
            'stroke="#888" stroke-dasharray="6 3"/>'
        )
        self.small(frame.title, left + _PAD, top + 17)
        center, below = left + size.width / 2, top + _TITLE + _PAD
        # From below the title, which a line from the top would cross.
        self.path([(center, top + _TITLE), (center, below)], tip=True)
        self.draw(frame.inner, inner, center - inner.width / 2, below)
        self.path([(center, below + inner.height), (center, top + size.height)])

    def fork(self, fork: Fork, size: _Size, left: float, top: float) -> None:
        head, *ways = size.parts
        center = left + size.width / 2
        self.draw(fork.head, head, center - head.width / 2, top)
        join = _join(fork)
        parting = top + head.height
        begin = parting + _FORK
        meeting = top + size.height - (0 if join is None else join.height + _GAP)
        across = sum(way.width for way in ways) + _ASIDE * max(len(ways) - 1, 0)
        at = center - across / 2
        for (label, way), room in zip(fork.ways, ways, strict=True):
            middle = at + room.width / 2
            (inner,) = room.parts
            way_in = [(center, parting), (center, parting + 14), (middle, parting + 14)]
            self.path([*way_in, (middle, begin)], tip=way is not None)
            if way is not None:
                self.draw(way, inner, middle - inner.width / 2, begin)
            bend = meeting - 12
            self.path(
                [(middle, begin + inner.height), (middle, bend), (center, bend), (center, meeting)]
            )
            self.small(label, middle + 6, begin - 12)
            at += room.width + _ASIDE
        if join is not None and fork.join is not None:
            self.path([(center, meeting), (center, meeting + _GAP)], tip=True)
            below = meeting + _GAP
            self.draw(Box(fork.join, "note"), join, center - join.width / 2, below)

    def path(self, points: Sequence[tuple[float, float]], *, tip: bool = False) -> None:
        line = "L".join(f"{x:g} {y:g}" for x, y in points)
        end = ' marker-end="url(#tip)"' if tip else ""
        self.mark(f'<path d="M{line}" fill="none" stroke="#555"{end}/>')

    def small(self, text: str, x: float, y: float) -> None:
        if text:
            self.mark(
                f'<text x="{x:g}" y="{y:g}" font-size="11" fill="#333">{_escaped(text)}</text>'
            )

    def mark(self, text: str) -> None:
        self.marks.append(text)


def _rectangle(size: _Size, left: float, top: float) -> str:
    return f'x="{left:g}" y="{top:g}" width="{size.width:g}" height="{size.height:g}"'


def _shown(text: str) -> str:
    """As it is drawn: on one line, long ones cut."""
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(char if char.isprintable() else " " for char in cut)


def _escaped(text: str) -> str:
    return escape(_shown(text))


def _width(text: str, letter: float) -> float:
    return letter * sum(2 if east_asian_width(char) in "WF" else 1 for char in _shown(text))
