"""History: what was recorded, episode by episode, with every attempt to tell it."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby

from watcher.core.history import PastEpisode, Recorded
from watcher.core.market import Symbol
from watcher.jobs.ports import Store


def history(
    store: Store,
    symbols: Sequence[str] | None = None,
    rules: Sequence[str] | None = None,
    since: datetime | None = None,
) -> list[PastEpisode]:
    """Return the episodes of these symbols and rules, all of them without, in the order they were last heard of.

    With `since`, only those of which something was recorded from that moment on, whole.
    """
    with store.read() as tx:
        recorded = tx.history.recorded(symbols, rules)
    by_episode = sorted(recorded, key=_episode)  # stable: in order of their numbers within each
    episodes = [
        PastEpisode(rule, Symbol(symbol), episode, tuple(transitions))
        for (symbol, rule, episode), transitions in groupby(by_episode, key=_episode)
    ]
    wanted = [each for each in episodes if since is None or each.transitions[-1].at >= since]
    return sorted(wanted, key=lambda each: (each.transitions[-1].at, each.episode))


def _episode(recorded: Recorded) -> tuple[str, str, date]:
    return recorded.report.symbol, recorded.report.rule, recorded.report.episode
