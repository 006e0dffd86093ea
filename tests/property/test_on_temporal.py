"""A seeded sample of the short chains on Temporal: it must agree with the model, too."""

import asyncio
import itertools
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
import pytest_asyncio
from temporalio.client import Client

from dev.temporal_server import DevServer
from tests.property.cases import sample, with_key
from tests.property.model import judge
from tests.property.model_case import Case
from tests.property.on_temporal import can_be_held, on_temporal, open_worker
from tests.property.seen import ALONE, alone, differences
from tests.property.telling import describe

SEED = 4
SIZE = 100
AT_ONCE = 12


@pytest_asyncio.fixture(scope="module")
async def client(
    temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Client]:
    async with open_worker(temporal_server.address, tmp_path_factory.mktemp("short")) as client:
        yield client


def held() -> Iterator[Case]:
    """The cases of the sample that a real clock can keep apart."""
    return (case for case in sample(SEED, 10 * SIZE) if can_be_held(case, judge(case)))


async def compare(client: Client, cases: Sequence[Case]) -> list[str]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> list[str]:
        ending = judge(case)
        async with limit:
            try:
                return differences(case, ending, await on_temporal(client, case, ending))
            except TimeoutError:
                return [describe(case), "  it came to no end", alone(case)]

    return [line for lines in await asyncio.gather(*map(one, cases)) for line in lines]


async def test_sample(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    cases = list(itertools.islice(held(), SIZE))
    assert len(cases) == SIZE
    found = await compare(client, cases)
    with capsys.disabled():
        sys.stdout.write(f"\nsample {SEED}: {SIZE} cases ran on Temporal\n")
    assert not found, "\n" + "\n".join(found)


async def test_alone(client: Client) -> None:
    """The case that is asked for; else the sample's first."""
    case = with_key(os.environ.get(ALONE) or next(held()).key)
    assert can_be_held(case, judge(case)), "its times race with each other on a real clock"
    found = await compare(client, [case])
    assert not found, "\n" + "\n".join(found)
