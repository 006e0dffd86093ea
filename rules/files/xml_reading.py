"""Reads LiteFlow's XML: `<flow>` with `<nodes>` and `<chain>`s.

For `reading`. Safe for files of strangers: a DOCTYPE line is read over and nothing is fetched for
it; a file that declares or uses entities of its own is refused, so none is ever expanded.
"""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers.expat import ExpatError, ParserCreate

from rules.files.definitions import Place
from rules.files.entries import CHAIN_PARTS, NODE_PARTS, Entry, Kind, Pages
from rules.files.problems import Problem, RuleFileInvalid

_DECLARED: Final = re.compile(rb"""^\s*<\?xml[^>]*?\bencoding\s*=\s*["']([\w.:-]+)["']""")
_LAST: Final = True
_OLD: Final = frozenset({"then", "when", "pre", "finally"})


@dataclass(slots=True)
class _Element:
    tag: str
    attributes: Mapping[str, str]
    line: int
    children: "list[_Element]" = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What stands in it, but not in what is in it."""
        return "".join(self.texts)


def read_xml(data: bytes, pages: Pages) -> None:
    """Note the entries of the file, and what is wrong with it."""
    root = _parse(data, pages)
    if root is None:
        return
    if root.tag != "flow":
        mend = "a rule file begins with <flow>, and ends with </flow>"
        pages.wrong("syntax", f"the outermost tag is <{root.tag}>, not <flow>", root.line, mend)
        return
    _no_text(root, pages)
    for child in root.children:
        match child.tag:
            case "nodes":
                _no_text(child, pages)
                for node in child.children:
                    if node.tag == "node":
                        _entry(node, pages)
                    else:
                        pages.unknown("<nodes>", node.tag, ("node",), node.line)
            case "chain":
                _entry(child, pages)
            case _:
                pages.unknown("<flow>", child.tag, ("nodes", "chain"), child.line)


def _parse(data: bytes, pages: Pages) -> _Element | None:
    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    outer = _Element("", {}, 1)
    within = [outer]

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = _Element(tag, attributes, parser.CurrentLineNumber)
        within[-1].children.append(element)
        within.append(element)

    def add(text: str) -> None:
        within[-1].texts.append(text)

    def refuse(name: str, *_: object) -> None:
        # Only an exception ends the parser.
        raise RuleFileInvalid([_entity(name, Place(pages.file, parser.CurrentLineNumber))])

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: within.pop()
    parser.CharacterDataHandler = add
    parser.EntityDeclHandler = refuse
    parser.SkippedEntityHandler = refuse
    try:
        parser.Parse(_as_utf8(data), _LAST)
    except RuleFileInvalid as refused:
        pages.problems.extend(refused.problems)
        return None
    except ExpatError as error:
        mend = "mend the XML; a text with < or & is best put into <![CDATA[…]]>"
        pages.wrong("syntax", f"this is no XML: {error}", error.lineno, mend)
        return None
    except (LookupError, UnicodeError) as error:
        mend = "save it as UTF-8, or name its encoding in the first line"
        pages.wrong("syntax", f"the text cannot be decoded: {error}", 1, mend)
        return None
    return outer.children[0]


def _entity(name: str, place: Place) -> Problem:
    mend = "write the text itself; of entities there are &lt; &gt; &amp; &quot; and &apos;"
    return Problem("unsafe", f"the entity '{name}' is not read", place, mend)


def _as_utf8(data: bytes) -> bytes:
    """The file in UTF-8; expat itself knows too few encodings, such as none of Chinese."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16").encode()
    declared = _DECLARED.match(data)
    if data.startswith(codecs.BOM_UTF8) or declared is None:
        return data
    return data.decode(declared[1].decode("ascii")).encode()


def _entry(element: _Element, pages: Pages) -> None:
    before = len(pages.problems)
    known = CHAIN_PARTS if element.tag == "chain" else NODE_PARTS
    attributes = [name for name in known if name not in ("value", "route", "body")]
    parts = {}
    for name, value in element.attributes.items():
        if name in attributes:
            parts[name] = value
        else:
            pages.strange(f"<{element.tag}>", name, tuple(attributes), element.line)
    if element.text.strip():
        parts["value"] = element.text
    for child in element.children:
        _child(element, child, parts, pages)
    kind: Kind = "chain" if element.tag == "chain" else "node"
    pages.add(Entry(kind, element.line, parts), before)


def _child(element: _Element, child: _Element, parts: dict[str, str], pages: Pages) -> None:
    if element.tag == "chain" and child.tag in _OLD:
        pages.wrong(
            "old_format",
            f"<{child.tag}> inside of <chain> is how chains were written before LiteFlow 2.8",
            child.line,
            "write the chain as an expression, such as THEN(a, WHEN(b, c))",
        )
    elif element.tag != "chain" or child.tag not in ("route", "body"):
        known = ("route", "body") if element.tag == "chain" else ()
        pages.unknown(f"<{element.tag}>", child.tag, known, child.line)
    elif child.tag in parts:
        mend = "leave one of them"
        pages.wrong("syntax", f"a second <{child.tag}> in <chain>", child.line, mend)
    else:
        parts[child.tag] = child.text
        for inner in child.children:
            pages.unknown(f"<{child.tag}>", inner.tag, (), inner.line)


def _no_text(element: _Element, pages: Pages) -> None:
    if text := element.text.strip():
        mend = "a chain's text stands in <chain>…</chain>"
        what = f"'{text.split()[0][:40]}' stands beside the tags in <{element.tag}>"
        pages.wrong("syntax", what, element.line, mend)
