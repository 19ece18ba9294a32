"""Messages in monospace, for terminals, the journal and text mail: a line or two, or an aligned table."""

from collections.abc import Iterable, Sequence

from watcher.core.rule import Severity
from watcher.delivery.chat import TREND_IN_DIGEST, Said, reading
from watcher.delivery.figures import change, compared, comparison, short_change, sparkline
from watcher.delivery.told import State, Told

_COLUMNS = ("", "symbol", "value", "limit", "change", "state", "severity", "rule", "since", "trade date", "trend", "id")
_RIGHT = frozenset({"value", "change", "trend"})
_COLOURS = {Severity.CRITICAL: "\x1b[1;31m", Severity.WARNING: "\x1b[33m", Severity.INFO: "\x1b[36m"}
_GREEN, _PLAIN = "\x1b[32m", "\x1b[0m"


def single(episode: Told, repeat: str = "") -> str:
    """Return one episode on two lines, or a few: what it is, the rule's own words, figures, and what is special."""
    facts = episode.last.facts
    first = [episode.headline, str(episode.severity), episode.dates(), repeat]
    figures = [reading(episode), change(facts), sparkline(facts.trend)]
    lines = [facts.text, " · ".join(filter(None, figures)), " · ".join(episode.notes)]
    return "\n  ".join([f"{' · '.join(filter(None, first))} {episode.bracketed_ids}", *filter(None, lines)])


def table(episodes: Sequence[Told], said: Said) -> tuple[str, list[str]]:
    """Return the heading and the rows of a digest, aligned; a column that is empty throughout is left out."""
    cells = [_cells(episode, said) for episode in episodes]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    widths = [max(width, len(name)) if width else 0 for width, name in zip(widths, _COLUMNS, strict=True)]
    rows = [
        "\n    ".join([_aligned(row, widths), *_remarks(episode, said)])
        for episode, row in zip(episodes, cells, strict=True)
    ]
    return _aligned(_COLUMNS, widths), rows


def coloured(text: str, episode: Told) -> str:
    """Return `text` with its first line in the colour of the episode, for a terminal."""
    colour = _COLOURS[episode.severity] if episode.state.firing else _GREEN
    first, newline, rest = text.partition("\n")
    return f"{colour}{first}{_PLAIN}{newline}{rest}"


def _cells(episode: Told, said: Said) -> tuple[str, ...]:
    facts, trade_date = episode.last.facts, episode.last.trade_date
    value, limit = compared(facts)
    return (
        episode.state.mark,
        episode.last.symbol,
        value,
        limit,
        short_change(facts),
        episode.state,
        episode.severity,
        episode.last.rule,
        episode.last.episode.isoformat(),
        "" if trade_date == said.trade_date else trade_date.isoformat(),
        sparkline(facts.trend[-TREND_IN_DIGEST:]),
        episode.bracketed_ids,
    )


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    columns = zip(_COLUMNS, row, widths, strict=True)
    return "  ".join(
        cell.rjust(width) if name in _RIGHT else cell.ljust(width) for name, cell, width in columns if width
    ).rstrip()


def _remarks(episode: Told, said: Said) -> Iterable[str]:
    over = f", over on {episode.last.over}" if episode.last.over else ""
    was = f"was {comparison(episode.first.facts)}{over}" if episode.state is State.OVER else None
    notes = (note for note in episode.notes if note not in said.notes)
    return filter(None, [was, episode.last.facts.text, *notes])
