"""One chain, or script, as its authors understand it: a small model beside the real tables.

For the random edits. Written from the decision on editing rules, not from the code.
"""

from dataclasses import dataclass, field
from typing import Literal

Action = Literal[
    "create",
    "save",
    "save_live",
    "publish",
    "unpublish",
    "enable",
    "disable",
    "remove",
    "discard",
    "roll_back",
    "sql",
]


@dataclass(frozen=True, slots=True)
class State:
    """What a version keeps."""

    text: str
    live: bool
    on: bool


@dataclass(slots=True)
class Model:
    """The row with the number that it has, its draft, and all versions that were written down."""

    row: State | None = None
    number: int = 0
    draft: str | None = None
    kept: dict[int, State] = field(default_factory=dict)

    @property
    def last(self) -> int:
        return max(self.kept, default=0)

    @property
    def found(self) -> bool:
        """Whether somebody has changed the row by SQL."""
        return self.row is not None and self.kept.get(self.number) != self.row

    @property
    def version(self) -> int:
        return self.last + self.found

    @property
    def serves(self) -> str | None:
        return self.row.text if self.row and self.row.live and self.row.on else None

    @property
    def working(self) -> str:
        assert self.row is not None
        return self.row.text if self.draft is None else self.draft

    def act(self, action: Action, text: str, version: int = 0) -> bool:
        """Do it; False where it changes nothing."""
        row = self.row
        match action:
            case "create":
                assert row is None
                return self._write(State(text, live=True, on=True))
            case "sql":
                assert row is not None
                self.row = State(text, row.live, row.on)
                # Whoever reads it next keeps it first, also who has just started.
                self._keep()
                return False
            case "roll_back":
                return self._roll_back(self.kept[version])
        assert row is not None
        match action:
            case "save" if not row.live:
                return row.text != text and self._write(State(text, live=False, on=row.on))
            case "save":
                return text != self.working and self._write(row, draft=text)
            case "save_live":
                return self._go_live(text)
            case "publish":
                return self._go_live(self.working)
            case "unpublish":
                return row.live and self._write(State(self.working, live=False, on=row.on))
            case "enable" | "disable":
                on = action == "enable"
                return row.on is not on and self._write(
                    State(row.text, row.live, on), draft=self.draft, drafted=False
                )
            case "remove":
                return self._write(None)
            case _:
                return self.draft is not None and self._write(row, same=True)

    def _roll_back(self, then: State) -> bool:
        row = self.row
        if row is None:
            return self._write(then)
        if row.live or then.live:
            return self._go_live(then.text)
        return row.text != then.text and self._write(State(then.text, live=False, on=row.on))

    def _go_live(self, text: str) -> bool:
        assert self.row is not None
        # What was not live serves by it, whoever switched it off.
        wanted = State(text, live=True, on=self.row.on or not self.row.live)
        return (wanted != self.row or self.draft is not None) and self._write(wanted)

    def _keep(self) -> None:
        newest = self.version
        if self.found and self.row is not None:
            self.kept[newest] = self.row
            self.number = newest

    def _write(
        self,
        row: State | None,
        *,
        draft: str | None = None,
        drafted: bool = True,
        same: bool = False,
    ) -> bool:
        newest = self.version
        new = newest + 1
        self._keep()
        if draft is not None and drafted:
            assert row is not None
            self.kept[new] = State(draft, live=False, on=row.on)
            self.draft = draft
            return True
        self.kept[new] = row or State("", live=False, on=False)
        if not same:
            self.number = new
        self.row, self.draft = row, draft
        return True
