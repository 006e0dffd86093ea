"""The command `chainsaga`: run the processes, prepare what they need, check a chain.

Each command imports what it needs when it runs, so that the quick ones stay quick. What can go
wrong outside of us ends in one line of words and exit code 1, not in a traceback.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

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

    from migrations.run import upgrade
    from settings import SettingsInvalid, load_settings

    try:
        upgrade(load_settings().database_url)
    except (SettingsInvalid, SQLAlchemyError) as error:
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


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="a file with one chain's text")],
    components: Annotated[
        str, typer.Option(help="packages of components, separated by commas")
    ] = "activities.components",
) -> None:
    """Compile a chain and print everything that is wrong with it.

    Other `.el` files of its folder are chains that it may include, by their names.
    """
    from activities.errors import ActivityError
    from activities.registry import discover
    from rules.compiler import ChainText, compile_chain
    from rules.errors import ChainInvalid

    name = file.stem
    try:
        siblings = {found.stem: found.read_text() for found in file.parent.glob("*.el")}
        texts = siblings | {name: file.read_text()}
        registry = discover(part.strip() for part in components.split(","))
        compiled = compile_chain(
            name,
            chains={chain: ChainText(chain, text) for chain, text in texts.items()},
            components=registry.policies,
        )
    except (ActivityError, ChainInvalid, OSError) as error:
        _end(str(error))
    for warning in compiled.warnings:
        typer.echo(str(warning), err=True)
    typer.echo(f"{name}: {compiled.plan.nodes} nodes, sound")


def _end(words: str) -> NoReturn:
    typer.echo(words, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
