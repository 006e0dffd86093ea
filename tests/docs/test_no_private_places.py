"""Files speak of the product alone: no place of the machine it was written on, no package host."""

import re
from collections.abc import Iterator
from pathlib import Path

from dev.stack import ROOT

SKIPPED = {"__pycache__", "build", "dist", "target"}
# In pieces, so that this file does not hold what it looks for.
PRIVATE = re.compile(
    "|".join(
        (
            r"(?<![\w.*])/" + r"work/",
            r"(?<![\w.])/" + r"tmp/v\b",
            r"\.\./" + "shared",
            r"/" + r"root/",
            r"\bpypi" + r"\.org",
            r"files\.python" + r"hosted",
            r"\bproxy\.go" + r"lang",
            r"\bregistry\.npm" + "js",
            r"arti" + "factory",
            r"--(extra-)?index" + r"-url",
        )
    ),
    re.IGNORECASE,
)


def test_no_file_names_a_private_place() -> None:
    found = []
    for file in files():
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if PRIVATE.search(line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)


def files() -> Iterator[Path]:
    """Every file of the repository; hidden folders but .ci hold tools' own data."""
    pending = [ROOT]
    while pending:
        for path in sorted(pending.pop().iterdir()):
            hidden = path.name.startswith(".") and path.name not in (".ci", ".gitignore")
            if hidden or path.name in SKIPPED or path.name.endswith(".egg-info"):
                continue
            if path.is_dir():
                pending.append(path)
            else:
                yield path
