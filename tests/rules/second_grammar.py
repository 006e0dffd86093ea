"""A second opinion on what is well-formed: the language's syntax as a grammar for Lark.

Written from the EL reference, not from our parser, with which it shares nothing. It knows calls,
modifiers, names, literals, arithmetic and assignments, no operator, no kind and no limit.
"""

from collections.abc import Iterator
from typing import Final

from lark import Lark, Token
from lark.exceptions import UnexpectedInput
from lark.lark import PostLex

GRAMMAR: Final = r"""
    start: line (_BREAK line)*
    line: [statement]
    statement: [NAME EQUALS] expression
    expression: operand (SIGN operand | MINUS operand)*
    operand: base modifier*
    ?base: NAME | CONSTANT | call | literal | "(" expression ")"
    call: (NAME | CONSTANT) "(" arguments
    modifier: "." (NAME | CONSTANT | HOST_WORD) "(" arguments
    arguments: [argument ("," argument)*] ")"
    argument: [NAME EQUALS] expression
    literal: STRING | [MINUS] NUMBER

    CONSTANT.3: /(true|false|null)(?![\w$])/
    HOST_WORD.3: /(if|else|for|while|function|macro|return|new|import)(?![\w$])/
        | /(try|throw|break|continue|class|instanceof)(?![\w$])/
    NAME.2: /[^\W\d][\w$]*|\$[\w$]*/
    NUMBER: /[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?[fFdD]?/
    STRING: /"([^"\\]|\\[\s\S])*"|'([^'\\]|\\[\s\S])*'/
    // What Java's operators of two signs begin with is none of ours.
    SIGN: /\+(?!\+)|\*|\/(?![\/*])/
    MINUS: /-(?![->])/
    EQUALS: /=(?!=)/
    SEMICOLON: ";"
    BLANKS.4: /(\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/

    %declare _BREAK
"""


class _Breaks(PostLex):
    """Ends statements: at `;`, and at a line break where one may end and another may begin."""

    always_accept = ("BLANKS", "SEMICOLON")

    _ENDING: Final = frozenset({"NAME", "CONSTANT", "HOST_WORD", "NUMBER", "STRING", "RPAR"})
    _BEGINNING: Final = frozenset({"NAME", "CONSTANT", "HOST_WORD", "NUMBER", "STRING", "LPAR"})
    _CALLED: Final = frozenset({"NAME", "CONSTANT", "HOST_WORD"})

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """The tokens without blanks, and with the breaks between statements."""
        depth = 0
        before = ""
        broken = False
        for token in stream:
            if token.type == "BLANKS":
                broken = broken or "\n" in token
                continue
            called = before in self._CALLED and token.type == "LPAR"
            apart = before in self._ENDING and token.type in self._BEGINNING and not called
            if broken and depth == 0 and apart:
                yield Token("_BREAK", "\n")
            depth += (token.type == "LPAR") - (token.type == "RPAR")
            before, broken = token.type, False
            yield Token("_BREAK", ";") if token.type == "SEMICOLON" else token


_GRAMMAR: Final = Lark(GRAMMAR, parser="lalr", lexer="basic", postlex=_Breaks())


def well_formed(text: str) -> bool:
    """Whether the text is one of the language, whatever it means."""
    try:
        _GRAMMAR.parse(text)
    except UnexpectedInput:
        return False
    return True
