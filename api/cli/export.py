"""`chainsaga export`: a tenant's chains and scripts as a file for LiteFlow and `chainsaga import`.

For `api.cli.processes`.
"""

import sys
from pathlib import Path

from api.cli.site import Site, stop
from rules.files.definitions import Definitions
from rules.files.problems import NotWritable
from rules.files.reading import format_of
from rules.files.writing import FORMATS, Format, write_definitions
from rules.source.bringing import definition_of
from rules.source.bringing_scripts import node_of


def run(file: str | None, format: str | None, site: Site) -> int:
    """Write the chains and scripts to the file, or print them; 1 if the tenant has none."""
    chosen = _format(file, format)
    with site.database() as engine:
        kept = site.rows(engine, site.namespaces)
    found = Definitions(
        tuple(
            definition_of(row, None if namespace == site.namespace else namespace)
            for namespace, rows in kept.chains.items()
            for row in rows
        ),
        tuple(node for row in kept.scripts if (node := node_of(row)) is not None),
    )
    told = {node.id for node in found.nodes}
    if lost := [row.id for row in kept.scripts if row.id not in told]:
        words = "scripts without a text, or of a type that files do not have, are left out"
        print(f"note: {words}: {', '.join(lost)}", file=sys.stderr)
    if not (found.chains or found.nodes):
        served = ", ".join(site.namespaces)
        print(f"tenant {site.tenant} has no chains (namespaces: {served})", file=sys.stderr)
        return 1
    try:
        text = write_definitions(found, chosen)
    except NotWritable as error:
        stop(str(error))
    if file is None or file == "-":
        sys.stdout.write(text)
        return 0
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        stop(f"{file}: {error.strerror}")
    scripts = f" and {len(found.nodes)} scripts" if found.nodes else ""
    print(f"{file}: {len(found.chains)} chains{scripts} of tenant {site.tenant}", file=sys.stderr)
    return 0


def _format(file: str | None, given: str | None) -> Format:
    """The format that is asked for, else that of the file's name, else XML."""
    wanted = given or (format_of(file) if file else None) or "xml"
    found = next((known for known in FORMATS if known == wanted), None)
    if found is None:
        stop(f"there is no format '{wanted}'; formats are {', '.join(FORMATS)}")
    return found
