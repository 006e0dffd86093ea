"""What the entries of a file mean: definitions, or what is wrong with them.

For `reading`. Where a node names a file with its script, the text comes from whom it is given.
"""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Final, Literal

from rules.files.definitions import (
    OLD_TYPES,
    SCRIPTS,
    TYPES,
    ChainDefinition,
    NodeDefinition,
    Place,
    UndoPolicy,
    tidy,
)
from rules.files.entries import Entry, Pages

ID_LENGTH: Final = 128
"""Characters that a table keeps of an id."""
NAMESPACE_LENGTH: Final = 100
_TRUTH: Final = {"true": True, "false": False}

_LANGUAGES: Final = {
    ".groovy": "groovy",
    ".java": "java",
    ".js": "js",
    ".py": "python",
    ".ql": "qlexpress",
    ".qlexpress": "qlexpress",
    ".cel": "cel",
}
"""Of a script in a file of its own, where the node says none."""

ScriptFile = Callable[[str], str | None]
"""The text of a file that a node names; None if there is none."""


def no_files(_: str) -> str | None:
    """For who reads a rule file without its place: no script has a file."""
    return None


def chain_of(entry: Entry, pages: Pages) -> ChainDefinition | None:
    """The chain that an entry defines; None if it is wrong."""
    before = len(pages.problems)
    parts = entry.parts
    id = _id(entry, pages)
    text, route = _texts(entry, pages)
    if parts.get("thread-pool-executor-class"):
        pages.remark(f"{entry}: thread-pool-executor-class means nothing here", entry.line)
    transactional = _truth(entry, "transactional", pages)
    found = ChainDefinition(
        id=id,
        text=text,
        route=route,
        namespace=_short(entry, "namespace", NAMESPACE_LENGTH, pages),
        extends=_short(entry, "extends", ID_LENGTH, pages),
        enabled=_truth(entry, "enable", pages) is not False,
        description=_short(entry, "description", 500, pages),
        transactional=transactional,
        undo_policy=_undo_policy(entry, pages),
        status=_short(entry, "status", 32, pages),
        place=Place(pages.file, entry.line),
    )
    return found if len(pages.problems) == before else None


def node_of(entry: Entry, pages: Pages, script_file: ScriptFile) -> NodeDefinition | None:
    """The node that an entry defines; None if it is wrong."""
    before = len(pages.problems)
    type = _type(entry, pages)
    script = tidy(entry.parts.get("value", "")) or None
    file = entry.parts.get("file")
    if type in SCRIPTS and file and script is None:
        found = script_file(file)
        if found is None:
            mend = "put it beside the rule file, or into a folder below; the path counts from there"
            what = f"the file '{file}' of {entry} cannot be read"
            pages.wrong("missing_file", what, entry.line, mend)
        else:
            script = tidy(found) or None
    class_name = entry.parts.get("class") or None
    language = entry.parts.get("language") or None
    if language is None and file:
        language = _LANGUAGES.get(PurePosixPath(file).suffix)
    if type in SCRIPTS and script is None and len(pages.problems) == before:
        what = f"{entry} is a script without a text"
        pages.wrong("missing_text", what, entry.line, "write the script into it, or name its file")
    elif type not in SCRIPTS and script is not None:
        mend = f'say type="script" or another of {", ".join(sorted(SCRIPTS))}'
        pages.wrong("unknown_type", f"{entry} has a text, but is no script", entry.line, mend)
    node = NodeDefinition(
        id=_id(entry, pages, legacy=False),
        type=type,
        name=entry.parts.get("name") or None,
        class_name=class_name,
        language=language,
        script=script,
        enabled=_truth(entry, "enable", pages) is not False,
        status=_short(entry, "status", 32, pages),
        place=Place(pages.file, entry.line),
    )
    return node if len(pages.problems) == before else None


def _id(entry: Entry, pages: Pages, *, legacy: bool = True) -> str:
    """The id; LiteFlow's older files called it `name` for chains."""
    id = entry.parts.get("id") or (entry.parts.get("name") if legacy else None) or ""
    if not id.strip():
        pages.wrong("missing_id", f"{entry} has no id", entry.line, "give it an id")
    elif len(id) > ID_LENGTH:
        mend = f"an id has at most {ID_LENGTH} characters"
        pages.wrong("bad_value", f"the id '{id[:40]}…' is too long", entry.line, mend)
    elif id != id.strip():
        pages.wrong("bad_value", f"the id '{id}' has blanks around it", entry.line, "take them off")
    return id


def _texts(entry: Entry, pages: Pages) -> tuple[str, str | None]:
    """A chain's own text, and its route."""
    parts = entry.parts
    text, body = tidy(parts.get("value", "")), tidy(parts.get("body", ""))
    route = tidy(parts["route"]) if "route" in parts else None
    if text and body:
        mend = "leave one of them"
        pages.wrong("syntax", f"{entry} has a text and a body", entry.line, mend)
    if route is not None and not route:
        mend = "write what chooses the chain, or take the route out"
        pages.wrong("missing_text", f"the route of {entry} is empty", entry.line, mend)
    elif route is not None and not (text or body):
        mend = "write what is to be done when the route matches as its body"
        pages.wrong("missing_body", f"{entry} has a route and no body", entry.line, mend)
    elif not (text or body or parts.get("extends")):
        mend = "write an expression such as THEN(a, b)"
        pages.wrong("missing_text", f"{entry} has no text", entry.line, mend)
    return text or body, route


def _type(entry: Entry, pages: Pages) -> str | None:
    given = entry.parts.get("type")
    if not given:
        if not entry.parts.get("class"):
            mend = f"give it a type: {', '.join(sorted(TYPES))}"
            pages.wrong("unknown_type", f"{entry} has neither a type nor a class", entry.line, mend)
        return None
    type = OLD_TYPES.get(given, given)
    if type not in TYPES:
        near = get_close_matches(given, TYPES, n=1)
        mend = f"did you mean '{near[0]}'?" if near else f"types are: {', '.join(sorted(TYPES))}"
        pages.wrong("unknown_type", f"{entry}: there is no type '{given}'", entry.line, mend)
    return type


def _truth(entry: Entry, name: str, pages: Pages) -> bool | None:
    given = entry.parts.get(name)
    if given is None:
        return None
    known = _TRUTH.get(given.strip().lower())
    if known is None:
        what = f"'{name}' of {entry} is '{given}'"
        pages.wrong("bad_value", what, entry.line, "it is true or false")
    return known


def _undo_policy(entry: Entry, pages: Pages) -> UndoPolicy | None:
    given = entry.parts.get("undo-policy")
    known: dict[str | None, Literal["stop", "continue"]] = {"stop": "stop", "continue": "continue"}
    if given is not None and given not in known:
        what = f"'undo-policy' of {entry} is '{given}'"
        pages.wrong("bad_value", what, entry.line, "it is stop or continue")
    return known.get(given)


def _short(entry: Entry, name: str, most: int, pages: Pages) -> str | None:
    given = entry.parts.get(name) or None
    if given is not None and len(given) > most:
        mend = f"it has at most {most} characters"
        pages.wrong("bad_value", f"'{name}' of {entry} is too long", entry.line, mend)
    return given
