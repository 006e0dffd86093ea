"""A diagnostic as a JSON object, as the command and everything that answers in JSON show it."""

from rules.errors import Diagnostic


def as_json(diagnostic: Diagnostic) -> dict[str, str | int | None]:
    """What it says, where, and how to mend it."""
    return {
        "severity": diagnostic.severity,
        "category": diagnostic.category,
        "message": diagnostic.message,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "start": diagnostic.span.start,
        "end": diagnostic.span.end,
        "mend": diagnostic.hint,
    }


def told(diagnostic: Diagnostic) -> dict[str, str | int | None]:
    """The same for the API, with its chain and the place drawn."""
    return {"chain": diagnostic.chain, **as_json(diagnostic), "drawing": diagnostic.drawing}
