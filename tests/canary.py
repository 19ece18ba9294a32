"""A secret that the whole suite watches: wherever a test shows it to the watcher, nobody else is to hear of it."""

import logging
from collections.abc import Iterator
from pathlib import Path

from watcher.cli.logs import SILENT

CANARY = "canary7f3a9c"
_GIVEN = frozenset({"settings.toml", "token", "channels", "web_token", "heartbeat"})
"""Files that a test writes for the watcher to read secrets from."""


class Ear(logging.Handler):
    """Hears what is logged, at whatever level, besides the loggers that no command lets speak."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.heard: list[str] = []
        """Lines that tell the secret."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.split(".")[0] not in SILENT and CANARY in (line := self.format(record)):
            self.heard.append(line)


def written(printed: str, directory: Path | None) -> Iterator[str]:
    """Yield where the secret came to light: on standard output or error, or in files."""
    if CANARY in printed:
        yield "what was printed"
    for path in sorted(directory.rglob("*")) if directory else ():
        if path.is_file() and path.name not in _GIVEN and CANARY.encode() in path.read_bytes():
            yield str(path)
