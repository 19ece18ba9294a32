"""What commands print: JSON for programs, plain words for people; logs go to standard error."""

import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import structlog
import typer

from watcher.core.market import Symbol
from watcher.errors import ConfigurationError


def as_json(value: object) -> None:
    """Print one JSON value; dates and paths as text."""
    typer.echo(json.dumps(value, indent=1, default=str, ensure_ascii=False))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns; None as nothing."""
    for line in columns(header, rows):
        typer.echo(line)


def columns(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of aligned columns; None as nothing."""
    cells = [list(header), *([("" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar on standard error, if that is a terminal; yield what advances it."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Log one line an event, key=value, to standard error; standard output is for results."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    form = "level=%(levelname)s logger=%(name)s %(message)s"
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format=form)
    for noisy in ("apprise", "httpx", "httpcore", "urllib3"):  # they write URLs and headers, and so secrets
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # the daemon says itself what it does


def parsed_symbols(texts: Sequence[str] | None) -> list[Symbol] | None:
    """Return the symbols given on the command line, None if none were.

    Raises:
        ConfigurationError: one is no symbol.
    """
    try:
        return [Symbol.parse(text) for text in texts] if texts else None
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
