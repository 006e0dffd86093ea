"""What `chainsaga` runs and prepares: the API, a worker, tables, chains; and its help.

For `api.cli.main`, which runs the offline commands without this. Each command imports what it
needs when it runs. What can go wrong outside of us ends in one line of words and exit code 1, not
in a traceback.
"""

import os
import sys
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from api.cli.offline import COMMANDS

if TYPE_CHECKING:
    from api.cli.site import Site

_FILES: Final = "LiteFlow's rule files (.xml, .json, .yml, .yaml), or folders of them."
_TENANT: Final = "Whose chains; CHAINSAGA_DEFAULT_TENANT unless given."
_PUBLISH: Final = "Let what is brought serve at once; else new chains are drafts."
_KEEP_GOING: Final = "Bring what is sound, and leave out chains that do not compile."
_OPERATOR: Final = "Who does it, for the versions; the user of the system unless given."
_REASON: Final = "Why, for the versions; the names of the files unless given."
_FORMAT: Final = "xml, json or yaml; by the file's name, else xml."

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


@app.command("import")
def import_chains(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help=_FILES)],
    *,
    tenant: Annotated[str | None, typer.Option(help=_TENANT)] = None,
    publish: Annotated[bool, typer.Option("--publish", help=_PUBLISH)] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    keep_going: Annotated[bool, typer.Option("--keep-going", help=_KEEP_GOING)] = False,
    operator: Annotated[str | None, typer.Option(help=_OPERATOR)] = None,
    reason: Annotated[str | None, typer.Option(help=_REASON)] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Bring rules from LiteFlow's files into the database; the same file twice changes nothing."""
    from api.cli.bring import Options, run

    options = Options(
        dry_run=dry_run,
        publish=publish,
        keep_going=keep_going,
        operator=operator,
        reason=reason,
        as_json=json,
    )
    raise typer.Exit(run(files, _site(tenant), options))


@app.command()
def export(
    file: Annotated[str | None, typer.Argument(help="The file; else standard output.")] = None,
    *,
    tenant: Annotated[str | None, typer.Option(help=_TENANT)] = None,
    format: Annotated[str | None, typer.Option(help=_FORMAT)] = None,
) -> None:
    """Write a tenant's chains and scripts as a file that LiteFlow and `chainsaga import` read."""
    from api.cli.export import run

    raise typer.Exit(run(file, format, _site(tenant)))


def _site(tenant: str | None) -> "Site":
    """The deployment of the settings, and the tenant that is meant."""
    from api.cli.site import Site
    from settings import SettingsInvalid, load_settings

    try:
        settings = load_settings()
    except SettingsInvalid as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    return Site(
        settings.database_url,
        settings.application,
        settings.rule_namespace,
        settings.route_namespaces,
        settings.components,
        tenant or settings.default_tenant,
        settings.when_max_wait_ms,
        settings.rule_names,
        settings.script_limits,
        settings.jvm_worker,
    )


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
