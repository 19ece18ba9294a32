"""The templates, and how they write moments, numbers and addresses; every value is escaped."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from watcher.core.market import Market
from watcher.web.charts import chart, sparkline

_TEMPLATES = Path(__file__).parent / "templates"
_LONGEST = 160
"""Characters of a text by others; a page is to stay small, whatever they write."""


def rendered(template: str, **values: object) -> str:
    """Return a page as HTML."""
    return _environment().get_template(template).render(values)


def utc(moment: datetime) -> str:
    """Return `2026-06-05 08:30 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def local(moment: datetime, market: Market) -> str:
    """Return a moment in a market's own time, `2026-06-05 16:30 HKT`."""
    return f"{moment.astimezone(ZoneInfo(market.zone)):%Y-%m-%d %H:%M %Z}"


def local_hour(moment: datetime, market: Market) -> str:
    """Return a moment in a market's own time, beside one that has the date, `Fri 16:30 HKT`."""
    return f"{moment.astimezone(ZoneInfo(market.zone)):%a %H:%M %Z}"


def clipped(text: str, longest: int = _LONGEST) -> str:
    """Return the text, cut where it is long."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def address(path: str, given: Mapping[str, str], **changes: object) -> str:
    """Return the address of a page with the parameters that were given, some of them changed, or taken away by None."""
    parameters = {**given, **{name.rstrip("_"): value for name, value in changes.items()}}
    kept = [(name, str(value)) for name, value in parameters.items() if value not in (None, "")]
    return quote(path) + (f"?{urlencode(kept)}" if kept else "")


@cache
def _environment() -> Environment:
    """Return the templates; a name that nothing stands for is an error, not a blank."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"utc": utc, "local": local, "local_hour": local_hour, "clipped": clipped}
    made.globals |= {"address": address, "chart": chart, "sparkline": sparkline, "markets": list(Market)}
    return made
