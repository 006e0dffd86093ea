"""A place whose processes have the components of `tests.api.letters`, and chains that call them."""

from pathlib import Path
from typing import Final

from rules.source.repository import ChainRow
from tests.api.sites import Place, load, new_place

CHAINS: Final = (
    ChainRow(tenant="", name="short", text="THEN(createOrder, pay);"),
    ChainRow(tenant="", name="stamped", text="THEN(stampLetter, refuseLetter);"),
    ChainRow(tenant="", name="sealed", text="THEN(sealLetter, sealLetter, refuseLetter);"),
    ChainRow(
        tenant="",
        name="sealedOnward",
        text="THEN(sealLetter, sealLetter, refuseLetter);",
        undo_policy="continue",
    ),
)


def letter_place(home: Path, temporal: str) -> Place:
    """A place below `home`, on a task queue of its own."""
    place = new_place(home, temporal)
    load(place.settings, CHAINS)
    components = (*place.settings.components, "tests.api.letters")
    settings = place.settings.model_copy(update={"components": components})
    return Place(place.home, settings, place.temporal)
