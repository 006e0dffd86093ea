"""Let the Temporal SDK download its dev server: `python -m dev.sdk_download FOLDER VERSION`.

For `dev.tools`, which runs this as a process with a time limit. The SDK downloads only on the way
to a running server, so one is started and stopped. Decides nothing: the caller looks at the folder.
"""

import asyncio
import sys

from temporalio.testing import WorkflowEnvironment


async def download(folder: str, version: str) -> None:
    """Put the `temporal` binary of this version into the folder."""
    environment = await WorkflowEnvironment.start_local(
        download_dest_dir=folder, dev_server_download_version=version
    )
    await environment.shutdown()


if __name__ == "__main__":
    asyncio.run(download(*sys.argv[1:3]))
