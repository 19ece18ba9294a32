"""The command line: one file per family of commands; parse, call, print, exit code.

What a command needs is imported when it runs, so that `watcher --help` is quick.
"""

import sys

import typer

from watcher import __version__
from watcher.cli import (
    backtest,
    db,
    demo,
    explain,
    history,
    init,
    operate,
    outbox,
    quarantine,
    rule_tests,
    rules,
    run,
    send_test,
    silence,
    upstream,
)
from watcher.errors import ConfigurationError, StoreError, UpstreamError, WatcherError, told_in

app = typer.Typer(
    help="Tells once, and reliably, when the short selling of Hong Kong and US symbols crosses your limits.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for family in (
    demo,
    run,
    upstream,
    init,
    rules,
    backtest,
    rule_tests,
    explain,
    operate,
    quarantine,
    silence,
    outbox,
    history,
    send_test,
    db,
):
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
    except KeyboardInterrupt:
        sys.exit(130)
    except (WatcherError, ExceptionGroup) as error:
        told = told_in(error)
        if told is None:
            raise
        from watcher.cli.logs import complain

        complain(str(told))
        sys.exit(_exit_code(told))


def _exit_code(error: WatcherError) -> int:
    match error:
        case ConfigurationError():
            return 78
        case UpstreamError() | StoreError():
            return 75
    return 1
