"""What must be true of every saga that ran while its chain was edited.

Looked at from outside: what its steps did, what its record says, what the model allows.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tests.api.fleet.edits.book import Book
from tests.api.fleet.edits.editor import Editor
from tests.api.fleet.edits.sagas import Story
from tests.api.fleet.edits.shelf import Ran, Timeline
from tests.api.fleet.edits.texts import PART, Text, number_of
from tests.outages.world import World


def broken(story: Story, editor: Editor, world: World) -> Iterator[str]:
    """What is wrong with a saga, in words."""
    timeline = editor.timeline
    may = list(
        timeline.outcomes(story.chain, story.seen, story.could, editor.certain[story.process])
    )
    if story.view is None:
        if story.code not in may:
            yield f"refused as {story.code}, not as {_told(may)}"
        if world.effects(story.id):
            yield "refused, and yet it did something"
        return
    ran = [one for one in may if isinstance(one, Ran)]
    tags = sorted(entry["tag"] for entry in story.view["executionStack"])
    if not any(_steps(one, tags, timeline) for one in ran):
        yield f"ran {tags}, not one of {_told(may)}"
    yield from _ending(story, story.view, tags, world)


def _steps(ran: Ran, tags: list[str], timeline: Timeline) -> bool:
    """Whether these are the steps of one version, with one text of the part."""
    if not ran.text.whole:
        return tags == ran.text.tags()
    parts = ran.parts
    if parts is None:
        parts = frozenset(t for shelf in timeline.states for t in _texts(shelf[PART]) if t.good)
    return any(tags == ran.text.tags(part) for part in parts)


def _texts(book: Book) -> set[Text]:
    return {book.row.text} if book.row is not None else set()


def _ending(story: Story, view: Mapping[str, Any], tags: list[str], world: World) -> Iterator[str]:
    refused = {tag for tag in tags if tag.endswith(f"-{story.request['refuses']}")}
    # The first one that refuses is the last one to run.
    wanted = "COMPENSATED" if refused else "COMPLETED"
    if view["status"] != wanted:
        yield f"ended as {view['status']} ({view['error']}), not as {wanted}"
    did = [(tag, "do") for tag in tags if tag not in refused]
    undid = [(tag, "undo") for tag, _ in did] if refused else []
    if (found := sorted(world.effects(story.id))) != sorted(did + undid):
        yield f"it did {found}, not {sorted(did + undid)}"
    if often := {what for what, number in world.calls(story.id).items() if number > 1}:
        yield f"called more than once: {often}"


def misnamed(story: Story, versions: Mapping[int, str]) -> Iterator[str]:
    """Whether the version that the record names is, for good, the text that ran.

    `versions` are the texts that are now to be read under each number.
    """
    if story.view is None:
        return
    version = story.view["rule_version"]
    own = {number_of(entry["tag"]) for entry in story.view["executionStack"]}
    text = versions.get(version)
    if text is None:
        yield f"ran {own} as version {version}, which nobody can read any more"
    elif not any(f'"{number}-' in text for number in own):
        yield f"ran {own} as version {version}, which is {text}"


def _told(may: Collection[object]) -> str:
    words = (
        f"text {one.text.number} ({one.text.shape})" if isinstance(one, Ran) else str(one)
        for one in may
    )
    return "[" + "; ".join(dict.fromkeys(words)) + "]"
