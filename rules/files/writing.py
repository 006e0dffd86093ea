"""Writes definitions as LiteFlow's XML, JSON or YAML: what is read back is what was written.

For the export. What LiteFlow does not know (`description`, `transactional`, `undo-policy`,
`status`) it reads over; it is written only where it says something.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal
from xml.sax.saxutils import quoteattr

from rules.files.definitions import ChainDefinition, Definitions, NodeDefinition
from rules.files.problems import NotWritable

Format = Literal["xml", "json", "yaml"]
FORMATS: Final[tuple[Format, ...]] = ("xml", "json", "yaml")

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_YAML: Final = re.compile(
    "[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_MARKUP: Final = re.compile("[<&]|]]>")
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
_MEANT: Final = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
"""What some reader of YAML takes for something else than a text."""

Value = str | bool
Entry = Mapping[str, Value]


def write_definitions(found: Definitions, format: Format) -> str:
    """The definitions as a file's text. Raises NotWritable for what the format cannot hold."""
    chains = [_chain(chain) for chain in found.chains]
    nodes = [_node(node) for node in found.nodes]
    match format:
        case "xml":
            return "".join(_xml(chains, nodes))
        case "json":
            return _json(chains, nodes)
        case "yaml":
            return "".join(_yaml(chains, nodes))


def _chain(chain: ChainDefinition) -> Entry:
    """A chain's parts under their names in a file, in the order in which people read them."""
    parts: dict[str, Value | None] = {
        "id": chain.id,
        "namespace": chain.namespace,
        "extends": chain.extends,
        "description": chain.description,
        "enable": None if chain.enabled else False,
        "transactional": chain.transactional,
        "undo-policy": chain.undo_policy,
        "status": chain.status,
        "route": chain.route,
        "value": chain.text,
    }
    return {name: value for name, value in parts.items() if value is not None}


def _node(node: NodeDefinition) -> Entry:
    parts: dict[str, Value | None] = {
        "id": node.id,
        "name": node.name,
        "type": node.type,
        "class": node.class_name,
        "language": node.language,
        "enable": None if node.enabled else False,
        "status": node.status,
        "value": node.script,
    }
    return {name: value for name, value in parts.items() if value is not None}


def _json(chains: Sequence[Entry], nodes: Sequence[Entry]) -> str:
    flow: dict[str, object] = {"nodes": {"node": nodes}} if nodes else {}
    flow["chain"] = chains
    return json.dumps({"flow": flow}, indent=2, ensure_ascii=False) + "\n"


def _xml(chains: Sequence[Entry], nodes: Sequence[Entry]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield '<!DOCTYPE flow PUBLIC "liteflow" "liteflow.dtd">\n<flow>\n'
    if nodes:
        yield "  <nodes>\n"
        for node in nodes:
            yield from _tag("node", node, "    ")
        yield "  </nodes>\n"
    for chain in chains:
        yield from _tag("chain", chain, "  ")
    yield "</flow>\n"


def _tag(tag: str, entry: Entry, indent: str) -> Iterator[str]:
    for value in entry.values():
        if isinstance(value, str) and (wrong := _NOT_XML.search(value)):
            raise NotWritable(
                f"{tag} '{entry['id']}'",
                f"it has the character {wrong.group()!r}, which XML cannot hold",
                "write JSON or YAML",
            )
    inner = {name: str(value) for name, value in entry.items() if name in ("route", "value")}
    given = "".join(
        f" {name}={quoteattr(str(value).lower() if value is False or value is True else value)}"
        for name, value in entry.items()
        if name not in inner
    )
    if not any(inner.values()):
        yield f"{indent}<{tag}{given}/>\n"
        return
    yield f"{indent}<{tag}{given}>\n"
    if "route" in inner:
        for name, text in (("route", inner["route"]), ("body", inner["value"])):
            yield f"{indent}  <{name}>\n{_xml_text(text, indent + '    ')}\n{indent}  </{name}>\n"
    else:
        yield f"{_xml_text(inner['value'], indent + '  ')}\n"
    yield f"{indent}</{tag}>\n"


def _xml_text(text: str, indent: str) -> str:
    """A text in its place: indented where XML has nothing against it, else as it is."""
    if _MARKUP.search(text):
        return "<![CDATA[\n" + text.replace("]]>", "]]]]><![CDATA[>") + "\n]]>"
    return "\n".join(f"{indent}{line}" if line else "" for line in text.split("\n"))


def _yaml(chains: Sequence[Entry], nodes: Sequence[Entry]) -> Iterator[str]:
    yield "flow:\n"
    if nodes:
        yield "  nodes:\n    node:\n"
        for node in nodes:
            yield from _yaml_entry(node, "      ")
    yield "  chain:\n" if chains else "  chain: []\n"
    for chain in chains:
        yield from _yaml_entry(chain, "    ")


def _yaml_entry(entry: Entry, indent: str) -> Iterator[str]:
    lead = "- "
    for name, value in entry.items():
        yield f"{indent}{lead}{name}: {_yaml_value(value, indent + '    ')}\n"
        lead = "  "


def _yaml_value(value: Value, indent: str) -> str:
    """A text over several lines as it is, any other one in quotes, as in JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    if _PLAIN.fullmatch(value) and value.lower() not in _MEANT:
        return value
    if "\n" in value and value == value.strip() and not _NOT_YAML.search(value):
        lines = (f"{indent}{line}" if line else "" for line in value.split("\n"))
        return "|-\n" + "\n".join(lines)
    quoted = json.dumps(value, ensure_ascii=False)
    return _NOT_YAML.sub(lambda wrong: f"\\u{ord(wrong.group()):04x}", quoted)
