"""What a store knows of one execution: its row and its steps' rows; and what two know together.

For the reader and the hot state. Pure; where the rows were kept is not known here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from activities.mirror.registers import REGISTERS, Row, merge
from activities.mirror.rows import latest_time
from activities.mirror.tables import saga_execution, saga_step_execution
from activities.mirror.versions import is_guess
from rules.execution import Execution, StackEntry

STEP_GUARDS: Final = tuple(register.guard for register in REGISTERS[saga_step_execution])


@dataclass(frozen=True, slots=True)
class Known:
    """An execution's row, and the rows of its steps by path."""

    execution: Row
    steps: dict[str, Row]

    @property
    def guessed(self) -> bool:
        """Whether only records of its steps make the execution known."""
        return is_guess(str(self.execution["version"]))

    def covers(self, version: str, steps: Iterable[Row]) -> bool:
        """Whether nothing here is older than the given versions of a row and its steps."""
        if version > str(self.execution["version"]):
            return False
        for theirs in steps:
            mine = self.steps.get(str(theirs["path"]))
            if mine is None or any(str(theirs[g]) > str(mine[g]) for g in STEP_GUARDS):
                return False
        return True

    def take_in(self, other: "Known") -> None:
        """Take over whatever the other one knows better."""
        merge(saga_execution, self.execution, other.execution)
        for path, row in other.steps.items():
            merge(saga_step_execution, self.steps.setdefault(path, row), row)

    def told(self) -> Execution:
        """The execution with its stack, as of the last change that was told."""
        row = self.execution
        stack = sorted((stack_entry(step) for step in self.steps.values()), key=_order)
        known = {name: row[name] for name in Execution.model_fields if name in row}
        execution = Execution.model_validate(
            {
                **known,
                "tenant": row["tenant_id"],
                "chain": row["chain_name"],
                "context": row["context"] or {},
                "waiting": row["waiting"] or (),
                "decisions": row["decisions"] or (),
                "stack": tuple(stack),
            }
        )
        updated_at = row["updated_at"]
        assert isinstance(updated_at, datetime)
        changed_at = max(updated_at, latest_time(execution))
        return execution.model_copy(update={"changed_at": changed_at})


def stack_entry(row: Row) -> StackEntry:
    """A step's row as an entry of the stack."""
    entry = StackEntry.model_validate({name: row[name] for name in StackEntry.model_fields})
    if not entry.status.undo_began:
        # A reset may have gone back to before an undo, whose columns are then of the old history.
        for name in ("undo_error", "undo_started_at", "undo_ended_at"):
            setattr(entry, name, None)
        entry.undo_attempts = entry.undone = 0
    return entry


def _order(entry: StackEntry) -> tuple[int, str]:
    return entry.seq, entry.path
