"""Every size limit of an execution, in the bytes that Temporal would keep (`rules.measuring`).

For all who check before Temporal does, which terminates a run, without undo, for what is too large
(design section 5, ADR 18). That of a plan is in `rules.checks.limits`. Pure; knows no Temporal.
"""

from typing import Final

KIB: Final = 1024

REQUEST_LIMIT: Final = 512 * KIB
CONTEXT_LIMIT: Final = 512 * KIB
INPUT_LIMIT: Final = 256 * KIB
OUTPUT_LIMIT: Final = 256 * KIB
UNDO_INPUT_LIMIT: Final = 1536 * KIB
"""More than a step's: an undo that can be delivered is delivered."""
KEY_LIMIT: Final = 200
NAME_LIMIT: Final = 128
"""Characters of a component's id: the mirror's columns and the search attribute hold these."""

COMPENSABLE_LIMIT: Final = 1536 * KIB
"""What a saga may carry when a step that can be undone starts."""
CARRIED_LIMIT: Final = 1792 * KIB
"""What a saga may carry at all: room for answers of steps that ran already. Temporal takes 2 MiB,
and the rest is left to the undoing."""

MESSAGE_LIMIT: Final = 2_000
DETAILS_LIMIT: Final = 16 * KIB
NOTE_LIMIT: Final = 4 * KIB


def short(words: str, limit: int = MESSAGE_LIMIT) -> str:
    """Words of at most `limit` characters, and a mark where they were cut."""
    return words if len(words) <= limit else words[:limit] + " …"
