"""Reads EL text into a syntax tree, by hand-written recursive descent.

For the compiler and the printer. Each parse function has its grammar in its docstring. Knows
calls, modifiers, names, literals and assignments; must not know operator names.
After an error it goes on behind the next `,`, `)` or `;`, so several errors are told at once.
"""

from typing import Final

from rules.el.ast import (
    Arithmetic,
    Assignment,
    Broken,
    Call,
    Chained,
    Expr,
    Literal,
    Name,
    Script,
    Statement,
)
from rules.el.findings import Findings, quoted
from rules.el.lexer import number_of, unescape
from rules.el.reader import EL_IS_DATA, Reader

DEPTH: Final = 100
"""Parentheses inside one another. A plan cannot be nested as deep (see `Limits.levels`), and
parser, checks and lowering, which recurse up to five frames per level, stay far from Python's own
limit."""

_SIGNS: Final = frozenset("+-*/")
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
# fmt: off
_HOST_WORDS: Final = frozenset({
    "if", "else", "for", "while", "function", "macro", "return", "new", "import", "try", "throw",
    "break", "continue", "class", "instanceof",
})
# fmt: on
_RESERVED: Final = _HOST_WORDS | _CONSTANTS.keys()
_AFTER_ARGUMENT: Final = frozenset({",", ")"})


def parse(text: str, findings: Findings, *, depth: int = DEPTH) -> Script:
    """Read a chain's text. Errors go to `findings`, their places in the tree become `Broken`.

    After an error that leaves no hope for the rest (too deep, another language) the tree is empty.
    Never raises on any text. Categories: `syntax`, `unsupported_host`, `limit`, `range`,
    `placeholder_missing` (EL reference sections 1, 9.1 and 13).
    """
    return _Parser(text, findings, depth).script()


class _Parser(Reader):
    def __init__(self, text: str, findings: Findings, depth: int) -> None:
        super().__init__(text, findings, depth)
        self.names: list[Name] = []
        self.assigned: set[str] = set()

    def script(self) -> Script:
        """Read all statements.

        script = { ";" } [ statement { ( ";" | line break ) { ";" } statement } ] { ";" }
        """
        statements: list[Statement] = []
        while self.kinds[self.at] != "end":
            if self.texts[self.at] == ";":
                self.at += 1
                continue
            statement = self.statement()
            if not self.end_statement():
                broken = Broken(statement.value.start, self.end_before())
                statement = Statement(statement.target, broken, statement.names)
            statements.append(statement)
        return Script(() if self.gave_up else tuple(statements))

    def statement(self) -> Statement:
        """Read one statement.

        statement = [ name "=" ] expression
        """
        target = self.target()
        self.names = []
        value = self.expression()
        return Statement(target, value, tuple(self.names))

    def target(self) -> Name | None:
        """Read the variable that is assigned here, if one is.

        [ name "=" ]
        """
        at = self.at
        if self.kinds[at] != "name" or self.texts[at + 1] != "=":
            return None
        start = self.starts[at]
        target = Name(self.texts[at], start, start + len(self.texts[at]))
        if target.text in _RESERVED:
            self.error("syntax", f"{quoted(target.text)} cannot be a variable")
        self.at += 2
        return target

    def end_statement(self) -> bool:
        """Between two statements stands a `;` or a line break.

        False when the statement was only the beginning of what nobody can read.
        """
        text = self.texts[self.at]
        whole = self.kinds[self.at] != "host"
        if text == ";" or self.kinds[self.at] == "end":
            return whole
        if text == ")":
            self.error("syntax", "this ')' closes nothing")
        elif text == ",":
            self.error("syntax", "a ',' stands only between operands, inside parentheses")
        elif text == "=":
            self.error("unsupported_host", "one assignment per statement", hint=EL_IS_DATA)
        elif not self.starts_operand():
            self.unexpected("';' or the end of the chain")
        elif "\n" in self.text[self.end_before() : self.starts[self.at]]:
            return whole
        else:
            self.error("syntax", f"missing ';' before {quoted(text)}")
        self.skip(closers=";")
        return whole

    def expression(self) -> Expr:
        """Read an operand, or several joined by signs; which sign binds first is not decided here.

        expression = operand { ( "+" | "-" | "*" | "/" ) operand }
        """
        at = self.at
        if self.kinds[at] == "name" and self.texts[at + 1] in _AFTER_ARGUMENT:
            # Most operands are one name; this is all that `operand` would do with it.
            self.at += 1
            return self.word(self.texts[at], self.starts[at])
        first = self.operand()
        if self.texts[self.at] not in _SIGNS:
            return first
        operands = [first]
        signs: list[str] = []
        while self.texts[self.at] in _SIGNS:
            signs.append(self.texts[self.at])
            self.at += 1
            operands.append(self.operand())
        return Arithmetic(tuple(operands), tuple(signs), first.start, operands[-1].end)

    def operand(self) -> Expr:
        """Read a value, a reference or a call, with its modifiers.

        operand = ( name | name "(" args | literal | "(" expression ")" ) { "." name "(" args }
        literal = string | [ "-" ] number | "true" | "false" | "null"
        """
        at = self.at
        kind = self.kinds[at]
        text = self.texts[at]
        start = self.starts[at]
        self.at += 1
        base: Expr
        if kind == "name":
            if self.texts[at + 1] == "(" and text not in _HOST_WORDS:
                self.at += 1
                args = self.arguments(text)
                base = Call(text, args, start, self.end_before())
            else:
                base = self.word(text, start)
        elif kind == "string":
            base = Literal(unescape(text), start, start + len(text))
        elif kind == "number" or (text == "-" and self.kinds[at + 1] == "number"):
            base = self.number(text, start)
        elif text == "(":
            base = self.parenthesised(start)
        else:
            self.at = at
            return self.broken("a component, a chain, an expression or a value")
        if self.texts[self.at] == ".":
            return self.modified(base)
        return base

    def modified(self, base: Expr) -> Expr:
        """Read the row of modifiers behind an operand.

        { "." name "(" args }
        """
        modifiers: list[Call] = []
        while self.texts[self.at] == ".":
            self.at += 1
            at = self.at
            if self.kinds[at] != "name":
                self.error("syntax", "expected the name of a modifier after '.'")
                self.skip()
                break
            name = self.texts[at]
            self.at += 1
            if self.texts[self.at] != "(":
                self.error("syntax", f"missing '(' after '.{name}'", hint=f"write .{name}(...)")
                self.skip()
                break
            self.at += 1
            args = self.arguments(name)
            modifiers.append(Call(name, args, self.starts[at], self.end_before()))
        return Chained(base, tuple(modifiers), base.start, self.end_before())

    def arguments(self, name: str) -> tuple[Expr, ...]:
        """Read the operands of a call; its "(" was read.

        args = [ argument { "," argument } ] ")"
        argument = [ name "=" ] expression
        """
        texts = self.texts
        if texts[self.at] == ")":
            self.at += 1
            return ()
        if not self.deeper():
            return ()
        opened = self.starts[self.at - 1]
        args: list[Expr] = []
        while True:
            assigns = self.kinds[self.at] == "name" and texts[self.at + 1] == "="
            target = self.target() if assigns else None
            arg = self.expression()
            if target is not None:
                self.assigned.add(target.text)
                arg = Assignment(target, arg, target.start, arg.end)
            args.append(arg)
            text = texts[self.at]
            if text == ",":
                self.at += 1
            elif text == ")":
                self.at += 1
                break
            elif not self.another_argument(name, args, opened):
                break
        self.depth -= 1
        return tuple(args)

    def another_argument(self, name: str, args: list[Expr], opened: int) -> bool:
        """Neither `,` nor `)` after an argument: report, and say whether another one follows."""
        text, last = self.texts[self.at], args[-1]
        if self.kinds[self.at] == "end" or text == ";":
            line = self.text.count("\n", 0, opened) + 1 if not self.findings.full else 0
            hint = f"'{name}(' was opened in line {line}"
            self.error("syntax", f"missing ')' to close '{name}('", at_end=True, hint=hint)
            return False
        if text == "=":
            self.error("unsupported_host", "one assignment per operand", hint=EL_IS_DATA)
        elif self.starts_operand():
            before = quoted(self.text[last.start : last.end])
            self.error("syntax", f"missing ',' between {before} and {quoted(text)} in {name}(...)")
            return True
        else:
            self.unexpected("',' or ')'")
        self.skip()
        # It is only the beginning of what nobody can read.
        args[-1] = Broken(last.start, self.end_before())
        follows = self.texts[self.at] == ","
        self.at += self.texts[self.at] in (",", ")")
        return follows

    def parenthesised(self, start: int) -> Expr:
        """Read an expression in parentheses; the "(" was read.

        "(" expression ")"
        """
        if not self.deeper():
            return Broken(start, self.end_before())
        inner = self.expression()
        self.depth -= 1
        if self.texts[self.at] == ")":
            self.at += 1
        else:
            self.error("syntax", "missing ')'", at_end=True)
            self.skip()
            self.at += self.texts[self.at] == ")"
        return inner

    def word(self, text: str, start: int) -> Expr:
        """A name that is not called: a reference, `true`, `false` or `null`."""
        end = start + len(text)
        if text not in _RESERVED:
            name = Name(text, start, end)
            if text not in self.assigned:
                self.names.append(name)
            return name
        if text in _CONSTANTS:
            return Literal(_CONSTANTS[text], start, end)
        self.at -= 1
        self.error("unsupported_host", f"{quoted(text)} is not EL", hint=EL_IS_DATA)
        return self.give_up()

    def number(self, text: str, start: int) -> Expr:
        """Read a number of 32 bits or a decimal one.

        [ "-" ] digits [ "." digits ] [ exponent ] [ "f" | "d" ]
        """
        if text == "-":
            text += self.texts[self.at]
            self.at += 1
        end = self.end_before()
        value = number_of(text)
        if value is None:
            self.findings.error("range", "this number is too large", start, end)
            return Broken(start, end)
        return Literal(value, start, end)
