"""init: something to start from, and the service put in place."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.options import Json

if TYPE_CHECKING:
    from watcher.cli.service import Done

_THIS_MACHINE = Path("/")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command()(init)


def init(
    directory: Annotated[Path | None, typer.Argument(help="Where to put rules.toml; default: here.")] = None,
    systemd: Annotated[
        bool, typer.Option("--systemd", help="Put the service in place, or bring it up to date; as root.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="With --systemd: stop the service and take it away; the state stays.")
    ] = False,
    root: Annotated[
        Path, typer.Option("--root", help="With --systemd: only write files, below this directory; for packagers.")
    ] = _THIS_MACHINE,
    as_json: Json = False,
) -> None:
    """Write a commented rules.toml to start from, or put the service in place; what is yours is left alone."""
    from watcher.cli import output

    if not systemd and (remove or root != _THIS_MACHINE):
        raise typer.BadParameter("--remove and --root go with --systemd")
    if systemd and directory is not None:
        raise typer.BadParameter("with --systemd, rules.toml goes into /etc/watcher")
    files, advice = _service(root, remove=remove) if systemd else _start(directory or Path())
    if as_json:
        output.as_json({"files": [{"path": path, "what": what} for path, what in files], "next": advice})
        return
    width = max(len(str(path)) for path, _ in files)
    for path, what in files:
        typer.echo(f"{path!s:{width}}  {what}")
    typer.echo("\nNext:")
    for line in advice:
        typer.echo(f"  {line}")


def _service(root: Path, *, remove: bool) -> "Done":
    from watcher.cli import service

    return service.remove(root) if remove else service.install(root)


def _start(directory: Path) -> "Done":
    from watcher.cli.service import Done
    from watcher.errors import WatcherError
    from watcher.rulebook import STARTING_POINT, schema_text

    rules, schema = directory / "rules.toml", directory / "rules.schema.json"
    try:
        if directory.is_file():
            raise WatcherError(f"{directory} is a file, not a directory")
        directory.mkdir(parents=True, exist_ok=True)
        with rules.open("x", encoding="utf-8") as file:
            file.write(STARTING_POINT)
        schema.write_text(schema_text(), "utf-8")
    except FileExistsError:
        raise WatcherError(f"{rules} exists already; it was left as it is") from None
    except OSError as error:
        raise WatcherError(f"{error.filename} cannot be written: {error.strerror}") from None
    advice = (f"edit {rules}: what to watch, and whom to tell", "watcher check", "watcher poll, or watcher demo")
    return Done([(rules, "written"), (schema, "written")], advice)
