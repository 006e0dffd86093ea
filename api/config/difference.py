"""What differs between two contents of a chain or script: fields, text, and plans as a tree.

For the configuration API. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher, unified_diff
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from api.cli.words import Part, parts, words
from api.config.schemas import Diagnosed
from rules.plan import ChainNode, LoopNode, Plan, PlanNode, StepNode

_INNER: Final = frozenset(
    {"items", "last", "test", "then", "otherwise", "body", "handler", "targets", "default", "until"}
)
ROOT: Final = "0"


class NodeDiff(BaseModel):
    """A node of the two plans. `path` is that of the newer one, where it has the node.

    `changed` is the node itself, in what `fields` says; what is inside of it says so by itself.
    """

    change: Literal["same", "changed", "added", "removed"]
    node: str = Field(description="in words; as it is now")
    role: str = Field(description="what it is there for, where that is not plain")
    path: str
    before: str | None = Field(None, description="in words, as it was, where these differ")
    fields: dict[str, list[Any]] = Field({}, description="what differs: before, after")
    inside: list["NodeDiff"] = []


class FieldDiff(BaseModel):
    """A field that differs."""

    field: str
    before: Any
    after: Any


class Side(BaseModel):
    """One of the two. `diagnostics` say why a chain has no plan, among the other chains of now, or
    what is wrong with a script.
    """

    version: int
    status: str
    change: str
    operator: str | None
    diagnostics: list[Diagnosed] = []


class ScriptDiff(BaseModel):
    """What differs between two versions of a script component."""

    name: str
    before: Side
    after: Side
    same: bool
    fields: list[FieldDiff]
    text: list[str] = Field(description="lines as `diff -u` prints them, without its heading")


class ChainDiff(ScriptDiff):
    """What differs. `tree` is null where one side does not compile."""

    tree: NodeDiff | list[NodeDiff] | None = Field(
        description="one root, or two where nothing is left of the one before"
    )


def text_diff(before: str, after: str) -> list[str]:
    """The lines of a unified difference; none where the texts are the same."""
    lines = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3)
    return [line for line in lines if not line.startswith(("---", "+++"))]


def field_diff(before: Mapping[str, object], after: Mapping[str, object]) -> list[FieldDiff]:
    """The fields that differ, in the order of the newer side."""
    return [
        FieldDiff(field=field, before=before.get(field), after=value)
        for field, value in after.items()
        if before.get(field) != value
    ]


def plan_diff(before: Plan, after: Plan) -> NodeDiff | list[NodeDiff]:
    """The two plans as one tree."""
    was, now = Part("", ROOT, before.root), Part("", ROOT, after.root)
    if not _alike(was.node, now.node):
        return [_whole(was, "removed"), _whole(now, "added")]
    return _compared(was, now)


def changed(node: NodeDiff) -> bool:
    """Whether anything differs in it."""
    return node.change != "same" or any(changed(inner) for inner in node.inside)


def _compared(was: Part, now: Part) -> NodeDiff:
    """Two nodes of one kind."""
    fields = {
        name: [value, _own(now.node)[name]]
        for name, value in _own(was.node).items()
        if value != _own(now.node)[name]
    }
    if was.role != now.role:
        fields["role"] = [was.role, now.role]
    said, says = words(was.node), words(now.node)
    return NodeDiff(
        change="changed" if fields else "same",
        node=says,
        role=now.role,
        path=now.path,
        before=said if said != says else None,
        fields=fields,
        inside=list(_inside(list(parts(was.node, was.path)), list(parts(now.node, now.path)))),
    )


def _inside(was: Sequence[Part], now: Sequence[Part]) -> Iterator[NodeDiff]:
    """The children, in the newer order, with what is gone where it was."""
    matcher = SequenceMatcher(
        None, [_text(p) for p in was], [_text(p) for p in now], autojunk=False
    )
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            for old, new in zip(was[i1:i2], now[j1:j2], strict=True):
                yield _compared(old, new)
        else:
            yield from _replaced(was[i1:i2], now[j1:j2])


def _replaced(was: Sequence[Part], now: Sequence[Part]) -> Iterator[NodeDiff]:
    """Stretches without two equal nodes: pairs of one kind, in order, and what is left over."""
    matcher = SequenceMatcher(
        None, [_kind(p) for p in was], [_kind(p) for p in now], autojunk=False
    )
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            for old, new in zip(was[i1:i2], now[j1:j2], strict=True):
                yield _compared(old, new)
            continue
        for old in was[i1:i2]:
            yield _whole(old, "removed")
        for new in now[j1:j2]:
            yield _whole(new, "added")


def _whole(part: Part, change: Literal["added", "removed"]) -> NodeDiff:
    return NodeDiff(
        change=change,
        node=words(part.node),
        role=part.role,
        path=part.path,
        inside=[_whole(inner, change) for inner in parts(part.node, part.path)],
    )


def _alike(was: PlanNode, now: PlanNode) -> bool:
    return _kind(Part("", "", was)) == _kind(Part("", "", now))


def _kind(part: Part) -> str:
    """What must be the same for two nodes to be one that was changed."""
    match part.node:
        case StepNode(component=name) | ChainNode(chain=name):
            return f"{part.node.op} {name}"
        case _:
            return part.node.op


def _text(part: Part) -> str:
    return f"{part.role} {part.node.model_dump_json(exclude_none=True)}"


def _own(node: PlanNode) -> dict[str, Any]:  # Any: the fields of a model
    """The fields of a node, without what is inside of it."""
    inner = set(_INNER)
    if not isinstance(node, LoopNode) or not isinstance(node.head, bool | int):
        inner.add("head")
    names = [name for name in type(node).model_fields if name not in inner]
    head = {"head": None} if isinstance(node, LoopNode) else {}
    return head | node.model_dump(mode="json", include=set(names))
