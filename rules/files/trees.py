"""JSON and YAML alike: a tree of values with their lines, and the entries in it.

For the readers of the two formats, which hand over the parts of the file one after the other. The
tree is built without recursion, so that no file is too deep for it.
"""

from dataclasses import dataclass
from typing import Final

from rules.files.entries import CHAIN_PARTS, NODE_PARTS, Entry, Kind, Pages

_OTHER_NAMES: Final = {
    "threadPoolExecutorClass": "thread-pool-executor-class",
    "undoPolicy": "undo-policy",
}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number or truth value as it is written; None for `null`."""

    text: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    items: "list[Tree]"


@dataclass(frozen=True, slots=True)
class Fields:
    """An object; names in the order of the file."""

    line: int
    fields: "dict[str, Tree]"


Tree = Scalar | Items | Fields


class TreeBuilder:
    """Takes the beginnings and ends of lists and objects, and scalars, in the file's order."""

    def __init__(self, pages: Pages) -> None:
        self.root: Tree | None = None
        self._pages = pages
        self._open: list[Items | Fields] = []
        self._names: list[str | None] = []

    @property
    def depth(self) -> int:
        """How many lists and objects are open."""
        return len(self._open)

    def begin(self, tree: Items | Fields) -> None:
        """A list or object begins."""
        self._add(tree)
        self._open.append(tree)
        self._names.append(None)

    def end(self) -> None:
        """The innermost one ends."""
        self._open.pop()
        self._names.pop()

    def scalar(self, scalar: Scalar) -> None:
        """A scalar, which may be a name in an object."""
        if self._open and isinstance(self._open[-1], Fields) and self._names[-1] is None:
            self._names[-1] = scalar.text or ""
        else:
            self._add(scalar)

    def _add(self, tree: Tree) -> None:
        if not self._open:
            self.root = tree
            return
        outer = self._open[-1]
        if isinstance(outer, Items):
            outer.items.append(tree)
            return
        name = self._names[-1]
        if name is None:
            # A list or object in the place of a name, as YAML would have it.
            name = ""
        self._names[-1] = None
        if name in outer.fields:
            mend = "leave one of them; the last one would silently win"
            self._pages.wrong("syntax", f"'{name}' stands twice in one object", tree.line, mend)
        outer.fields[name] = tree


def read_tree(root: Tree, pages: Pages) -> None:
    """Note the entries in `{"flow": {"nodes": {"node": […]}, "chain": […]}}`."""
    flow = root.fields.get("flow") if isinstance(root, Fields) else None
    if flow is None:
        mend = 'a rule file is an object with one name, "flow"'
        pages.wrong("syntax", "there is no 'flow'", root.line, mend)
        return
    content = _fields(flow, "flow", pages)
    for name, tree in content.items():
        if name == "nodes":
            nodes = _fields(tree, "nodes", pages)
            for inner, listed in nodes.items():
                if inner == "node":
                    _entries(listed, "node", pages)
                else:
                    pages.unknown("'nodes'", inner, ("node",), listed.line)
        elif name == "chain":
            _entries(tree, "chain", pages)
        else:
            pages.unknown("'flow'", name, ("nodes", "chain"), tree.line)


def _fields(tree: Tree, name: str, pages: Pages) -> dict[str, Tree]:
    if isinstance(tree, Fields):
        return tree.fields
    if not (isinstance(tree, Scalar) and tree.text is None):
        pages.wrong("syntax", f"'{name}' is no object", tree.line, "write names and values in it")
    return {}


def _entries(tree: Tree, kind: Kind, pages: Pages) -> None:
    if isinstance(tree, Scalar) and tree.text is None:
        return
    if not isinstance(tree, Items):
        mend = f"list the {kind}s, also a single one"
        pages.wrong("syntax", f"'{kind}' is no list", tree.line, mend)
        return
    for item in tree.items:
        if isinstance(item, Fields):
            _entry(item, kind, pages)
        else:
            mend = "write an object with an id"
            pages.wrong("syntax", f"a {kind} is an object", item.line, mend)


def _entry(tree: Fields, kind: Kind, pages: Pages) -> None:
    before = len(pages.problems)
    known = CHAIN_PARTS if kind == "chain" else NODE_PARTS
    parts = {}
    for given, value in tree.fields.items():
        name = _OTHER_NAMES.get(given, given)
        if name not in known:
            pages.strange(f"a {kind}", given, known, value.line)
        elif not isinstance(value, Scalar):
            mend = "write one text"
            pages.wrong("bad_value", f"'{given}' of a {kind} is no text", value.line, mend)
        elif value.text is not None:
            parts[name] = value.text
    pages.add(Entry(kind, tree.line, parts), before)
