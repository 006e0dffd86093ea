"""The lock on refreshes when its holder is killed: it ends by itself, and another takes over."""

import asyncio
from functools import partial

from redis import Redis
from sqlalchemy import select, update

from rules.source.lock import HOLD_SECONDS, RedisLock
from rules.source.tables import flow_chain, rule_revision
from tests.api.config.author import BETTER, Author
from tests.api.fleet.fleet import LIVE_LIMIT, Fleet, Part
from tests.api.waiting import until

OLD, NEW = "createOrder==>pay", "createOrder==>pay==>notify"


async def test_of_a_killed_holder_another_takes_over(fleet: Fleet, tenant: str) -> None:
    ann, _ = fleet.authors(tenant)
    await ann.create("sell")
    await fleet.agreed(tenant)
    lock = RedisLock(fleet.redis.url, fleet.place.settings.application)
    mine = (flow_chain.c.tenant_id == tenant) & (flow_chain.c.chain_name == "sell")
    with Redis.from_url(fleet.redis.url) as keys, fleet.engine.connect() as blocking:
        # Nobody may read while the change is made, and its reader hung up.
        with lock.held() as held:
            assert held
            with fleet.engine.begin() as connection:
                connection.execute(update(flow_chain).where(mine).values(chain_code=BETTER))
            blocking.execute(select(rule_revision).with_for_update())
        holder = await until(lambda: reading(fleet), LIVE_LIMIT, "somebody to read", 0.05)
        holder.child.kill()
        blocking.rollback()
        left = keys.pttl(lock.key)
        assert isinstance(left, int)
        assert 0 < left <= HOLD_SECONDS * 1000
        living = [part for part in fleet.parts if part is not holder and part.command == "api"]
        for part in living:
            author = fleet.author(tenant, part.number)
            assert await author.steps("sell") == OLD, "nobody else may read yet"
        assert keys.get(lock.key) is not None
        # So that nobody waits: its time passes more quickly.
        assert keys.pexpire(lock.key, 500)
        for part in living:
            author = fleet.author(tenant, part.number)
            await until(partial(serves, author, NEW), LIVE_LIMIT, "the heir to read", 0.1)
        # The dead one is off the board soon, too.
        for board in keys.scan_iter(f"*:instance:*-{holder.child.pid}-*"):
            keys.delete(board)
    lock.close()
    fleet.launch(holder)
    await fleet.answering()
    await fleet.agreed(tenant)


async def serves(author: Author, steps: str) -> bool:
    return await author.steps("sell") == steps


async def reading(fleet: Fleet) -> Part | None:
    """Whose process holds the lock, and waits for the row of the revision."""
    query = (
        "SELECT user FROM information_schema.processlist WHERE info LIKE 'UPDATE rule_revision%'"
    )
    found = await asyncio.to_thread(fleet.database.execute, query)
    return next((part for part in fleet.parts for (user,) in found if user == part.user), None)
