"""Writes a syntax tree as canonical EL text.

For `fmt` and for tests. One statement per line, strings in double quotes; what does not fit a line
of 100 characters is broken at its operands. Comments are dropped. Knows no operator names.
"""

from typing import Final

from rules.el.ast import Arithmetic, Assignment, Broken, Call, Chained, Expr, Literal, Name, Script
from rules.el.findings import Findings
from rules.el.parser import parse
from rules.errors import ChainInvalid

_WIDTH: Final = 100
_INDENT: Final = "    "
_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}
)
_CONSTANTS: Final[dict[object, str]] = {True: "true", False: "false", None: "null"}


def format_text(text: str, chain: str = "chain") -> str:
    """The canonical form of a chain's text; the same meaning, and the same text when repeated.

    Looks at syntax only, so unknown names are kept. Raises `ChainInvalid`.
    """
    findings = Findings(chain, text)
    script = parse(text, findings)
    if findings.failed:
        raise ChainInvalid(chain, findings.diagnostics())
    return print_script(script)


def print_script(script: Script) -> str:
    """The canonical text of a tree without `Broken` parts; every statement ends in `;`."""
    lines = []
    for statement in script.statements:
        target = f"{statement.target.text} = " if statement.target else ""
        lines.append(f"{_fitted(statement.value, '', target, ';')};\n")
    return "".join(lines)


def _fitted(expr: Expr, indent: str, before: str, after: str) -> str:
    """The expression on one line if it fits between `before` and `after`, else on several."""
    line = before + _line(expr)
    if len(indent) + len(line) + len(after) <= _WIDTH:
        return line
    if isinstance(expr, Call):
        return before + _broken(expr, indent)
    if isinstance(expr, Assignment):
        return _fitted(expr.value, indent, f"{before}{expr.target.text} = ", after)
    if isinstance(expr, Chained):
        text = _fitted(expr.base, indent, before, after)
        for modifier in expr.modifiers:
            column = len(text) - text.rfind("\n") - 1
            call = _line(modifier)
            fits = column + len(call) + 1 + len(after) <= _WIDTH
            text += f".{call if fits else _broken(modifier, indent)}"
        return text
    return line


def _broken(call: Call, indent: str) -> str:
    inner = indent + _INDENT
    if not call.args:
        return f"{call.name}()"
    lines = []
    for arg in call.args:
        lines.append(inner + _fitted(arg, inner, "", ","))
    operands = ",\n".join(lines)
    return f"{call.name}(\n{operands}\n{indent})"


def _line(expr: Expr) -> str:
    match expr:
        case Name():
            return expr.text
        case Literal():
            return _literal(expr)
        case Call():
            args = []
            for arg in expr.args:
                args.append(_line(arg))
            return f"{expr.name}({', '.join(args)})"
        case Chained():
            text = _grouped(expr.base)
            for modifier in expr.modifiers:
                text += f".{_line(modifier)}"
            return text
        case Arithmetic():
            text = _grouped(expr.operands[0])
            for sign, operand in zip(expr.signs, expr.operands[1:], strict=True):
                text += f" {sign} {_grouped(operand)}"
            return text
        case Assignment():
            return f"{expr.target.text} = {_line(expr.value)}"
        case Broken():
            return "?"


def _grouped(expr: Expr) -> str:
    return f"({_line(expr)})" if isinstance(expr, Arithmetic) else _line(expr)


def _literal(literal: Literal) -> str:
    value = literal.value
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if value is None or isinstance(value, bool):
        return _CONSTANTS[value]
    return repr(value)
