"""The texts of the edited chains: each has a number, which stands in the tags of its steps.

So what a saga did tells which text it ran.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

PART: Final = "part"
"""The chain that others of its tenant include."""

Shape = Literal["line", "fork", "whole", "inner", "inner fork", "syntax", "unknown", "kind"]
GOOD: Final[tuple[Shape, ...]] = ("line", "fork", "whole", "whole")
INNER: Final[tuple[Shape, ...]] = ("inner", "inner fork")
"""Good texts of the part, which have no last step `z`: none of its steps refuses."""
BAD: Final[tuple[Shape, ...]] = ("syntax", "unknown", "kind")

_STEPS: Final[dict[Shape, str]] = {
    "line": "az",
    "fork": "abcz",
    "whole": "az",
    "inner": "kl",
    "inner fork": "klm",
}
_CODES: Final[dict[Shape, str]] = {
    "line": "THEN({a}, {z});",
    "fork": "THEN({a}, WHEN({b}, {c}), {z});",
    "whole": "THEN({a}, " + PART + ", {z});",
    "inner": "THEN({k}, {l});",
    "inner fork": "WHEN({k}, {l}, {m});",
    "syntax": "THEN({a}, WHEN({b} {z});",
    "unknown": "THEN({a}, nowhere);",
    "kind": "IF({a}, {z});",
}


@dataclass(frozen=True, slots=True)
class Text:
    """One text. A good one of the shape `whole` compiles only where there is a part."""

    number: int
    shape: Shape

    @property
    def good(self) -> bool:
        return self.shape in _STEPS

    @property
    def whole(self) -> bool:
        """Whether it includes the part."""
        return self.shape == "whole"

    @property
    def code(self) -> str:
        steps = {place: f'mark.tag("{self.number}-{place}")' for place in "abcklmz"}
        return _CODES[self.shape].format(**steps)

    def tags(self, part: "Text | None" = None) -> Sequence[str]:
        """What its steps are tagged with, in no certain order."""
        inner = part.tags() if part is not None and self.whole else ()
        return sorted([*(f"{self.number}-{place}" for place in _STEPS[self.shape]), *inner])


def number_of(tag: str) -> int:
    """The text that a step is of."""
    return int(tag.partition("-")[0])
