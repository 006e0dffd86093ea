"""Sagas that run while their chains are edited: how each was started, and how it ended.

Some wait in the middle until more edits were made, some fail and are undone. What must be true of
each stands in `tests.api.fleet.edits.promises`.
"""

import asyncio
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from tests.api.fleet.edits.drawing import NAMES
from tests.api.fleet.edits.editor import Editor
from tests.api.sites import Api
from tests.api.waiting import until_true
from tests.outages.world import World

END_LIMIT: Final = 60.0
REFUSALS: Final = {
    "ChainDisabled": "CHAIN_DISABLED",
    "ChainUnknown": "CHAIN_UNKNOWN",
    "ChainInvalid": "CHAIN_INVALID",
}


@dataclass(frozen=True, slots=True)
class Story:
    """One start and what became of it; `code` is why it was refused, `view` its record.

    Between `seen` and `could` edits were known to the process that froze the chain, None for a
    worker. `request` is what its steps were to do.
    """

    id: str
    tenant: str
    chain: str
    process: int | None
    seen: int
    could: int
    request: dict[str, Any]
    code: str | None = None
    view: dict[str, Any] | None = None


class Starter:
    """Starts sagas of all tenants' chains, one after the other; several may work side by side."""

    def __init__(
        self,
        chance: Random,
        editors: list[Editor],
        apis: tuple[Api, Api],
        by_hand: tuple[Client, str],
        world: World,
    ) -> None:
        self._chance = chance
        self._editors = editors
        self._apis = apis
        self._temporal, self._queue = by_hand
        self._world = world
        self.stories: list[Story] = []
        self.begun = 0

    async def one(self, id: str, beside: asyncio.TaskGroup) -> None:
        """Start a saga and follow it to its end; one that waits is followed beside."""
        self.begun += 1
        editor = self._chance.choice(self._editors)
        chain = self._chance.choice(NAMES)
        process = self._chance.choice([0, 0, 0, 1, 1, 1, None])
        request = {
            "refuses": self._chance.choice([None, None, "z"]),
            "waits": self._chance.choice([None, None, "a", "z"]),
        }
        if request["waits"] is not None:
            # Waiting must not end before some edits were made.
            beside.create_task(self._let_go(editor, id))
        start = self._by_hand if process is None else self._by_api
        running = beside.create_task(start(editor, id, chain, process, request))
        if request["waits"] is None:
            await running

    async def _let_go(self, editor: Editor, id: str) -> None:
        until = editor.timeline.begun + self._chance.randint(1, 8)
        await until_true(
            lambda: editor.timeline.begun >= until or editor.timeline.closed, END_LIMIT, "edits"
        )
        self._world.door(id, "open").touch()

    async def _by_api(
        self, editor: Editor, id: str, chain: str, process: int | None, request: dict[str, Any]
    ) -> None:
        assert process is not None
        timeline = editor.timeline
        seen = editor.seen[process]
        answer = await self._apis[process].execute(
            chain, request, timeline.tenant, execution_id=id, mode="async"
        )
        story = Story(id, timeline.tenant, chain, process, seen, timeline.begun, request)
        if answer.status_code == 202:
            view = await self._apis[1 - process].ended(id, timeline.tenant, END_LIMIT)
            self._tell(story, view=view)
        else:
            self._tell(story, code=answer.json()["code"])

    async def _by_hand(
        self, editor: Editor, id: str, chain: str, process: int | None, request: dict[str, Any]
    ) -> None:
        timeline = editor.timeline
        seen = editor.seen[process]
        handle = await self._temporal.start_workflow(
            chain, request, id=f"{timeline.tenant}:{id}", task_queue=self._queue
        )
        code = None
        try:
            await handle.result()
        except WorkflowFailureError as error:
            code = _refusal(error)
        story = Story(id, timeline.tenant, chain, process, seen, timeline.begun, request)
        if code is not None:
            self._tell(story, code=code)
        else:
            view = await self._apis[0].ended(id, timeline.tenant, END_LIMIT)
            self._tell(story, view=view)

    def _tell(
        self, story: Story, *, code: str | None = None, view: dict[str, Any] | None = None
    ) -> None:
        self.stories.append(replace(story, code=code, view=view))


def _refusal(error: BaseException | None) -> str | None:
    """Why a worker did not run the chain; None for what its steps did."""
    while error is not None:
        found = error.type if isinstance(error, ApplicationError) else None
        if found is not None and found.startswith("Chain"):
            return REFUSALS.get(found, found)
        error = error.__cause__
    return None
