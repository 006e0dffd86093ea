"""The real dev server: its search attributes, its file, its end."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from dev import temporal_server
from dev.processes import ChildDiedError, wait_until
from dev.temporal_server import DevServer, dev_server
from dev.tools import temporal_binary
from rules.wire import SEARCH_ATTRIBUTES


async def start_workflow(server: DevServer, name: str) -> Client:
    """Start a workflow that carries every search attribute; no worker needs to run it."""
    client = await Client.connect(server.address, namespace=server.namespace)
    keywords = [
        SearchAttributePair(SearchAttributeKey.for_keyword(key), "x")
        for key, kind in SEARCH_ATTRIBUTES.items()
        if kind == "Keyword"
    ]
    version = SearchAttributePair(SearchAttributeKey.for_int("SagaRuleVersion"), 1)
    await client.start_workflow(
        "any",
        id=name,
        task_queue="nobody",
        search_attributes=TypedSearchAttributes([*keywords, version]),
    )
    return client


async def test_search_attributes_can_be_used_at_once(tmp_path: Path) -> None:
    with dev_server(temporal_binary(), log=tmp_path / "temporal.log") as server:
        client = await start_workflow(server, "first")
        assert (await client.get_workflow_handle("first").describe()).id == "first"
    assert server.process.exit_code is not None


async def test_a_database_file_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary, database, log = temporal_binary(), tmp_path / "kept" / "t.db", tmp_path / "t.log"
    older = {name: kind for name, kind in SEARCH_ATTRIBUTES.items() if name != "SagaFailedStep"}
    with monkeypatch.context() as patch:
        # A file from before an attribute was added: the server's own flag does not add it.
        patch.setattr(temporal_server, "SEARCH_ATTRIBUTES", older)
        with dev_server(binary, log=log, database=database) as server:
            await Client.connect(server.address)
            server.process.kill()
    for name in ("second", "third"):
        with dev_server(binary, log=log, database=database) as server:
            await start_workflow(server, name)
    with dev_server(binary, log=log, database=database) as server:
        client = await Client.connect(server.address)
        assert (await client.get_workflow_handle("second").describe()).id == "second"
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_ports_are_the_ones_asked_for_and_a_taken_one_is_named(tmp_path: Path) -> None:
    binary, log = temporal_binary(), tmp_path / "temporal.log"
    with dev_server(binary, log=log) as first:
        port = int(first.address.rpartition(":")[2])
        with (
            pytest.raises(ChildDiedError, match=str(port)),
            dev_server(binary, log=tmp_path / "other.log", port=port),
        ):
            pass
    with dev_server(binary, log=log, port=port) as again:
        assert again.address == first.address
        wait_until(lambda: again.process.exit_code is None, 1, "the server")
