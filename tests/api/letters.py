"""Components of the tests of component metadata: other undos than the samples have.

Named by the setting `components` of those tests.
"""

from activities.component import Refused, Retry, Undo, component


@component("shredOrder")
def shred_order(undo: Undo[dict[str, object]]) -> None:
    """Stands in for the sample's own undo."""


@component("stampLetter")
def stamp_letter() -> str:
    """Declares no undo, and one has the right name."""
    return "stamped"


@component("undoStampLetter")
def undo_stamp_letter(undo: Undo[str]) -> None:
    """Found by its name."""


@component("sealLetter", compensate="unsealLetter")
def seal_letter() -> str:
    """Cannot be undone at the first go."""
    return "sealed"


@component("unsealLetter", retry=Retry(attempts=1))
def unseal_letter(undo: Undo[str]) -> None:
    """Fails, so that the saga is blocked."""
    raise RuntimeError("it tears")


@component("refuseLetter", read_only=True)
def refuse_letter() -> None:
    """Begins the undoing."""
    raise Refused("return to sender", code="RETURNED", final=True)


@component("isLetter", kind="boolean")
def is_letter() -> bool:
    """A condition."""
    return True
