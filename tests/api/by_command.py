"""The `temporal` command as a person types it, against the tests' server."""

import asyncio
import os

from dev.tools import temporal_binary


async def temporal_command(address: str, *words: str) -> tuple[int, str]:
    """Run `temporal WORDS` and give its exit code and all that it said."""
    running = await asyncio.create_subprocess_exec(
        *(str(temporal_binary()), *words, "--address", address),
        env={**os.environ, "TEMPORAL_CONFIG_FILE": os.devnull},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await running.communicate()
    assert running.returncode is not None
    return running.returncode, said.decode()
