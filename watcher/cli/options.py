"""Options that several commands have."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class LogForm(StrEnum):
    """How a line of the log is written."""

    AUTO = "auto"
    """For the journal if standard error leads there, else plain."""
    PLAIN = "plain"
    JSON = "json"
    JOURNAL = "journal"
    """With a priority in front, and no time: the journal notes it."""


Rules = Annotated[Path | None, typer.Option("--rules", help="Rule file or directory; default: rules.toml.")]
State = Annotated[Path | None, typer.Option("--state", help="State directory.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value, and nothing else, on standard output.")]
Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="Only this symbol; may be repeated.")]
Log = Annotated[LogForm, typer.Option("--log", help="How to log; auto: for the journal if that is where it goes.")]
