"""An archive of a market that never was: the same for the same seed, everywhere, with the oddities of a real one."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from watcher.core.answer import Answered
from watcher.core.market import Market, Position, Row, Symbol
from watcher.upstream import trading
from watcher.upstream.listing import LISTING, Security, more
from watcher.upstream.refusal import RetCode

_REVISED_SESSION = 2
"""The session, counted from the one after the first `as_of`, whose row is changed …"""
_REVISED_AFTER = 3
"""… and how many sessions later it is."""

_STRUCTURED = ("HK.1", "HK.2", "HK.5", "HK.6")
"""Warrants and callable contracts: a category that is not supported."""


@dataclass(frozen=True, slots=True)
class _History:
    rows: Sequence[Row]
    revised: Sequence[Row]
    """The same, with what is changed later."""
    revised_from: date
    """As of this date it is `revised` that is published."""
    positions: Sequence[Position]
    """Each with the date from which it is published."""


class SimulatedArchive:
    """Some twenty symbols of both markets as of a date, which moves on with every `advance`."""

    def __init__(self, seed: int, sessions: Mapping[Market, Sequence[date]], as_of: date, extra: int = 0) -> None:
        """Take the trade dates of each market, ascending, past and future of `as_of`; make `extra` symbols more.

        Ninety sessions before `as_of` fill the longest answer. Rows depend on the seed and on where the sessions
        begin, not on where they end.

        Raises:
            ValueError: no session is published as of `as_of`, or there are not so many codes.
        """
        self._seed = seed
        self._sessions = {market: tuple(dates) for market, dates in sessions.items() if dates}
        self._dates = sorted({when for dates in self._sessions.values() for when in dates})
        if not self._dates or self._dates[0] > as_of:
            raise ValueError(f"the simulated market has no session up to {as_of}")
        self._first = self._as_of = as_of
        listed = (*LISTING, *more(extra, seed))
        self._securities = {one.symbol: one for one in listed if one.market in self._sessions}
        self._histories: dict[Symbol, _History] = {}

    @property
    def as_of(self) -> date:
        """Rows after it are not published yet."""
        return self._as_of

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Every symbol it knows, the one without data included."""
        return tuple(self._securities)

    def answer(self, symbol: Symbol, count: int) -> Answered | RetCode:
        """Return the newest `count` published rows of `symbol`, and the newest published position."""
        security = self._securities.get(symbol)
        if security is None:
            return RetCode.UNSUPPORTED if symbol.startswith(_STRUCTURED) else RetCode.INVALID_SYMBOL
        if not security.shortable:
            return RetCode.NO_DATA
        history = self._history(security)
        published = history.revised if self._as_of >= history.revised_from else history.rows
        end = bisect_right(published, self._newest(security), key=_trade_date)
        if not end:
            return RetCode.NO_DATA
        rows = tuple(published[max(0, end - count) : end])
        held = bisect_right(history.positions, rows[-1].trade_date, key=_published)
        if not held:
            return Answered(symbol, rows)
        return Answered(symbol, rows, history.positions[held - 1]._replace(trade_date=rows[-1].trade_date))

    def advance(self) -> date | None:
        """Publish the next session of either market; return its date, or None if there is none."""
        index = bisect_right(self._dates, self._as_of)
        if index == len(self._dates):
            return None
        self._as_of = self._dates[index]
        return self._as_of

    def _newest(self, security: Security) -> date:
        """The newest date whose row may be published."""
        if not security.late:
            return self._as_of
        sessions = self._sessions[security.market]
        passed = bisect_right(sessions, self._as_of)
        return sessions[passed - 2] if passed > 1 else date.min

    def _history(self, security: Security) -> _History:
        """All rows there will ever be; made when first asked for: a thousand symbols cost nothing at the start."""
        known = self._histories.get(security.symbol)
        if known is not None:
            return known
        sessions = self._sessions[security.market]
        traded = trading.trading(security, sessions, self._seed)
        rows = trading.rows(security, traded)
        held = trading.positions(security, sessions, self._seed) if security.market is Market.HK else []
        history = _History(rows, rows, date.max, held)
        changed = bisect_right(sessions, self._first) + _REVISED_SESSION
        if security.revised and changed + _REVISED_AFTER < len(sessions):
            index = changed + trading.AVERAGED - 1
            traded[index] = trading.revised(traded[index])
            history = _History(rows, trading.rows(security, traded), sessions[changed + _REVISED_AFTER], held)
        self._histories[security.symbol] = history
        return history


def _trade_date(row: Row) -> date:
    return row.trade_date


def _published(position: Position) -> date:
    return position.trade_date
