"""The command line: one file per family of commands; parse, call, print, exit code.

What a command needs is imported when it runs, so that `watcher --help` is quick.
"""

import sys

import typer

from watcher import __version__
from watcher.cli import demo, operate, rules, run, upstream
from watcher.errors import ConfigurationError, StoreError, UpstreamError, WatcherError

app = typer.Typer(
    help="Tells once, and reliably, when the short selling of Hong Kong and US symbols crosses your limits.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for family in (demo, run, upstream, rules, operate):
    family.add_to(app)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"watcher {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Say which version it is."
    ),
) -> None:
    pass


def main() -> None:
    """Run a command; errors meant for people are printed as such, with the exit codes of product and sysexits(3)."""
    try:
        app()
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is the command line
        sys.exit(78)
    except (UpstreamError, StoreError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(75)
    except WatcherError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
