"""Arithmetic of literals, done when the chain is compiled.

For `rules.checks.kinds`. As Java does it: integers of 32 bits, division cuts towards zero
(EL reference sections 1 and 13).
"""

from collections.abc import Callable, Sequence
from typing import Final

from rules.errors import RuleError

Value = str | int | float | bool | None

_LOWEST: Final = -(2**31)
_HIGHEST: Final = 2**31 - 1


class NotComputableError(RuleError):
    """The arithmetic has no value; `category` is that of the diagnostic."""

    def __init__(self, category: str, message: str) -> None:
        self.category = category
        super().__init__(message)


def compute(values: Sequence[Value], signs: Sequence[str]) -> Value:
    """The value of `values[0] signs[0] values[1] ...`, `*` and `/` before `+` and `-`.

    Raises `NotComputableError` for anything but integers, or strings joined by `+`.
    """
    if all(isinstance(value, str) for value in values) and set(signs) == {"+"}:
        return "".join(value for value in values if isinstance(value, str))
    sums: list[int] = [_integer(values[0])]
    for sign, value in zip(signs, values[1:], strict=True):
        number = _integer(value)
        if sign in _PRODUCTS:
            sums[-1] = _in_range(_PRODUCTS[sign](sums[-1], number))
        else:
            sums.append(number if sign == "+" else -number)
    total = 0
    for number in sums:
        total = _in_range(total + number)
    return total


def _integer(value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        message = "only strings can be joined by '+', and only integers computed with"
        raise NotComputableError("unsupported_host", message)
    return value


def _in_range(value: int) -> int:
    if not _LOWEST <= value <= _HIGHEST:
        raise NotComputableError("range", "the result does not fit an integer")
    return value


def _quotient(dividend: int, divisor: int) -> int:
    if divisor == 0:
        raise NotComputableError("range", "division by zero")
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


_PRODUCTS: Final[dict[str, Callable[[int, int], int]]] = {
    "*": lambda left, right: left * right,
    "/": _quotient,
}
