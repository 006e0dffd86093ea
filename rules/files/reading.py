"""Reads rule files of LiteFlow in XML, JSON and YAML: the one verb.

For the command and the source that serves files. A YAML file is what brings in the library for it.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from rules.files.definitions import (
    ChainDefinition,
    Definitions,
    NodeDefinition,
    Place,
)
from rules.files.entries import Pages
from rules.files.meaning import ScriptFile, chain_of, no_files, node_of
from rules.files.problems import Problem, RuleFileInvalid

FORMATS: Final[Mapping[str, str]] = {
    ".xml": "xml",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
}
"""The format of a file, by how its name ends."""

_MEND: Final = "rule files end in .xml, .json, .yml or .yaml"


def format_of(name: str) -> str | None:
    """The format that a file's name tells, if any."""
    return next((known for end, known in FORMATS.items() if name.lower().endswith(end)), None)


def read_definitions(name: str, data: bytes, script_file: ScriptFile = no_files) -> Definitions:
    """What a file defines; `name` tells the format, and stands in all places.

    Raises RuleFileInvalid with everything that is wrong, also ids that the file has twice.
    """
    pages = Pages(name)
    match format_of(name):
        case "xml":
            from rules.files.xml_reading import read_xml

            read_xml(data, pages)
        case "json":
            from rules.files.json_reading import read_json

            read_json(data, pages)
        case "yaml":
            from rules.files.yaml_reading import read_yaml

            read_yaml(data, pages)
        case _:
            pages.wrong("syntax", "the format of the file is not known", 1, _MEND)
    found = _meant(pages, script_file)
    problems = (*pages.problems, *duplicates(found))
    if problems:
        raise RuleFileInvalid(sorted(problems, key=lambda one: one.place))
    return found


def duplicates(found: Definitions, namespace: str = "default") -> tuple[Problem, ...]:
    """Ids that are there twice, at the later place; one chain may be in several namespaces.

    `namespace` is that of chains which do not say one.
    """
    chains = _twice(
        "duplicate_chain",
        "chain",
        (((chain.namespace or namespace, chain.id), chain) for chain in found.chains),
    )
    nodes = _twice("duplicate_node", "node", ((node.id, node) for node in found.nodes))
    return (*chains, *nodes)


def _meant(pages: Pages, script_file: ScriptFile) -> Definitions:
    chains: list[ChainDefinition] = []
    nodes: list[NodeDefinition] = []
    for entry in pages.entries:
        if entry.kind == "chain":
            chain = chain_of(entry, pages)
            chains += [chain] if chain else []
        else:
            node = node_of(entry, pages, script_file)
            nodes += [node] if node else []
    return Definitions(tuple(chains), tuple(nodes), tuple(pages.remarks))


def _twice(
    category: str,
    kind: str,
    defined: Iterable[tuple[object, ChainDefinition | NodeDefinition]],
) -> Iterable[Problem]:
    first: dict[object, ChainDefinition | NodeDefinition] = {}
    for key, one in defined:
        before = first.setdefault(key, one)
        if before is not one:
            message = f"the {kind} '{one.id}' is already defined in {before.place}"
            place = one.place or Place("", 0)
            yield Problem(category, message, place, "leave one of them, or give it another id")
