"""What the worker for scripts of JVM languages says of a text, asked through Temporal.

For the composition roots, which give it to the engines. Nothing is known of the languages.
"""

import asyncio
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from activities.errors import EngineDown
from rules.script_checks import (
    CHECK_SCRIPT,
    TO_COMPILE,
    TO_START,
    CompileRequest,
    ScriptChecked,
)
from rules.scripts import script_sha

LIMIT: Final = TO_START + TO_COMPILE
"""Seconds, whoever does not answer: Temporal, the workers, or the compiler."""


@dataclass(frozen=True, slots=True)
class JvmCompiler:
    """Asks by a workflow on this task queue; `loop` is the client's, and runs in another thread."""

    client: Client
    task_queue: str
    loop: asyncio.AbstractEventLoop

    def problem(self, language: str, text: str) -> str | None:
        """What is wrong with a text, with its line. Blocks. Raises EngineDown.

        Not for the loop's own thread.
        """
        asked = asyncio.run_coroutine_threadsafe(self._ask(language, text), self.loop)
        try:
            found = asked.result()
        except CancelledError:
            raise EngineDown("this process stops") from None
        if not found.answered:
            raise EngineDown(found.summary)
        if found.problem is None or found.line is None:
            return found.problem
        return f"line {found.line}: {found.problem}"

    async def _ask(self, language: str, text: str) -> ScriptChecked:
        try:
            async with asyncio.timeout(LIMIT):
                handle = await self._started(language, text)
                return await handle.result()
        except TimeoutError:
            raise EngineDown(f"no worker has answered in {LIMIT:g} s") from None
        except WorkflowFailureError as error:
            raise EngineDown(f"the check failed: {error.cause}") from error
        except (RPCError, RuntimeError) as error:
            raise EngineDown(f"Temporal does not answer: {error}") from error

    async def _started(self, language: str, text: str) -> WorkflowHandle[object, ScriptChecked]:
        """Raises EngineDown, RPCError and RuntimeError."""
        sha = script_sha(language, text)
        try:
            async with asyncio.timeout(TO_START):
                return await self.client.start_workflow(
                    CHECK_SCRIPT,
                    CompileRequest(language=language, text=text, sha=sha),
                    id=f"{CHECK_SCRIPT}-{sha[:32]}",
                    task_queue=self.task_queue,
                    result_type=ScriptChecked,
                    # Who asks at the same time gets the same answer.
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    # Where there is no worker, nothing of it is left.
                    execution_timeout=timedelta(seconds=LIMIT),
                    static_summary=f"compile a script in {language}",
                )
        except TimeoutError:
            raise EngineDown(f"Temporal does not answer in {TO_START:g} s") from None
