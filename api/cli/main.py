"""The command `chainsaga`: run the processes, prepare what they need, check a chain.

Each command imports what it needs when it runs, so that the quick ones stay quick.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="LiteFlow chains as sagas on Temporal.", no_args_is_help=True, add_completion=False
)


@app.command()
def api() -> None:
    """Serve the HTTP API (settings: CHAINSAGA_API_HOST, CHAINSAGA_API_PORT)."""
    import uvicorn

    from settings import Settings

    settings = Settings()
    uvicorn.run(
        "api.app:app_from_settings",
        factory=True,
        host=settings.api_host,
        port=settings.api_port,
        log_level="warning",
    )


@app.command()
def worker() -> None:
    """Work on sagas until stopped."""
    import worker

    sys.exit(worker.main())


@app.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    from migrations.run import upgrade
    from settings import Settings

    upgrade(Settings().database_url)


@app.command("register-search-attributes")
def register_search_attributes() -> None:
    """Register what sagas write about themselves in the Temporal namespace."""
    import asyncio

    from activities.cluster import connect
    from activities.cluster import register_search_attributes as register
    from workflows.plugin import saga_plugin

    async def run() -> None:
        await register(await connect([saga_plugin()]))

    asyncio.run(run())


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="a file with one chain's text")],
    components: Annotated[
        str, typer.Option(help="packages of components, separated by commas")
    ] = "activities.components",
) -> None:
    """Compile a chain and print everything that is wrong with it."""
    from activities.registry import discover
    from rules.compiler import ChainText, compile_chain
    from rules.errors import ChainInvalid

    name = file.stem
    registry = discover(part.strip() for part in components.split(","))
    try:
        compiled = compile_chain(
            name, chains={name: ChainText(name, file.read_text())}, components=registry.policies
        )
    except ChainInvalid as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    for warning in compiled.warnings:
        typer.echo(str(warning), err=True)
    typer.echo(f"{name}: {compiled.plan.nodes} nodes, sound")


if __name__ == "__main__":
    app()
