"""Carries out the drawn edits of one tenant, one after the other, by API and by SQL.

Each answer of the API is compared with the model's, which then follows.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from sqlalchemy import Engine, delete, func, insert, update
from sqlalchemy.exc import OperationalError

from rules.source.collisions import collided
from rules.source.tables import flow_chain
from tests.api.config.author import Author as Http
from tests.api.fleet.edits import book as deeds
from tests.api.fleet.edits.book import Book, Content, Step
from tests.api.fleet.edits.drawing import Edit
from tests.api.fleet.edits.shelf import OK, Timeline, verdicts

APPLICATION: Final = "dms-liteflow"


class Editor:
    """`seen` is how many edits each process has certainly seen, `certain` at which ones it looked.

    Workers are told apart by no one: both have seen what `None` has.
    """

    def __init__(self, timeline: Timeline, authors: tuple[Http, Http], engine: Engine) -> None:
        self.timeline = timeline
        self._authors = authors
        self._engine = engine
        self.seen: dict[int | None, int] = {0: 0, 1: 0, None: 0}
        self.certain: dict[int | None, set[int]] = {0: {0}, 1: {0}, None: {0}}

    async def do(self, edit: Edit) -> None:
        """One edit. Raises AssertionError where the product does not do as the model."""
        timeline = self.timeline
        timeline.begun += 1
        now = timeline.now[edit.chain]
        words = f"{timeline.begun}. {edit}"
        if edit.kind == "refresh":
            await self.settle(edit.api)
            timeline.follow(now, words)
        elif edit.kind.startswith("sql"):
            await asyncio.to_thread(self._by_sql, edit)
            timeline.follow(_typed(edit, now), words)
        else:
            await self._by_api(edit, now, words)

    async def settle(self, api: int = 0) -> None:
        """Let every process read all rules."""
        done = self.timeline.done
        answer = await self._authors[api].done("POST", "refresh", wait_seconds=20)
        assert [one["done"] for one in answer["instances"]] == [True] * 4, answer
        for process in self.seen:
            self._saw(process, done)

    def _saw(self, process: int | None, number: int) -> None:
        self.seen[process] = max(self.seen[process], number)
        self.certain[process].add(number)

    async def _by_api(self, edit: Edit, now: Book, words: str) -> None:
        author = self._authors[edit.api]
        version = await self._version(author, edit.chain)
        method, path, body, step = _request(edit, now, version)
        answer = await author.send(method, f"chains{path}", *body)
        code = OK if answer.is_success else answer.json()["code"]
        wanted = verdicts(self.timeline.now, edit.chain, step, force=edit.force)
        if edit.kind == "stale":
            wanted = {"CONFIG_STALE"}
        assert code in wanted, f"{words}: {answer.text}, not one of {wanted}"
        words += f" -> {code}"
        if code != OK:
            self.timeline.follow(now, words)
            return
        found = answer.json()
        assert found["changed"] is (step is not None), f"{words}: {found}"
        made = version + (step is not None)
        assert found["version"] == made, f"{words}: {found} is not version {made}"
        after = now.written(step, made) if step is not None else now
        self.timeline.follow(after, f"{words} {made}")
        if step is not None:
            self._saw(edit.api, self.timeline.done)

    async def _version(self, author: Http, chain: str) -> int:
        """What an author reads before an edit; of what is gone the last version."""
        answer = await author.send("GET", f"chains/{chain}")
        if answer.status_code != 404:
            return int(answer.json()["version"])
        versions = await author.get(f"chains/{chain}/versions", limit=1)
        return int(versions["items"][0]["version"])

    def _by_sql(self, edit: Edit) -> None:
        """As somebody does who tries again when the database asks for it."""
        for _ in range(5):
            try:
                with self._engine.begin() as connection:
                    assert connection.execute(self._statement(edit)).rowcount <= 1
            except OperationalError as error:
                if not collided(error):
                    raise
            else:
                return
        raise AssertionError(f"{edit}: the database did not let it in")

    def _statement(self, edit: Edit) -> Any:
        columns = flow_chain.c
        mine = (columns.tenant_id == self.timeline.tenant) & (columns.chain_name == edit.chain)
        if edit.kind == "sql delete":
            return delete(flow_chain).where(mine)
        if edit.kind == "sql insert":
            return insert(flow_chain).values(
                tenant_id=self.timeline.tenant,
                application_name=APPLICATION,
                chain_name=edit.chain,
                chain_code=edit.row.text.code,
                status=edit.row.state,
                chain_enable=edit.row.on,
            )
        raised = {"version": columns.version + 1}
        values: dict[str, Mapping[str, Any]] = {
            "sql text": {"chain_code": edit.text.code, **raised},
            "sql silent": {"chain_code": edit.text.code},
            "sql off": {"chain_enable": False, **raised},
            "sql on": {"chain_enable": True, **raised},
            "sql hide": {"status": "DRAFT"},
            "sql show": {"status": "PUBLISHED"},
            "sql touch": {"update_time": func.now(6)},
            "sql same": raised,
        }
        return update(flow_chain).where(mine).values(**values[edit.kind])


def _typed(edit: Edit, now: Book) -> Book:
    """The chain after an edit by SQL."""
    if edit.kind == "sql delete":
        return now.typed(None)
    if edit.kind == "sql insert":
        return now.typed(edit.row)
    assert now.row is not None
    rows: dict[str, Content] = {
        "sql text": replace(now.row, text=edit.text),
        "sql silent": replace(now.row, text=edit.text),
        "sql off": replace(now.row, on=False),
        "sql on": replace(now.row, on=True),
        "sql hide": replace(now.row, state="DRAFT"),
        "sql show": replace(now.row, state="PUBLISHED"),
    }
    return now.typed(rows.get(edit.kind, now.row))


def _request(edit: Edit, now: Book, version: int) -> tuple[str, str, tuple[Any, ...], Step | None]:
    """Method, path, body, and what it is to do."""
    name = edit.chain
    match edit.kind:
        case "create":
            body = {"name": name, "el": edit.text.code, "publish": True}
            return "POST", "", (body,), deeds.create(edit.text)
        case "edit" | "stale":
            body = {"version": version, "el": edit.text.code, "publish": True}
            if edit.kind == "stale":
                body["version"] = max(version - 1, 0)
            return "PUT", f"/{name}", (body,), deeds.save(now, edit.text, publish=True)
        case "draft":
            body = {"version": version, "el": edit.text.code}
            return "PUT", f"/{name}", (body,), deeds.save(now, edit.text, publish=False)
        case "rollback":
            body = {"version": edit.back, "force": edit.force}
            return "POST", f"/{name}/rollback", (body,), deeds.roll_back(now, edit.back)
        case "delete":
            force = "true" if edit.force else "false"
            path = f"/{name}?version={version}&force={force}"
            return "DELETE", path, (), deeds.delete(now)
        case "discard":
            return "DELETE", f"/{name}/draft?version={version}", (), deeds.discard(now)
    body = {"version": version, "force": edit.force}
    steps: dict[str, Callable[[Book], Step | None]] = {
        "publish": deeds.publish,
        "unpublish": deeds.unpublish,
        "disable": partial(deeds.switch, on=False),
        "enable": partial(deeds.switch, on=True),
    }
    return "POST", f"/{name}/{edit.kind}", (body,), steps[edit.kind](now)
