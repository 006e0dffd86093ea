"""The command `chainsaga`: hands on to the offline commands, or to what runs the processes.

The offline ones start without Typer, which alone takes longer than they do.
"""

import gc
import sys

from api.cli.offline import COMMANDS, run


def main() -> None:
    """Run the command that the arguments name; ends the process with its exit code."""
    if len(sys.argv) > 1 and sys.argv[1] in COMMANDS:
        # The process ends before cycles matter, and its end need not look for them either.
        gc.disable()
        code = run(sys.argv[1:])
        gc.freeze()
        sys.exit(code)
    from api.cli.processes import app

    app()


if __name__ == "__main__":
    main()
