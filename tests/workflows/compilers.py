"""A place where scripts of JVM languages can be compiled, without a JVM.

For the tests of the workflow that asks for it. A text says itself what its compiler says of it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities.scripts.compiling import JvmCompiler
from rules.script_checks import COMPILE_SCRIPT, CompileReply, CompileRequest
from rules.scripts import JVM_QUEUE
from workflows.plugin import saga_plugin

SOUND = "return 1"
WRONG = "return (("
BROKEN = "while compiling, the compiler ends"
PROBLEM = "Unexpected input: '('"


@activity.defn(name=COMPILE_SCRIPT)
async def compile_script(request: CompileRequest) -> CompileReply:
    """Is what the JVM worker does."""
    if request.text == BROKEN:
        raise ApplicationError("no process", type="ENGINE_DOWN", non_retryable=True)
    if request.text == WRONG:
        return CompileReply(problem=PROBLEM, line=1)
    return CompileReply()


@asynccontextmanager
async def open_compiler(address: str, *, jvm: bool) -> AsyncIterator[JvmCompiler]:
    """Who asks, with a worker for the workflow and, if `jvm`, one that compiles."""
    client = await Client.connect(address, plugins=[saga_plugin()])
    queue = f"queue-{uuid4().hex}"
    async with _working(client, queue, jvm=jvm):
        yield JvmCompiler(client, queue, asyncio.get_running_loop())


@asynccontextmanager
async def _working(client: Client, queue: str, *, jvm: bool) -> AsyncIterator[None]:
    async with Worker(client, task_queue=queue):
        if not jvm:
            yield
            return
        compiling = Worker(client, task_queue=f"{queue}{JVM_QUEUE}", activities=[compile_script])
        async with compiling:
            yield
