"""What commands print: JSON for programs, plain words for people."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

import typer

from watcher.core.market import Symbol


def as_json(value: object) -> None:
    """Print one JSON value; dates and paths as text."""
    typer.echo(json.dumps(value, indent=1, default=_text, ensure_ascii=False))


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns; None as nothing."""
    for line in columns(header, rows):
        typer.echo(line)


def columns(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of aligned columns; None as nothing."""
    cells = [list(header), *([shown(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def shown(value: object) -> str:
    """Return a value as people read it: a moment to the second in UTC, a figure with two digits, None as nothing."""
    match value:
        case None:
            return ""
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        case float():
            return f"{value:,.2f}"
    return str(value)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar on standard error, if that is a terminal; yield what advances it."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def no_such(what: str, name: str, known: Iterable[str]) -> typer.BadParameter:
    """Return what to raise for a name of which there is none, with the one that was meant."""
    from watcher.rulebook.closest import did_you_mean

    question = did_you_mean(name, known)
    return typer.BadParameter(f"there is no {what} {name!r}{f' ({question})' if question else ''}")


def parsed_symbol(text: str) -> Symbol:
    """Return the symbol given on the command line.

    Raises:
        BadParameter: it is none.
    """
    try:
        return Symbol.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def parsed_symbols(texts: Sequence[str] | None) -> list[Symbol] | None:
    """Return the symbols given on the command line, None if none were.

    Raises:
        BadParameter: one is no symbol.
    """
    return [parsed_symbol(text) for text in texts] if texts else None
