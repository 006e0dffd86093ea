"""`chainsaga fmt`: chains in their canonical form, comments kept."""

import argparse
import sys
from difflib import unified_diff

from api.cli.sources import Source, read, several_files, stop
from rules.el.comments import format_with_comments
from rules.errors import ChainInvalid


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    several_files(parser)
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--check", action="store_true", help="change nothing; show what would change, exit code 1"
    )
    way.add_argument("--write", action="store_true", help="change the files")


def run(options: argparse.Namespace) -> int:
    """Print the canonical form, or write it, or compare with it; 1 when a chain is not well."""
    sources = read(options.files)
    if options.write and any(source.file is None for source in sources):
        stop("--write needs files; standard input cannot be written")
    codes = [_format(source, options) for source in sources]
    return max(codes)


def _format(source: Source, options: argparse.Namespace) -> int:
    try:
        text = format_with_comments(source.text, source.name)
    except ChainInvalid as invalid:
        print(invalid, file=sys.stderr)
        return 1
    if options.check:
        return _compare(source, text)
    if not options.write:
        sys.stdout.write(text)
    elif text != source.text and source.file is not None:
        try:
            source.file.write_text(text, encoding="utf-8")
        except OSError as error:
            stop(f"{source.file}: {error.strerror}")
        print(f"{source.file}: written")
    return 0


def _compare(source: Source, text: str) -> int:
    if text == source.text:
        return 0
    name = source.name if source.file is None else str(source.file)
    old, new = source.text.splitlines(keepends=True), text.splitlines(keepends=True)
    for line in unified_diff(old, new, name, f"{name} (formatted)"):
        print(line, end="" if line.endswith("\n") else "\n")
    return 1
