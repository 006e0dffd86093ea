"""Sagas run while their chains and scripts are edited at random, by API and SQL, in two tenants.

Each saga runs one version whole, its record names it, and only a chain that is off refuses.
"""

import asyncio
import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from time import monotonic
from uuid import uuid4

import pytest
from temporalio.client import Client

from tests.api.fleet.edits.book import Book, create
from tests.api.fleet.edits.drawing import NAMES, Author
from tests.api.fleet.edits.editor import Editor
from tests.api.fleet.edits.promises import broken, misnamed
from tests.api.fleet.edits.sagas import Starter
from tests.api.fleet.edits.shelf import Timeline, bad
from tests.api.fleet.edits.texts import SCRIPT, script
from tests.api.fleet.fleet import Fleet
from tests.api.waiting import until_true

ALONE = "CHAINSAGA_TEST_SEED"
SEED = 1
MANY_SEEDS = range(100, 112)
EDITS = 100
"""Of each of the two tenants."""
SIDE_BY_SIDE = 2
SETTLE_EVERY = 20
PER_MINUTE = 50
"""Sagas that are started, at least, at any time of the edits."""
LIMIT = 180.0


async def begin(fleet: Fleet, tenant: str, author: Author) -> Editor:
    """A tenant with good chains that every process serves."""
    authors = fleet.authors(tenant)
    first = {"name": SCRIPT, "type": "script", "language": "python", "code": script(0)}
    await authors[0].done("POST", "components", {**first, "publish": True})
    shelf = {}
    for name in NAMES:
        text = author.text(name)
        made = await authors[0].create(name, text.code)
        shelf[name] = Book(name).written(create(text), made["version"])
    await fleet.agreed(tenant)
    return Editor(Timeline(tenant, [shelf], [0]), authors, fleet.engine)


async def edit(editor: Editor, author: Author, starter: Starter, begun: float) -> None:
    """All edits of one tenant; sagas are started meanwhile, at least one for two edits.

    No edit comes where they have fallen behind their pace.
    """
    timeline = editor.timeline

    def enough(number: int) -> bool:
        paced = (monotonic() - begun) * PER_MINUTE / 60
        return starter.begun >= paced and len(starter.stories) * 2 >= number

    for number in range(EDITS):
        await until_true(partial(enough, number), LIMIT, "sagas")
        if number % SETTLE_EVERY == 0:
            await editor.settle(number // SETTLE_EVERY % 2)
        await editor.do(author.next(timeline.now))
    timeline.closed = True


async def start_all(
    starter: Starter, editors: list[Editor], ids: Iterator[str], beside: asyncio.TaskGroup
) -> None:
    while not all(editor.timeline.closed for editor in editors):
        await starter.one(next(ids), beside)


async def play(
    fleet: Fleet, temporal: Client, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A seed whole. What it finds is told with how to see it again."""
    run = uuid4().hex[:6]
    chance, numbers = Random(seed), count(1)
    authors = [Author(Random(f"{seed}/{name}"), numbers) for name in "ab"]
    editors = [
        await begin(fleet, f"{name}-{seed}-{run}", author)
        for name, author in zip("ab", authors, strict=True)
    ]
    by_hand = (temporal, fleet.place.settings.task_queue)
    starter = Starter(chance, editors, fleet.apis, by_hand, fleet.world)
    ids = (f"{run}-{number}" for number in count())
    begun = monotonic()
    try:
        async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as group:
            for _ in range(SIDE_BY_SIDE):
                group.create_task(start_all(starter, editors, ids, group))
            await asyncio.gather(
                *(
                    edit(editor, author, starter, begun)
                    for editor, author in zip(editors, authors, strict=True)
                )
            )
            took = monotonic() - begun
        problems = [
            f"{story.tenant} {story.id} {story.chain} by {story.process}: {why}"
            f" (edits {story.seen} to {story.could})"
            for editor in editors
            for story in starter.stories
            if story.tenant == editor.timeline.tenant
            for why in broken(story, editor, fleet.world)
        ]
        problems += await at_the_end(fleet, editors, starter)
    except BaseException:
        sys.stdout.write(told(seed, editors))
        raise
    with capsys.disabled():
        ends = Counter(s.code or (s.view or {})["status"] for s in starter.stories)
        sys.stdout.write(
            f"\n{2 * EDITS} edits in {took:.0f} s, {len(starter.stories)} sagas"
            f" ({len(starter.stories) * 60 / took:.0f} a minute): {dict(ends)}\n"
        )
    assert starter.begun == len(starter.stories) >= took * PER_MINUTE / 60
    assert not problems, "\n".join([*problems, told(seed, editors)])


async def at_the_end(fleet: Fleet, editors: list[Editor], starter: Starter) -> list[str]:
    """All instances agree with each other and the model, and so do the versions."""
    problems: list[str] = []
    for editor in editors:
        timeline, author = editor.timeline, fleet.authors(editor.timeline.tenant)[1]
        status = await fleet.agreed(timeline.tenant, 1, told=True)
        instances = status["instances"]
        assert isinstance(instances, list)
        for one in instances:
            held = {held["chain"] for held in one["quarantine"]}
            if held != bad(timeline.now):
                problems.append(f"{one['name']} holds {held}, not {bad(timeline.now)}")
        for name in NAMES:
            items = (await author.get(f"chains/{name}/versions", limit=200))["items"]
            texts = {
                item["version"]: (await author.get(f"chains/{name}/versions/{item['version']}"))[
                    "el"
                ]
                for item in items
            }
            for number, kept in timeline.now[name].kept.items():
                if texts.get(number) != kept.text.code:
                    problems.append(f"version {number} of {name} was {kept.text.code}")
            problems += [
                f"{story.tenant} {story.id} {story.chain}: {why}"
                for story in starter.stories
                if (story.tenant, story.chain) == (timeline.tenant, name)
                for why in misnamed(story, texts)
            ]
    return problems


def told(seed: int, editors: list[Editor]) -> str:
    """How it came, and how to see it again."""
    lines = [f"\nseed {seed}:"]
    for editor in editors:
        lines += [editor.timeline.tenant, *(f"  {words}" for words in editor.timeline.words)]
    file = Path(__file__).relative_to(Path.cwd())
    again = f"{ALONE}={seed} {shlex.quote(sys.executable)} -m pytest -s {file} -k alone"
    return "\n".join([*lines, f"again: {again}\n"])


@pytest.mark.timeout(LIMIT + 120)
async def test_alone(fleet: Fleet, temporal: Client, capsys: pytest.CaptureFixture[str]) -> None:
    """The seed that is asked for; else the usual one."""
    await play(fleet, temporal, int(os.environ.get(ALONE, SEED)), capsys)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", MANY_SEEDS)
async def test_of_many_seeds(
    fleet: Fleet, temporal: Client, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    await play(fleet, temporal, seed, capsys)
