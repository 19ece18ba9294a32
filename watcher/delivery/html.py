"""Messages as HTML mail: a table two columns wide, one below the other on a phone, on a light ground or a dark one.

Mail programs without HTML are shown every cell on a line of its own; the cells are made to read well that way too.
Styles are few, since a row costs its length in parts; the style sheet holds only what can be done without, since some
programs drop it.
"""

from collections.abc import Sequence
from html import escape

from watcher.core.rule import Severity
from watcher.delivery.chat import Said, details, reading
from watcher.delivery.figures import change, sparkline
from watcher.delivery.told import Told

HEAD = (
    '<html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    '<meta name="viewport" content="width=device-width">'
    "<style>td{border-bottom:1px solid #888}@media(max-width:600px){td{display:block;padding:0 8px;border:0}"
    "tr{display:block;padding:6px 0;border-bottom:1px solid #888}}</style></head>"
    '<body style="font-family:sans-serif;line-height:1.4">'
)
FOOT = "</body></html>"
TABLE = '<table cellpadding="6" cellspacing="0">'
TABLE_END = "</table>"

_COLOURS = {Severity.CRITICAL: "#e5484d", Severity.WARNING: "#b7791f", Severity.INFO: "#4f7fbf"}
_GREEN = "#3a9a5b"
"""All four stand out from white and from black."""


def single(episode: Told) -> str:
    """Return all there is to say of one episode, the headline and the rule's own words first."""
    facts = episode.last.facts
    since_before = change(facts)
    lines = [
        f'<span style="font-size:120%">{_headline(episode)}</span>',
        f"<b>{escape(facts.text)}</b>" if facts.text else "",
        escape(reading(episode)),
        escape(f"{since_before} the session before") if since_before else "",
        f"{_trend(facts.trend)} last {len(facts.trend)} sessions" if sparkline(facts.trend) else "",
        *(f"<i>{escape(note)}</i>" for note in episode.notes),
        escape(f"{episode.state} · {episode.severity} · {episode.dates()}"),
        f"<small>{episode.bracketed_ids}</small>",
    ]
    body = "".join(f"<div>{line}</div>" for line in lines if line)
    return f'<div style="border-left:4px solid {_colour(episode)};padding-left:10px">{body}</div>'


def heading(title: str, said: Said) -> str:
    """Return the heading of a digest."""
    line = f"<br>{escape(said.line)}" if said.line else ""
    return f"<p><b>{escape(title)}</b>{line}</p>"


def row(episode: Told, said: Said) -> str:
    """Return one episode of a digest."""
    facts = episode.last.facts
    text = f"<br>{escape(facts.text)}" if facts.text else ""
    return (
        f'<tr><td style="border-left:4px solid {_colour(episode)}">{_headline(episode)}{text}'
        f"<br><small>{escape(details(episode, said))}</small></td>"
        f"<td>{_trend(facts.trend)}<br><small>{episode.bracketed_ids}</small></td></tr>"
    )


def _headline(episode: Told) -> str:
    mark, symbol, rest = episode.headline.split(" ", 2)
    return f'<span style="color:{_colour(episode)}">{mark}</span> <b>{escape(symbol)}</b> {escape(rest)}'


def _trend(trend: Sequence[float | None]) -> str:
    """Thirty bars in the size of text are wider than a phone."""
    bars = sparkline(trend).replace(" ", "&nbsp;")
    return f'<span style="font-size:70%">{bars}</span>' if bars else ""


def _colour(episode: Told) -> str:
    return _COLOURS[episode.severity] if episode.state.firing else _GREEN
