"""The simulated market with real trading sessions: what `watcher demo` and `watcher upstream --simulate` serve."""

from datetime import date, timedelta

from watcher.calendar import sessions
from watcher.core.market import Market
from watcher.upstream.simulator import SimulatedArchive

_HISTORY = timedelta(days=200)
"""Holds the ninety sessions of the longest answer, and those that their averages look back on."""


def simulated(seed: int, as_of: date, last: date, extra: int = 0) -> SimulatedArchive:
    """Return a market whose sessions are published up to `as_of`, and then one by one up to `last`.

    The history before depends on `as_of`; so does every figure after it.
    """
    first = as_of - _HISTORY
    dates = {market: [each.trade_date for each in sessions(market, first, last)] for market in Market}
    return SimulatedArchive(seed, dates, as_of, extra)
