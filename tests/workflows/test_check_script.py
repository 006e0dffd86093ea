"""What is said of a script that only another worker can compile; on Temporal, without a JVM."""

import asyncio

import pytest
from temporalio.client import Client

from activities.errors import EngineDown
from activities.scripts.compiling import LIMIT, JvmCompiler
from dev.temporal_server import DevServer
from rules.script_checks import TO_START
from tests.workflows.compilers import BROKEN, PROBLEM, SOUND, WRONG, open_compiler
from workflows.plugin import saga_plugin

NO_TEMPORAL = "127.0.0.1:1"


async def asked(compiler: JvmCompiler, text: str) -> str | None:
    """As the configuration asks: in a thread."""
    return await asyncio.to_thread(compiler.problem, "groovy", text)


async def test_the_worker_answers(temporal_server: DevServer) -> None:
    async with open_compiler(temporal_server.address, jvm=True) as compiler:
        assert await asked(compiler, SOUND) is None
        assert await asked(compiler, WRONG) == f"line 1: {PROBLEM}"
        together = await asyncio.gather(asked(compiler, SOUND), asked(compiler, SOUND))
        assert set(together) == {None}
        with pytest.raises(EngineDown, match=r"nobody compiled it: .*no process"):
            await asked(compiler, BROKEN)


async def test_nobody_compiles(temporal_server: DevServer) -> None:
    async with open_compiler(temporal_server.address, jvm=False) as compiler:
        with pytest.raises(EngineDown, match="nobody compiled it"):
            await asked(compiler, SOUND)


async def test_nobody_works(temporal_server: DevServer) -> None:
    client = await Client.connect(temporal_server.address, plugins=[saga_plugin()])
    compiler = JvmCompiler(client, "nobody-there", asyncio.get_running_loop())
    with pytest.raises(EngineDown, match=f"no worker has answered in {LIMIT:g} s"):
        await asked(compiler, SOUND)


async def test_temporal_is_not_there() -> None:
    client = await Client.connect(NO_TEMPORAL, plugins=[saga_plugin()], lazy=True)
    compiler = JvmCompiler(client, "nobody-there", asyncio.get_running_loop())
    with pytest.raises(EngineDown, match="Temporal does not answer"):
        async with asyncio.timeout(LIMIT + TO_START):
            await asked(compiler, SOUND)
