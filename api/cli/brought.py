"""What `chainsaga import` says: for people, and as JSON for tools.

Answers go to the standard output, diagnostics and notes to standard error.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from api.cli.missing import Missing
from api.diagnostics import as_json
from rules.files.definitions import Remark
from rules.files.problems import Problem
from rules.source.bringing import Bringing, Brought
from rules.source.bringing_scripts import BroughtScript

_NOTHING = Bringing((), (), ())


@dataclass(frozen=True, slots=True)
class Answer:
    """All that there is to say of an import."""

    tenant: str
    bringing: Bringing = _NOTHING
    scripts: tuple[BroughtScript, ...] = ()
    remarks: tuple[Remark, ...] = ()
    problems: tuple[Problem, ...] = ()
    missing: tuple[Missing, ...] = ()
    written: bool = False
    dry_run: bool = False


def tell(answer: Answer) -> None:
    """Print the answer for people."""
    for problem in answer.problems:
        print(problem, file=sys.stderr)
    for one in answer.bringing.chains:
        for diagnostic in () if _is_template(one) else one.diagnostics:
            print(f"{one.chain.place}: in chain {diagnostic}", file=sys.stderr)
    for danger in answer.bringing.endangered:
        print(
            f"chain '{danger.name}' of the table would no longer compile:",
            *danger.diagnostics,
            sep="\n",
            file=sys.stderr,
        )
    for script in answer.scripts:
        if script.outcome == "broken":
            words = f"script '{script.row.id}' cannot be used: {script.problem}"
            print(f"{script.node.place}: error: {words}", file=sys.stderr)
    for note in _notes(answer):
        print(f"note: {note}", file=sys.stderr)
    for script in answer.scripts:
        print(_told(f"script {script.row.id}", script, [script.row.language]))
    for one in answer.bringing.chains:
        more = ["a template, read where a chain extends it"] if _is_template(one) else []
        print(_told(one.chain.id, one, more))
    print(_summary(answer))


def tell_as_json(answer: Answer) -> None:
    """Print the answer as one JSON object."""
    said = {
        "tenant": answer.tenant,
        "written": answer.written,
        "dry_run": answer.dry_run,
        "chains": [
            {
                "chain": one.chain.id,
                "namespace": one.namespace,
                "outcome": one.outcome,
                "changes": list(one.changes),
                "enabled": one.row.enabled,
                "status": one.row.status,
                "file": one.chain.place.file if one.chain.place else None,
                "line": one.chain.place.line if one.chain.place else None,
                "diagnostics": [as_json(found) for found in one.diagnostics],
            }
            for one in answer.bringing.chains
        ],
        "endangered": [
            {
                "chain": one.name,
                "namespace": one.namespace,
                "diagnostics": [as_json(found) for found in one.diagnostics],
            }
            for one in answer.bringing.endangered
        ],
        "missing_components": [
            {"id": one.id, "kind": one.kind, "class": one.class_name} for one in answer.missing
        ],
        "scripts": [
            {
                "script": one.row.id,
                "type": one.row.type,
                "language": one.row.language,
                "outcome": one.outcome,
                "changes": list(one.changes),
                "enabled": one.row.enabled,
                "status": one.row.status,
                "problem": one.problem,
            }
            for one in answer.scripts
        ],
        "problems": [
            {
                "category": one.category,
                "message": one.message,
                "file": one.place.file,
                "line": one.place.line,
                "mend": one.mend,
            }
            for one in answer.problems
        ],
        "notes": list(_notes(answer)),
    }
    print(json.dumps(said, indent=2, ensure_ascii=False))


def _told(name: str, one: Brought | BroughtScript, more: list[str]) -> str:
    if one.changes:
        more = [", ".join(one.changes), *more]
    if not one.row.enabled:
        more = [*more, "disabled"]
    if one.outcome == "held":
        more = [*more, "it serves; --publish replaces it"]
    elif one.outcome in ("added", "changed") and one.row.status != "PUBLISHED":
        more = [*more, "a draft; --publish lets it serve"]
    return f"{one.outcome:<10} {name}{': ' if more else ''}{'; '.join(more)}"


def _is_template(one: Brought) -> bool:
    return any(found.category == "placeholder_missing" for found in one.diagnostics) and all(
        found.severity == "info" for found in one.diagnostics
    )


def _summary(answer: Answer) -> str:
    outcomes = [one.outcome for one in answer.scripts]
    counted = Counter([*outcomes, *(one.outcome for one in answer.bringing.chains)])
    told = ", ".join(f"{number} {outcome}" for outcome, number in counted.items()) or "no rules"
    done = "" if answer.written else "; nothing was written"
    if done and answer.dry_run:
        done += " (--dry-run)"
    elif done and counted:
        done += " (--keep-going leaves out what is broken)"
    return f"tenant {answer.tenant}: {told}{done}"


def _notes(answer: Answer) -> Iterator[str]:
    for remark in answer.remarks:
        yield f"{remark.place}: {remark.message}"
    if answer.missing:
        yield (
            "these components are needed here as Python components of the same id: "
            f"{', '.join(str(one) for one in answer.missing)}"
        )
    for script in answer.scripts:
        if script.problem is not None and script.outcome != "broken":
            yield (
                f"{script.node.place}: script '{script.row.id}' cannot be used here yet: "
                f"{script.problem}"
            )
        if script.guessed:
            yield (
                f"{script.node.place}: script '{script.row.id}' says no language and is taken "
                f'for {script.row.language}; write language="…" if it is another one'
            )
    for namespace in answer.bringing.unserved:
        yield (
            f"nothing serves namespace '{namespace}'; CHAINSAGA_ROUTE_NAMESPACES names those "
            "whose routes are asked for"
        )
