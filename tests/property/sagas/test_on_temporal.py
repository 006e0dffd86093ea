"""Random sagas on Temporal, which has what memory has not: lost answers, queries, a mirror."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable

import pytest
import pytest_asyncio

from dev.temporal_server import DevServer
from rules.execution import Status
from tests.property.sagas.cases import REAL, draw
from tests.property.sagas.findings import ALONE, told
from tests.property.sagas.on_temporal import Site, open_site
from tests.property.sagas.promises import broken

SEEDS = range(15)
MANY_SEEDS = range(100)
AT_ONCE = 8


@pytest_asyncio.fixture(scope="module")
async def site(
    temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    async with open_site(temporal_server.address, tmp_path_factory.mktemp("sagas")) as site:
        yield site


async def run_all(site: Site, seeds: Iterable[int], capsys: pytest.CaptureFixture[str]) -> None:
    window = asyncio.Semaphore(AT_ONCE)
    statuses: Counter[Status] = Counter()
    bad: list[str] = []

    async def one(seed: int) -> None:
        case = draw(seed, REAL)
        async with window:
            try:
                ended = await site.run(case)
            except TimeoutError:
                bad.append(told(case, ["it came to no end"]))
                return
        statuses[ended.execution.status] += 1
        if why := broken(ended):
            bad.append(told(case, why))

    await asyncio.gather(*map(one, seeds))
    with capsys.disabled():
        counted = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
        sys.stdout.write(f"\nrandom sagas on Temporal, {len(bad)} bad: {counted}\n")
    assert not bad, "\n" + "\n".join(bad)


async def test_promises(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    await run_all(site, SEEDS, capsys)


@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_promises_of_many(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    await run_all(site, MANY_SEEDS, capsys)


async def test_alone(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """The seed that is asked for; else the first."""
    seed = int(os.environ.get(ALONE, SEEDS[0]))
    with capsys.disabled():
        sys.stdout.write(f"\n{draw(seed, REAL).describe()}\n")
    await run_all(site, [seed], capsys)
