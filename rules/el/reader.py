"""The tokens of a text as they are read, and how reading goes on after an error.

For the parser, which knows the grammar. Each place is reported once, and what follows from an
error is skipped.
"""

from typing import Final

from rules.el.ast import Broken
from rules.el.findings import Findings, quoted
from rules.el.lexer import tokenize
from rules.templates import placeholders

# What a Chinese keyboard gives by mistake.
_FULL_WIDTH: Final = "（），；。“”‘’＝＋"
_LOOKALIKES: Final = dict(zip(_FULL_WIDTH, "(),;.\"\"''=+", strict=True))
EL_IS_DATA: Final = "EL is data here: calls, modifiers, names, literals and assignments only"


class Reader:
    """Where reading stands. `gave_up`: nothing that was read is of use."""

    def __init__(self, text: str, findings: Findings, depth: int) -> None:
        tokens = tokenize(text)
        self.kinds = tokens.kinds
        self.texts = tokens.texts
        self.starts = tokens.starts
        self.text = text
        self.findings = findings
        self.at = 0
        self.depth = 0
        self.depth_limit = depth
        self.reported_at = -1
        self.gave_up = False

    def deeper(self) -> bool:
        """Go one level in; False where it is too deep, and nothing more is read."""
        if self.depth >= self.depth_limit:
            self.error("limit", f"more than {self.depth_limit} parentheses inside one another")
            self.give_up()
            return False
        self.depth += 1
        return True

    def starts_operand(self) -> bool:
        """Whether an operand could begin here."""
        return self.kinds[self.at] in ("name", "number", "string") or self.texts[self.at] == "("

    def end_before(self) -> int:
        """Where the token before this one ends."""
        last = self.at - 1
        return self.starts[last] + len(self.texts[last]) if last >= 0 else 0

    def broken(self, expected: str) -> Broken:
        """Report what stands here in an operand's place and skip it."""
        start = self.starts[self.at]
        self.unexpected(expected)
        self.skip()
        return Broken(start, max(start, self.end_before()))

    def unexpected(self, expected: str) -> None:
        """Report that this token is not what was expected."""
        kind, text = self.kinds[self.at], self.texts[self.at]
        if kind == "end":
            self.error("syntax", f"the text ends, but {expected} was expected", at_end=True)
        elif kind == "unclosed":
            what = "comment" if text[0] == "/" else "string"
            self.error("syntax", f"this {what} is never closed", width=2 if text[0] == "/" else 1)
        elif text == "{" and self.texts[self.at + 1] == "{":
            self.placeholder()
        elif kind == "host":
            self.error("unsupported_host", f"{quoted(text)} is not EL", hint=EL_IS_DATA)
        else:
            look = _LOOKALIKES.get(text)
            hint = f"did you mean the plain '{look}'?" if look else None
            self.error("syntax", f"found {quoted(text)}, but expected {expected}", hint=hint)

    def placeholder(self) -> None:
        """What a template leaves open was not filled; or it is none, because it has blanks."""
        start = self.starts[self.at]
        found = next(placeholders(self.text[start:]), None)
        if found is not None and found.start == 0:
            message = "a template cannot run: its {{...}} has no value"
            self.error("placeholder_missing", message)
        else:
            hint = "a placeholder is {{key}} without blanks, key being a name or a number"
            self.error("syntax", "'{{' begins no placeholder here", hint=hint, width=2)
        self.give_up()

    def error(
        self,
        category: str,
        message: str,
        *,
        hint: str | None = None,
        at_end: bool = False,
        width: int | None = None,
    ) -> None:
        """Report at this token, once per token; `at_end` means right behind the one before."""
        if self.reported_at == self.at:
            return
        self.reported_at = self.at
        start = self.end_before() if at_end else self.starts[self.at]
        end = start + (1 if at_end else len(self.texts[self.at]) if width is None else width)
        self.findings.error(category, message, start, end, hint=hint)

    def skip(self, *, closers: str = ",);") -> None:
        """Go to the next of `closers` outside of parentheses opened on the way."""
        opened = 0
        while self.kinds[self.at] != "end":
            text = self.texts[self.at]
            if text == "(":
                opened += 1
            elif opened and text == ")":
                opened -= 1
            elif text in closers and (not opened or text == ";"):
                break
            self.at += 1
        # What stopped us follows from the error just reported.
        self.reported_at = self.at

    def give_up(self) -> Broken:
        """Read nothing more: what follows could only be misunderstood."""
        start = self.starts[self.at]
        self.gave_up = True
        self.at = len(self.kinds) - 1
        self.reported_at = self.at
        return Broken(start, self.starts[self.at])
