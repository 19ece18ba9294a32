"""db: the store as a file: upgrade, check, backup, restore."""

from pathlib import Path
from typing import Annotated

import typer

from watcher.cli.options import Json, State


def add_to(app: typer.Typer) -> None:
    """Add the commands of this family."""
    family = typer.Typer(help="Look after the store: upgrade, check, backup, restore.", no_args_is_help=True)
    for command in (upgrade, check, backup, restore):
        family.command()(command)
    app.add_typer(family, name="db")


def upgrade(state: State = None, as_json: Json = False) -> None:
    """Bring the store to the schema of this program, after a backup of it; `watcher run` does so at its start."""
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.clock import SystemClock
    from watcher.store import file, recovery
    from watcher.store.lock import Lock
    from watcher.store.tables import SCHEMA
    from watcher.wiring import holder

    directory = run_settings.load(state=state).state_directory
    file.found_in(directory)
    with Lock.taken(directory, holder()):
        found = recovery.upgrade(directory, SystemClock().now())
    if as_json:
        output.as_json({"from": found, "to": SCHEMA})
    elif found == SCHEMA:
        typer.echo(f"schema {SCHEMA}: nothing to do")
    else:
        typer.echo(f"upgraded from schema {found or 'none'} to {SCHEMA}")


def check(state: State = None, as_json: Json = False) -> None:
    """Look at every page and every reference of the store, and say how much is in it; 1 if anything is wrong."""
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.clock import SystemClock
    from watcher.store import backup as backups
    from watcher.store import file
    from watcher.store.inspection import inspected

    directory = run_settings.load(state=state).state_directory
    path = file.found_in(directory)
    found = inspected(path)
    kept = [
        {"file": str(each), "at": backups.made_at(each), "bytes": each.stat().st_size}
        for each in backups.backups(directory, SystemClock().now())
    ]
    if as_json:
        output.as_json(
            {
                "file": str(path),
                "bytes": path.stat().st_size,
                "schema": found.schema,
                "findings": list(found.findings),
                "counts": dict(found.counts),
                "backups": kept,
            }
        )
        raise typer.Exit(1 if found.findings else 0)
    for finding in found.findings:
        typer.echo(finding)
    if found.counts:
        output.table(("TABLE", "ROWS"), found.counts.items())
    if kept:
        output.table(("BACKUP", "BYTES"), [(each["file"], each["bytes"]) for each in kept])
    else:
        typer.echo("no backup yet")
    if not found.findings:
        typer.echo(f"{path}: fine, schema {found.schema}")
    raise typer.Exit(1 if found.findings else 0)


def backup(
    file: Annotated[Path | None, typer.Argument(help="Where to; default: `backups` in the state directory.")] = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Copy the store as it is at one moment, the daemon at work or not, and look at the copy before it counts."""
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.clock import SystemClock
    from watcher.store import backup as backups
    from watcher.store.file import found_in

    directory = run_settings.load(state=state).state_directory
    found_in(directory)
    if file is None:
        made = backups.back_up(directory, SystemClock().now())
    elif file.exists():
        raise typer.BadParameter(f"{file} is there already")
    else:
        made = backups.back_up_to(directory, file)
    if as_json:
        output.as_json({"file": str(made), "bytes": made.stat().st_size})
    else:
        typer.echo(f"{made}: {made.stat().st_size:,} bytes")


def restore(
    file: Annotated[Path, typer.Argument(help="A backup: of `watcher db backup`, or from `backups`.")],
    state: State = None,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of the store, which is kept under another name; the daemon must not run.

    What was told since the backup may be told again: the next cycle says so in what it tells.
    """
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.clock import SystemClock
    from watcher.store import recovery
    from watcher.store.lock import Left, Lock
    from watcher.wiring import holder

    directory = run_settings.load(state=state).state_directory
    with Lock.taken(directory, holder()) as lock:
        aside = recovery.restore(directory, file, SystemClock().now())
        lock.note(Left.CLOSED)
    if as_json:
        output.as_json({"restored": str(file), "kept": None if aside is None else str(aside)})
        return
    typer.echo(f"restored {file}")
    if aside is not None:
        typer.echo(f"the store before it is kept as {aside}")
