"""The saga that the browser looks at, and the size of the window."""

from dataclasses import dataclass
from typing import Final

TENANT: Final = "acme"
EXECUTION: Final = "order-42"
ORDER: Final = {"item": "book", "quantity": 3, "coupon": "SPRING", "card": "declined"}
WIDTH: Final = 1280
HEIGHT: Final = 1000


@dataclass(frozen=True, slots=True)
class DeclinedOrder:
    """The link that the API gives to its page, the Web UI's address, and the steps undone.

    `done` has them in the order in which they had completed, which side by side is not fixed.
    """

    link: str
    ui_url: str
    done: tuple[str, ...]

    @property
    def workflow_id(self) -> str:
        """Its id in Temporal."""
        return f"{TENANT}:{EXECUTION}"
