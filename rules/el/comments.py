"""The canonical form of a text with its comments.

For `chainsaga fmt`. Comments before, between and behind statements stay where they are; the tree
has no place for those inside of one, which are reported rather than lost.
"""

from dataclasses import dataclass

from rules.el.ast import Script, Statement
from rules.el.findings import Findings
from rules.el.lexer import comments
from rules.el.parser import parse
from rules.el.printer import print_script
from rules.errors import ChainInvalid, Span


def format_with_comments(text: str, chain: str) -> str:
    """The canonical form; the same meaning, and the same text when repeated.

    Raises ChainInvalid: the text does not parse, or has a comment inside of a statement.
    """
    findings = Findings(chain, text)
    script = parse(text, findings)
    if findings.failed:
        raise ChainInvalid(chain, findings.diagnostics())
    lines: list[str] = []
    layout = _Layout(text, comments(text), findings)
    for statement in script.statements:
        start = statement.target.start if statement.target else statement.value.start
        layout.before(start, lines)
        layout.inside(statement.value.end)
        lines.append(print_script(Script((statement,))).removesuffix("\n"))
        layout.behind(statement, lines)
    layout.before(len(text), lines)
    if findings.failed:
        raise ChainInvalid(chain, findings.diagnostics())
    return "".join(f"{line}\n" for line in lines)


@dataclass(slots=True)
class _Layout:
    """The comments that were not laid out yet, in order."""

    text: str
    spans: list[Span]
    findings: Findings

    def before(self, start: int, lines: list[str]) -> None:
        """Those up to a statement, on lines of their own."""
        while self.spans and self.spans[0].start < start:
            lines.append(self.take())

    def inside(self, end: int) -> None:
        """Those within a statement cannot be kept."""
        while self.spans and self.spans[0].start < end:
            span = self.spans.pop(0)
            message = "a comment inside of a statement would be lost"
            hint = "put it before the statement, or behind it"
            self.findings.error("comment", message, span.start, span.end, hint=hint)

    def behind(self, statement: Statement, lines: list[str]) -> None:
        """One on the statement's last line stays there."""
        if self.spans and "\n" not in self.text[statement.value.end : self.spans[0].start]:
            lines[-1] += f" {self.take()}"

    def take(self) -> str:
        span = self.spans.pop(0)
        return self.text[span.start : span.end].rstrip()
