"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Rules = Annotated[Path | None, typer.Option("--rules", help="Rule file or directory; default: rules.toml.")]
State = Annotated[Path | None, typer.Option("--state", help="State directory.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value, and nothing else, on standard output.")]
Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="Only this symbol; may be repeated.")]
