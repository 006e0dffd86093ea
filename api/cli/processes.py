"""What `chainsaga` runs and prepares: the API, a worker, tables, search attributes; and its help.

For `api.cli.main`, which runs the offline commands without this. Each command imports what it
needs when it runs. What can go wrong outside of us ends in one line of words and exit code 1, not
in a traceback.
"""

import os
import sys
from typing import NoReturn

import typer

from api.cli.offline import COMMANDS

app = typer.Typer(
    help="LiteFlow chains as sagas on Temporal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def api() -> None:
    """Serve the HTTP API (settings: CHAINSAGA_API_HOST, CHAINSAGA_API_PORT)."""
    import uvicorn

    from activities.errors import ActivityError
    from activities.logs import configure_logging
    from api.app import create_app
    from settings import SettingsInvalid, load_settings

    try:
        settings = load_settings()
        configure_logging(as_json=settings.log_json)
        application = create_app(settings)
    except (ActivityError, SettingsInvalid) as error:
        _end(str(error))
    uvicorn.run(application, host=settings.api_host, port=settings.api_port, log_level="warning")


@app.command()
def worker() -> None:
    """Work on sagas until stopped."""
    import worker

    sys.exit(worker.main())


@app.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    from sqlalchemy.exc import SQLAlchemyError

    from migrations.adoption import PlatformRowsClash
    from migrations.run import upgrade
    from settings import SettingsInvalid, load_settings

    try:
        upgrade(load_settings().database_url)
    except (PlatformRowsClash, SettingsInvalid, SQLAlchemyError) as error:
        _end(f"cannot migrate the database of CHAINSAGA_DATABASE_URL: {error}")
    typer.echo("the tables are up to date")


@app.command("register-search-attributes")
def register_search_attributes() -> None:
    """Register what sagas write about themselves in the Temporal namespace."""
    import asyncio

    from activities.cluster import ClusterError, connect
    from activities.cluster import register_search_attributes as register
    from workflows.plugin import saga_plugin

    async def run() -> None:
        await register(await connect([saga_plugin()]))

    code = 0
    try:
        asyncio.run(run())
        typer.echo("the search attributes are registered")
    except (ClusterError, RuntimeError) as error:
        typer.echo(f"cannot register search attributes (TEMPORAL_ADDRESS): {error}", err=True)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # The Temporal SDK may abort a process that exits soon after it used a client.
    os._exit(code)


def _offline(name: str, summary: str) -> None:
    """List a command that `api.cli.offline` runs; it is never reached here."""

    @app.command(name, help=summary)
    def listed() -> None:
        raise AssertionError(name)


for _name, (_, _summary) in COMMANDS.items():
    _offline(_name, _summary)


def _end(words: str) -> NoReturn:
    typer.echo(words, err=True)
    raise typer.Exit(1)
