"""Two API instances, and two workers as processes, on one MariaDB and one Redis."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from dev.databases import RedisServer
from tests.api.config.author import Author
from tests.api.sites import Api, Place, open_api, process
from tests.api.waiting import until

LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """The APIs; the workers are told apart by the status alone."""

    first: Api
    second: Api
    redis: RedisServer
    place: Place

    def author(self, tenant: str, *, second: bool = False, name: str = "ann") -> Author:
        """Somebody who uses one of the APIs."""
        return Author((self.second if second else self.first).http, tenant, name)

    async def all_serve_the_same(self, revision: int | None = None) -> Any:
        """The status as soon as all four serve the same, and nobody is behind."""

        async def look() -> Any:
            found = await self.author("1").get("status")
            ready = len(found["instances"]) == 4 and found["same"]
            seen = all(one["behind"] is False for one in found["instances"])
            later = revision is None or (found["revision"] or 0) > revision
            return found if ready and seen and later else None

        return await until(look, LIMIT, "four instances that serve the same", 0.1)


@asynccontextmanager
async def open_cluster(place: Place, redis: RedisServer) -> AsyncIterator[Cluster]:
    """All of it, as soon as every instance has told of itself."""
    async with AsyncExitStack() as parts:
        for number in range(2):
            redis_url = {"CHAINSAGA_REDIS_URL": redis.url}
            parts.enter_context(process(place, "worker", f"worker-{number}", **redis_url))
        apis = [await parts.enter_async_context(open_api(place.settings)) for _ in range(2)]
        cluster = Cluster(apis[0], apis[1], redis, place)
        await cluster.all_serve_the_same()
        yield cluster
