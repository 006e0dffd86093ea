"""Where an offline command has its components from: packages, a JSON file, or the text itself.

A JSON file names kinds (`{"isVip": "boolean"}`) or says more (`{"pay": {"compensate": "refund"}}`,
also `kind` and `read_only`). Packages are imported, as a worker does it.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

from api.cli.assumed import assume
from api.cli.sources import Source, stop
from rules.checks.known import Kind, Known, Named

if TYPE_CHECKING:
    from rules.plan import ComponentPolicy

_KINDS: Final = get_args(Kind)
_FIELDS: Final = frozenset({"kind", "compensate", "read_only"})
_LISTED: Final = 12


@dataclass(frozen=True, slots=True)
class Components:
    """What is known of the components of a chain. `assumed` ones are only names in its text."""

    named: Mapping[str, Named] | None
    declared: "Mapping[str, ComponentPolicy] | None" = None
    assumed: frozenset[str] = frozenset()

    @property
    def known(self) -> Mapping[str, Known]:
        """As the checks take them."""
        if self.declared is not None:
            return self.declared
        return self.named or {}

    def policies(self) -> "Mapping[str, ComponentPolicy]":
        """As the compiler takes them."""
        if self.declared is not None:
            return self.declared
        from rules.plan import ComponentPolicy

        return {
            name: ComponentPolicy(
                id=name, kind=one.kind, compensate=one.compensate, read_only=one.read_only
            )
            for name, one in (self.named or {}).items()
        }

    def note(self, chain: str) -> str | None:
        """What a reader must know of these components."""
        if not self.assumed:
            return None
        kinds = [f"{one.id} ({one.kind})" for one in (self.named or {}).values()]
        more = f" and {len(kinds) - _LISTED} more" if len(kinds) > _LISTED else ""
        return (
            f"{chain}: note: assumed from where they stand: {', '.join(kinds[:_LISTED])}{more}; "
            "--components tells what there is"
        )


def options(parser: argparse.ArgumentParser) -> None:
    """What a deployment has that a chain is compiled for."""
    parser.add_argument(
        "--components",
        metavar="WHERE",
        help="packages of components, separated by commas, or a JSON file of component kinds; "
        "without it they are assumed from where their names stand",
    )
    parser.add_argument(
        "--when-max-wait-ms",
        type=_milliseconds,
        metavar="MS",
        help="the time limit of a WHEN that says none itself (the setting when_max_wait_ms)",
    )


def _milliseconds(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


class Supply:
    """The components for each chain that a command looks at; packages are imported once."""

    def __init__(self, where: str | None) -> None:
        self._common = None if where is None else _load(where)

    def of(self, source: Source) -> Components:
        """The components for a chain."""
        if self._common is not None:
            return self._common
        named = assume(source.name, source.chains)
        return Components(named, assumed=frozenset(named))


def tell(components: Components, chain: str) -> None:
    """Print the note, where the answer does not go."""
    note = components.note(chain)
    if note is not None:
        print(note, file=sys.stderr)


def _load(where: str) -> Components:
    if where.endswith(".json"):
        return Components(_from_file(Path(where)))
    from activities.errors import ActivityError
    from activities.registry import discover

    try:
        return Components(None, discover(part.strip() for part in where.split(",")).policies)
    except ActivityError as error:
        stop(str(error))


def _from_file(file: Path) -> dict[str, Named]:
    import json

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        stop(f"{file}: {error.strerror}")
    except ValueError as error:
        stop(f"{file}: this is no JSON: {error}")
    if not isinstance(content, dict):
        stop(f"{file}: an object is expected, of component ids and their kinds")
    found = {name: _named(file, name, said) for name, said in content.items()}
    for one in tuple(found.values()):
        if one.compensate is not None:
            found.setdefault(one.compensate, Named(one.compensate))
    return found


def _named(file: Path, name: str, said: object) -> Named:
    fields = {"kind": said} if isinstance(said, str) else said
    if not isinstance(fields, dict) or not fields.keys() <= _FIELDS:
        stop(f"{file}: '{name}': a kind is expected, or an object of {', '.join(sorted(_FIELDS))}")
    kind = fields.get("kind", "common")
    compensate = fields.get("compensate")
    if kind not in _KINDS:
        stop(f"{file}: '{name}': the kind is one of {', '.join(_KINDS)}")
    if not isinstance(compensate, str | None):
        stop(f"{file}: '{name}': compensate is the id of a component")
    read_only = fields.get("read_only", kind != "common" and compensate is None)
    if not isinstance(read_only, bool):
        stop(f"{file}: '{name}': read_only is true or false")
    return Named(name, kind, compensate, read_only)
