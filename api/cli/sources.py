"""Reads chains from files, folders and the standard input.

For the offline commands. A file is one chain, named by the file; the other `.el` files of its
folder are chains that it may include. What cannot be read ends the command with exit code 2.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from rules.checks.chains import ChainText

STDIN: Final = "-"
SUFFIX: Final = ".el"


@dataclass(frozen=True, slots=True)
class Source:
    """A chain: its name, the file that it is in (None: standard input), and what it may include."""

    name: str
    file: Path | None
    chains: Mapping[str, ChainText]

    @property
    def text(self) -> str:
        """The chain's text."""
        return self.chains[self.name].text


def one_file(parser: argparse.ArgumentParser) -> None:
    """The argument of commands that look at one chain."""
    parser.add_argument("file", metavar="FILE", help="a file with one chain; - is standard input")


def several_files(parser: argparse.ArgumentParser) -> None:
    """The argument of commands that look at any number of chains."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a file with one chain, a folder of .el files, or - for standard input",
    )


def read(names: Sequence[str]) -> list[Source]:
    """The chains in files and folders, in the order given, those of a folder by name."""
    found: list[Source] = []
    for name in names:
        if name == STDIN:
            text = sys.stdin.read()
            found.append(Source(STDIN, None, {STDIN: ChainText(STDIN, text)}))
            continue
        for file in _files(Path(name)):
            chains = {near.stem: _chain(near) for near in sorted(file.parent.glob(f"*{SUFFIX}"))}
            chains[file.stem] = _chain(file)
            found.append(Source(file.stem, file, chains))
    return found


def stop(words: str) -> NoReturn:
    """End the command, which could not be carried out."""
    print(words, file=sys.stderr)
    raise SystemExit(2)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    files = sorted(path.glob(f"*{SUFFIX}"))
    if not files:
        stop(f"{path}: there is no {SUFFIX} file in this folder")
    yield from files


def _chain(file: Path) -> ChainText:
    try:
        return ChainText(file.stem, file.read_text(encoding="utf-8"))
    except OSError as error:
        stop(f"{file}: {error.strerror}")
    except UnicodeDecodeError:
        stop(f"{file}: this is no UTF-8 text")
