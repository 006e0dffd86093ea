"""What a component may do badly, and what one such attempt is worth: the table of judgements."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import JsonValue

from activities.component import Ctx, Refused, component
from activities.registry import Component
from rules.execution import ErrorInfo
from rules.sizes import OUTPUT_LIMIT
from tests.activities.steps import only

Behaviour = Callable[[], JsonValue]


class Declined(Exception):
    """A refusal in the author's own words."""

    code = "CARD_DECLINED"


class Numbered(Exception):
    """Its code is no text."""

    code = 402


def doing(behaviour: Behaviour, kind: Literal["common", "boolean"] = "common") -> Component:
    @component("deductStock", kind=kind, refuses=(Declined, Numbered, KeyError))
    def function(number: Annotated[int, Ctx("number")]) -> JsonValue:
        return behaviour()

    return only(function)


def raising(error: BaseException) -> Behaviour:
    def behaviour() -> JsonValue:
        raise error

    return behaviour


def answering(value: Any) -> Behaviour:
    return lambda: value


@dataclass(frozen=True)
class Judged:
    """What one failing attempt is worth, if nothing was before it and one answer is allowed."""

    behaviour: Behaviour
    refused: bool
    error: ErrorInfo
    pointless: bool = False
    kind: Literal["common", "boolean"] = "common"


def bad_output(problem: str, code: str = "BAD_OUTPUT", type: str = "BadOutput") -> ErrorInfo:
    words = "component 'deductStock' returned something else than it declares: "
    kinds = () if type == "BadOutput" else ("BadOutput",)
    return ErrorInfo(type=type, message=words + problem, code=code, kinds=kinds)


NO_BOOLEAN = "a boolean component answers true or false, not "

JUDGED = {
    "refusal": Judged(
        raising(Refused("sold out", details={"item": "book"})),
        refused=True,
        error=ErrorInfo(
            type="Refused", message="sold out", code="REFUSED", details={"item": "book"}
        ),
    ),
    "refusal with a code": Judged(
        raising(Refused("sold out", code="OUT_OF_STOCK")),
        refused=True,
        error=ErrorInfo(type="Refused", message="sold out", code="OUT_OF_STOCK"),
    ),
    "final refusal": Judged(
        raising(Refused("sold out", final=True)),
        refused=True,
        pointless=True,
        error=ErrorInfo(type="Refused", message="sold out", code="REFUSED"),
    ),
    "declared refusal": Judged(
        raising(KeyError("book")),
        refused=True,
        error=ErrorInfo(type="KeyError", message="'book'", code="REFUSED", kinds=("LookupError",)),
    ),
    "declared refusal with a code": Judged(
        raising(Declined("no money")),
        refused=True,
        error=ErrorInfo(
            type="Declined",
            message="no money",
            code="CARD_DECLINED",
            kinds=(f"{__name__}.Declined",),
        ),
    ),
    "declared refusal with an odd code": Judged(
        raising(Numbered("no money")),
        refused=True,
        error=ErrorInfo(
            type="Numbered", message="no money", code="REFUSED", kinds=(f"{__name__}.Numbered",)
        ),
    ),
    "exception": Judged(
        raising(ConnectionError("gone")),
        refused=False,
        error=ErrorInfo(
            type="ConnectionError", message="gone", code="STEP_FAILED", kinds=("OSError",)
        ),
    ),
    "exception without words": Judged(
        raising(ValueError()),
        refused=False,
        error=ErrorInfo(type="ValueError", message="ValueError", code="STEP_FAILED"),
    ),
    "its own time-out": Judged(
        raising(TimeoutError("slow database")),
        refused=False,
        error=ErrorInfo(
            type="TimeoutError", message="slow database", code="STEP_FAILED", kinds=("OSError",)
        ),
    ),
    "a cancel that nobody asked for": Judged(
        raising(asyncio.CancelledError()),
        refused=False,
        error=ErrorInfo(
            type="CancelledError",
            message="CancelledError",
            code="STEP_FAILED",
            kinds=("asyncio.exceptions.CancelledError",),
        ),
    ),
    "bad output": Judged(
        answering({1}),
        refused=False,
        pointless=True,
        error=bad_output("input was not a valid JSON value"),
    ),
    "no JSON": Judged(
        answering([float("nan")]),
        refused=False,
        pointless=True,
        error=bad_output("it is no JSON: Out of range float values are not JSON compliant"),
    ),
    "no JSON number": Judged(
        answering(float("inf")),
        refused=False,
        pointless=True,
        error=bad_output("it is no JSON: Out of range float values are not JSON compliant"),
    ),
    "oversized output": Judged(
        answering("x" * (OUTPUT_LIMIT - 1)),
        refused=False,
        pointless=True,
        error=bad_output(
            f"{OUTPUT_LIMIT + 1} bytes, and {OUTPUT_LIMIT} are allowed",
            "OUTPUT_TOO_LARGE",
            "OutputTooLarge",
        ),
    ),
    "oversized in bytes": Judged(
        answering("票" * (OUTPUT_LIMIT // 3)),
        refused=False,
        pointless=True,
        error=bad_output(
            f"{OUTPUT_LIMIT // 3 * 3 + 2} bytes, and {OUTPUT_LIMIT} are allowed",
            "OUTPUT_TOO_LARGE",
            "OutputTooLarge",
        ),
    ),
    "a number for a boolean": Judged(
        answering(1),
        refused=False,
        pointless=True,
        kind="boolean",
        error=bad_output(NO_BOOLEAN + "1"),
    ),
    "nothing for a boolean": Judged(
        answering(None),
        refused=False,
        pointless=True,
        kind="boolean",
        error=bad_output(NO_BOOLEAN + "None"),
    ),
    "text for a boolean": Judged(
        answering("true" * 20),
        refused=False,
        pointless=True,
        kind="boolean",
        error=bad_output(NO_BOOLEAN + "'" + ("true" * 20)[:59]),
    ),
}
