"""Cuts EL text into tokens with one regular expression.

For the parser only. Every character belongs to exactly one match and no alternative backtracks,
so any input takes linear time. Knows no grammar and no operator names.
"""

import re
from dataclasses import dataclass
from typing import Final

from rules.errors import Span

# The group names are the token kinds. Names are Java identifiers (`$` and letters of any script),
# EL reference section 1. `host` holds what the host language of LiteFlow would accept and EL as
# data does not; `unclosed` is a string or comment without an end and takes the rest of the text.
# White space behind a token is part of its match, but not of its group. What is frequent stands
# first: alternatives are tried in order.
_TOKEN: Final = re.compile(
    r"""
    (?:
      (?P<name>(?:[^\W\d]|\$)[\w$]*)
    | (?P<mark>[(),.;])
    | (?P<string>"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')
    | (?P<skip>\s+|//[^\n]*|/\*[^*]*(?:\*(?!/)[^*]*)*\*/)
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[fFdD]?)
    | (?P<unclosed>["'].*|/\*.*)
    | (?P<host>[=!<>]=|&&|\|\||->|\+\+|--|[?:<>!%&|^~{}\[\]])
    | (?P<sign>[=+*/-])
    | (?P<bad>.)
    )\s*
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(slots=True)
class Tokens:
    """The tokens of one text as parallel lists, closed by one empty token of kind `end`.

    `starts` are offsets in characters.
    """

    kinds: list[str]
    texts: list[str]
    starts: list[int]


def tokenize(text: str) -> Tokens:
    """Cut a text into tokens; white space and comments are dropped. Never fails."""
    kinds: list[str] = []
    texts: list[str] = []
    starts: list[int] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind is not None and kind != "skip":
            kinds.append(kind)
            texts.append(match[kind])
            starts.append(match.start())
    kinds.append("end")
    texts.append("")
    starts.append(len(text))
    return Tokens(kinds, texts, starts)


def comments(text: str) -> list[Span]:
    """Where the comments of a text are."""
    return [
        Span(*match.span("skip"))
        for match in _TOKEN.finditer(text)
        if match.lastgroup == "skip" and match["skip"].startswith("/")
    ]


_INTEGER_MAX: Final = 2**31 - 1


def number_of(token: str) -> int | float | None:
    """The value of a number token, perhaps with a `-` before it; None if it is too large."""
    digits = token.rstrip("fFdD")
    if digits != token or not digits.lstrip("-").isdigit():
        decimal = float(digits)
        return None if abs(decimal) == float("inf") else decimal
    if len(digits) > len("-2147483648"):
        return None
    value = int(digits)
    return value if -_INTEGER_MAX - 1 <= value <= _INTEGER_MAX else None


_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}


def unescape(token: str) -> str:
    """The value of a string token, quotes and escapes taken away."""
    body = token[1:-1]
    if "\\" in body:
        body = _ESCAPE.sub(_escaped, body)
    if body.isascii():
        return body
    # Joins surrogate pairs written as escapes; a lone half could not be stored as UTF-8 later.
    return body.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _escaped(match: re.Match[str]) -> str:
    code = match.group(1)
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPED.get(code, code)
