"""Scripts that only another worker could compile, while Temporal cannot be asked."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.api.config.author import Author
from tests.api.sites import Place, environment_of, new_place, only, open_api

pytestmark = pytest.mark.asyncio

GROOVY = {"name": "made", "type": "script", "language": "groovy", "code": "return (("}


@pytest_asyncio.fixture
async def asked() -> asyncio.Event:
    """Set once somebody has asked Temporal."""
    return asyncio.Event()


@pytest_asyncio.fixture
async def silent(asked: asyncio.Event) -> AsyncIterator[str]:
    """Somebody in Temporal's place who takes connections and never says anything."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


@pytest.fixture
def place(silent: str, tmp_path: Path) -> Iterator[Place]:
    place = new_place(tmp_path, silent, jvm_worker=True)
    with environment_of(place):
        yield place


@pytest_asyncio.fixture
async def author(place: Place) -> AsyncIterator[Author]:
    async with open_api(place.settings) as api:
        yield Author(api.http, "1")


async def test_nobody_waits_for_who_asks_in_vain(author: Author, asked: asyncio.Event) -> None:
    asking = asyncio.create_task(author.done("POST", "components", {**GROOVY, "publish": True}))
    await asyncio.wait_for(asked.wait(), 10)
    # Takes the lock of the rules.
    await author.create("buy")
    assert not asking.done()
    made = await asking
    (warning,) = made["diagnostics"]
    assert only(warning, "category", "severity") == {"category": "unchecked", "severity": "warning"}
    assert (made["status"], made["version"]) == ("PUBLISHED", 1)
