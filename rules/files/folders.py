"""Finds rule files in folders and reads them, with the scripts that stand beside them.

For the command and the source that serves files: the only part of this package that opens files.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rules.files.definitions import Definitions
from rules.files.meaning import ScriptFile
from rules.files.problems import Problem, RuleFileInvalid
from rules.files.reading import duplicates, format_of, read_definitions


def rule_files(folder: Path) -> tuple[Path, ...]:
    """The rule files right in a folder, by name; hidden ones are none. Raises OSError."""
    return tuple(
        path
        for path in sorted(folder.iterdir())
        if format_of(path.name) and not path.name.startswith(".") and path.is_file()
    )


def read_files(paths: Iterable[Path], namespace: str) -> Definitions:
    """What all files define together. Raises OSError, and RuleFileInvalid with all problems.

    `namespace` is that of chains which do not say one: no chain may be there twice.
    """
    parts: list[Definitions] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            parts.append(read_file(path, path.read_bytes()))
        except RuleFileInvalid as invalid:
            problems += invalid.problems
    together = Definitions.together(parts)
    problems += duplicates(together, namespace)
    if problems:
        raise RuleFileInvalid(problems)
    return together


def read_file(path: Path, data: bytes) -> Definitions:
    """What a file defines, whose bytes are these. Raises RuleFileInvalid."""
    return read_definitions(str(path), data, scripts_beside(path))


def scripts_beside(path: Path) -> ScriptFile:
    """Reads the scripts that a rule file names: from its folder, else from the one above it."""
    return scripts_below((path.parent, path.parent.parent))


def scripts_below(folders: Sequence[Path]) -> ScriptFile:
    """Reads the scripts that rule files name, from the first folder that has them.

    A path that leads out of the folders is none: a rule file must not fetch what it likes.
    """

    def read(name: str) -> str | None:
        inner = name.removeprefix("classpath:").lstrip("/")
        for folder in folders:
            path = (folder / inner).resolve()
            if path.is_relative_to(folder.resolve()) and path.is_file():
                try:
                    return path.read_text(encoding="utf-8")
                except (OSError, UnicodeDecodeError):
                    return None
        return None

    return read


def tenant_folders(folder: Path) -> Mapping[str, Path]:
    """The folders in a folder by name, but for hidden ones. Raises OSError."""
    return {
        path.name: path
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    }
