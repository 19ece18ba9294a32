"""What a setting is written as, and what it means: durations, lists, addresses."""

import re
from datetime import date, timedelta
from ipaddress import ip_address
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
_LONGEST = timedelta(days=200 * 365)
"""So long before any day to come there are dates."""
OFF = "off"
"""Written for an address where nothing is to listen."""


def duration(text: object) -> timedelta:
    """Return the duration written as `500ms`, `10s`, `30m`, `2h`, `3d`, `1w` or `5y`.

    Raises:
        ValueError: it is not written so, or is not above zero.
    """
    if isinstance(text, timedelta):
        return text
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y)", str(text).strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        raise ValueError("a duration is written 10s, 30m, 2h, 3d or 5y")
    if seconds > _LONGEST.total_seconds():
        raise ValueError("a duration is 200y at most")
    return timedelta(seconds=seconds)


def listed(value: object) -> object:
    """Return the parts of a text written with commas between them; anything else as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int
    """0 takes a free one."""

    @property
    def loopback(self) -> bool:
        """True if nobody on another machine can connect to it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(text: str) -> Address | None:
    """Return the address written as `127.0.0.1:8780`, `[::1]:8780` or `localhost:8780`; None for `off`.

    Raises:
        ValueError: it is not written so.
    """
    if text == OFF:
        return None
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})", text)
    if not found or int(found[3]) > 65535:
        raise ValueError("an address is written 127.0.0.1:8780, [::1]:8780 or off")
    return Address(found[1] or found[2], int(found[3]))


Duration = Annotated[timedelta, BeforeValidator(duration)]
Dates = Annotated[tuple[date, ...], NoDecode, BeforeValidator(listed)]
"""In the environment 2026-09-08,2026-09-09; in settings.toml a list."""
Durations = Annotated[tuple[Duration, ...], NoDecode, BeforeValidator(listed), Field(min_length=1)]
"""In the environment 5m,10m; in settings.toml a list."""
