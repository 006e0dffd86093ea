"""Collects what is wrong with one chain's text and draws it.

For the parser and the checks. Knows text and positions; must not know what EL means.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from unicodedata import east_asian_width

from rules.errors import Diagnostic, Severity, Span
from rules.templates import Written

MOST: Final = 20
"""Errors, and warnings, kept per chain; more would be noise, and slow to draw."""

_WIDTH: Final = 100
_QUOTED: Final = 40


def quoted(name: str) -> str:
    """A piece of the text as messages show it: in quotes, on one line, long ones cut."""
    shown = "".join(char if char.isprintable() else " " for char in name[:_QUOTED])
    return f"'{shown}'" if len(name) <= _QUOTED else f"'{shown}...'"


class Findings:
    """The diagnostics of one chain. Offsets are characters, `end` exclusive.

    `written` says of a filled text where its parts stand; the diagnostics then point there. `part`
    begins each message about a text that is not the chain's body.
    """

    def __init__(
        self, chain: str, text: str, *, written: Written | None = None, part: str = ""
    ) -> None:
        self.chain = chain
        self.text = text
        self.written = written
        self._part = part
        self.failed = False
        self._errors: list[Diagnostic] = []
        self._warnings: list[Diagnostic] = []
        self._elsewhere: list[Diagnostic] = []
        self._line_starts: dict[str, list[int]] = {}

    @property
    def full(self) -> bool:
        """Whether further errors are dropped, so that callers need not think of hints."""
        return len(self._errors) >= MOST

    @property
    def first_error(self) -> Diagnostic | None:
        """The error that was found first."""
        return self._errors[0] if self._errors else None

    def error(
        self, category: str, message: str, start: int, end: int, *, hint: str | None = None
    ) -> None:
        """Something that keeps the chain from compiling."""
        self.failed = True
        if len(self._errors) < MOST:
            self._errors.append(self._diagnostic("error", category, message, (start, end), hint))

    def warning(
        self, category: str, message: str, start: int, end: int, *, hint: str | None = None
    ) -> None:
        """Something that compiles, but is probably not meant."""
        if len(self._warnings) < MOST:
            found = self._diagnostic("warning", category, message, (start, end), hint)
            self._warnings.append(found)

    def explain(self, elsewhere: Iterable[Diagnostic]) -> None:
        """Add what was found in another chain's text, and explains an error in this one's."""
        self._elsewhere.extend(replace(one, severity="info") for one in elsewhere)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything found, in the order of the text."""
        found = [*self._errors, *self._elsewhere, *self._warnings]
        return tuple(sorted(found, key=lambda one: (one.span.start, one.span.end)))

    def _diagnostic(
        self,
        severity: Severity,
        category: str,
        message: str,
        where: tuple[int, int],
        hint: str | None,
    ) -> Diagnostic:
        chain, text, (start, end) = self.chain, self.text, where
        if self.written is not None:
            place = self.written.place(start, end)
            if place.chain != chain:
                filled = f"filled by {quoted(chain)} to {self._around(start)}"
                hint = f"{hint}; {filled}" if hint else filled
            chain, start, end = place
            text = self.written.sources[chain]
        line, column, drawing = self._draw(chain, text, start, end)
        return Diagnostic(
            category=category,
            message=f"{self._part}{message}",
            chain=chain,
            span=Span(start, end),
            line=line,
            column=column,
            drawing=drawing,
            hint=hint,
            severity=severity,
        )

    def _draw(self, chain: str, text: str, start: int, end: int) -> tuple[int, int, str]:
        if chain not in self._line_starts:
            breaks = [i + 1 for i, char in enumerate(text) if char == "\n"]
            self._line_starts[chain] = [0, *breaks]
        line_starts = self._line_starts[chain]
        line = bisect_right(line_starts, start)
        left = line_starts[line - 1]
        right = text.find("\n", left)
        shown = text[left:] if right < 0 else text[left:right]
        return line, start - left + 1, _drawing(shown, start - left, end - left)

    def _around(self, start: int) -> str:
        """The line of the text at an offset, as far as it can be shown."""
        left = self.text.rfind("\n", max(0, start - _WIDTH), start) + 1
        left = max(left, start - _WIDTH // 2)
        line = self.text[left : left + _WIDTH].split("\n", 1)[0]
        return "".join(char if char.isprintable() else " " for char in line).strip()


def _drawing(line: str, start: int, end: int) -> str:
    """The line and carets below it; of a long line, the stretch around the caret."""
    end = min(max(end, start + 1), max(len(line), start + 1))
    if len(line) > _WIDTH:
        cut = max(0, min(start - _WIDTH // 2, len(line) - _WIDTH))
        shown = line[cut : cut + _WIDTH]
        before, after = ("..." if cut else ""), ("..." if cut + _WIDTH < len(line) else "")
        start, end = start - cut + len(before), min(end - cut, _WIDTH) + len(before)
        line = f"{before}{shown}{after}"
    line = "".join(char if char.isprintable() or char == "\t" else " " for char in line)
    margin = "".join(_blank(char) for char in line[:start])
    carets = sum(len(_blank(char)) for char in line[start:end]) or 1
    return f"{line}\n{margin}{'^' * carets}"


def _blank(char: str) -> str:
    """White space as wide as the character is in a terminal."""
    if char == "\t":
        return char
    return "  " if east_asian_width(char) in "WF" else " "
