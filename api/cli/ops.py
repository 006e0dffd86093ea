"""`chainsaga ops`: the table of operators, for people and for tools."""

import argparse

from rules.el.operators.rows import Operator
from rules.el.operators.table import OPERATORS


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    if options.json:
        import json

        rows = [_as_json(row) for row in OPERATORS]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    names = [_spelled(row) for row in OPERATORS]
    width = max(map(len, names))
    for name, row in zip(names, OPERATORS, strict=True):
        print(f"{name:{width}}  {row.summary}")
        print(f"{'':{width}}  {row.example}")
    return 0


def _spelled(row: Operator) -> str:
    dot = "." if row.form == "modifier" else ""
    return ", ".join(f"{dot}{name}" for name in (row.name, *row.aliases))


def _as_json(row: Operator) -> dict[str, object]:
    return {
        "name": row.name,
        "aliases": list(row.aliases),
        "form": row.form,
        "behind": row.behind or None,
        "at_least": row.at_least,
        "at_most": None if row.repeats else len(row.slots),
        "operands": [slot.words for slot in row.slots],
        "summary": row.summary,
        "example": row.example,
        "ignored": row.ignored,
    }
