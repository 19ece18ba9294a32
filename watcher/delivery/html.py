"""Messages as HTML mail: a table three columns wide, fit for a phone, on a light ground or a dark one.

Mail programs without HTML are shown every cell on a line of its own; the cells are made to read well that way too.
Styles are few and inline, since mail programs drop style sheets and a row costs its length in parts.
"""

from collections.abc import Sequence
from html import escape

from watcher.core.rule import Severity
from watcher.delivery.chat import TREND_IN_DIGEST, Said, details, reading
from watcher.delivery.figures import change, sparkline
from watcher.delivery.told import Told

HEAD = (
    '<html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head>'
    '<body style="font-family:sans-serif;line-height:1.4">'
)
FOOT = "</body></html>"
TABLE = '<table cellpadding="6" cellspacing="0" rules="rows">'
TABLE_END = "</table>"

_COLOURS = {Severity.CRITICAL: "#e5484d", Severity.WARNING: "#b7791f", Severity.INFO: "#4f7fbf"}
_GREEN = "#3a9a5b"
"""All four stand out from white and from black."""


def single(episode: Told) -> str:
    """Return all there is to say of one episode, the headline and the rule's own words first."""
    facts = episode.last.facts
    trend, since_before = _bars(facts.trend), change(facts)
    lines = [
        f'<span style="font-size:120%">{_headline(episode)}</span>',
        f"<b>{escape(facts.text)}</b>" if facts.text else "",
        escape(reading(episode)),
        escape(f"{since_before} the session before") if since_before else "",
        f"{trend} last {len(facts.trend)} sessions" if trend else "",
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
        f'<tr><td style="border-left:4px solid {_colour(episode)}">{_headline(episode)}{text}</td>'
        f"<td><small>{escape(details(episode, said))}</small></td>"
        f"<td>{_bars(facts.trend[-TREND_IN_DIGEST:])} <small>{episode.bracketed_ids}</small></td></tr>"
    )


def _headline(episode: Told) -> str:
    mark, symbol, rest = episode.headline.split(" ", 2)
    return f'<span style="color:{_colour(episode)}">{mark}</span> <b>{escape(symbol)}</b> {escape(rest)}'


def _bars(trend: Sequence[float | None]) -> str:
    return sparkline(trend).replace(" ", "&nbsp;")


def _colour(episode: Told) -> str:
    return _COLOURS[episode.severity] if episode.state.firing else _GREEN
