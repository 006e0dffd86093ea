"""Reads LiteFlow's YAML.

For `reading`, which imports it only when there is a YAML file. Aliases are refused: rule files do
not need them, and a few lines of them can stand for gigabytes.
"""

from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from rules.files.entries import Pages
from rules.files.trees import Fields, Items, Scalar, TreeBuilder, read_tree

DEEPEST: Final = 50
"""Levels of nesting; the library takes much longer for each one more."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


def read_yaml(data: bytes, pages: Pages) -> None:
    """Note the entries of the file, and what is wrong with it."""
    builder = TreeBuilder(pages)
    documents = 0
    try:
        for event in YAML(typ="safe", pure=True).parse(data.decode("utf-8-sig")):
            documents += isinstance(event, DocumentStartEvent)
            if documents > 1:
                mend = "put the second one, behind ---, into a file of its own"
                pages.wrong("syntax", "there are several documents", _line(event), mend)
                return
            if isinstance(event, AliasEvent):
                mend = "write out what it stands for"
                pages.wrong("unsafe", f"the alias *{event.anchor} is not read", _line(event), mend)
                return
            _hand_over(event, builder)
            if builder.depth > DEEPEST:
                mend = "a rule file has five levels"
                pages.wrong("syntax", "the YAML is nested too deeply", _line(event), mend)
                return
    except UnicodeDecodeError as error:
        what = f"the text cannot be decoded: {error}"
        pages.wrong("syntax", what, 1, "save the file as UTF-8")
        return
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        said = error.problem if isinstance(error, MarkedYAMLError) else str(error)
        mend = "mend the YAML; a text over several lines stands indented behind |"
        pages.wrong("syntax", f"this is no YAML: {said}", mark.line + 1 if mark else 1, mend)
        return
    if builder.root is None:
        pages.wrong("syntax", "the file is empty", 1, "a rule file begins with flow:")
        return
    read_tree(builder.root, pages)


def _hand_over(event: Event, builder: TreeBuilder) -> None:
    line = _line(event)
    match event:
        case MappingStartEvent():
            builder.begin(Fields(line, {}))
        case SequenceStartEvent():
            builder.begin(Items(line, []))
        case MappingEndEvent() | SequenceEndEvent():
            builder.end()
        case ScalarEvent():
            plain = not event.style
            builder.scalar(Scalar(None if plain and event.value in _NULLS else event.value, line))


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1
