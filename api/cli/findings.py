"""A finding about a chain, as the commands print it in JSON.

For tools that read the answers of `check` and `import`.
"""

from rules.errors import Diagnostic


def as_json(diagnostic: Diagnostic) -> dict[str, str | int | None]:
    """The finding, with its place in the chain's text."""
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
