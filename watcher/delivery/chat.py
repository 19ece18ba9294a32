"""Messages as short lines, for whatever shows plain text in proportional type: chat, push, SMS."""

import re
from dataclasses import dataclass
from datetime import date

from watcher.delivery.figures import change, compared, distance, short_change, sparkline
from watcher.delivery.told import Told

BRIEF_BELOW = 500
"""Characters; a service that takes fewer is told the headlines alone."""
TREND_IN_DIGEST = 12
"""Sessions; a row of a digest has to fit a phone."""

_MARKDOWN = re.compile(r"([\\*_~`|\[\]()#>])|^(\s*)([-+]|\d+\.)(?=\s)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Said:
    """What a digest says once for all of its episodes."""

    notes: tuple[str, ...] = ()
    trade_date: date | None = None

    @property
    def line(self) -> str:
        """The trade date; the notes are part of the title."""
        return f"trade date {self.trade_date.isoformat()}" if self.trade_date else ""


def single(episode: Told) -> str:
    """Return all there is to say of one episode, the rule's own words first."""
    facts = episode.last.facts
    trend, since_before = sparkline(facts.trend), change(facts)
    return _lines(
        facts.text,
        reading(episode),
        f"{since_before} the session before" if since_before else None,
        f"{trend} last {len(facts.trend)} sessions" if trend else None,
        *episode.notes,
        f"{episode.state} · {episode.severity} · {episode.dates()}",
        episode.bracketed_ids,
    )


def row(episode: Told, said: Said) -> str:
    """Return one episode of a digest."""
    facts = episode.last.facts
    trend = sparkline(facts.trend[-TREND_IN_DIGEST:])
    return _lines(
        episode.headline,
        " ".join(filter(None, [details(episode, said), trend, episode.bracketed_ids])),
        facts.text,
    )


def brief_single(episode: Told) -> str:
    """Return what is left to say below the headline in an SMS."""
    return _lines(episode.last.facts.text, " · ".join([episode.dates(), *episode.notes]) + f" {episode.bracketed_ids}")


def brief_row(episode: Told, said: Said) -> str:
    """Return one episode of a digest that goes out as SMS."""
    notes = (note for note in episode.notes if note not in said.notes)
    return f"{' · '.join([episode.headline, *notes])} {episode.bracketed_ids}"


def details(episode: Told, said: Said) -> str:
    """Return severity, change, dates and notes of an episode of a digest."""
    notes = (note for note in episode.notes if note not in said.notes)
    since_before = short_change(episode.last.facts)
    changed = f"change {since_before}" if since_before else ""
    return " · ".join(filter(None, [str(episode.severity), changed, episode.dates(said.trade_date), *notes]))


def reading(episode: Told) -> str:
    """Return the metric, its value, the limit and the distance, `short_ratio 15.42 % > 15, 0.42 points over`."""
    facts = episode.last.facts
    value, limit = compared(facts)
    text = f"{facts.metric} {value} {limit}" if episode.state.firing else f"{facts.metric} {value}, limit {limit}"
    return ", ".join(filter(None, [text, distance(facts)]))


def markdown_literal(text: str) -> str:
    """Return `text` with all that Markdown acts upon escaped, for services that render whatever they are sent."""
    return _MARKDOWN.sub(lambda match: f"{match[2] or ''}\\{match[1] or match[3]}", text)


def _lines(*lines: str | None) -> str:
    return "\n".join(filter(None, lines))
