"""How a simulated security trades: prices, volumes and short selling, session by session.

Bit for bit the same on every machine for the same seed: of floating point only + - * / and rounding are used, since
the last digit of exp, log and the like is the C library's own, and a random walk makes it the first before long.
"""

import random
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from math import fsum
from typing import NamedTuple, TypeAlias

from watcher.core.market import HkRow, Market, Position, Row, UsRow
from watcher.upstream.listing import Security

AVERAGED = 20
"""Sessions that `daily_trade_avg_ratio` is the average of."""

POSITION_LAG = timedelta(days=7)
"""Positions are of the last session of a week, and come a week later."""

_Draw: TypeAlias = Callable[[], float]

_STEPS: Mapping[Market, tuple[tuple[float, ...], tuple[float, ...]]] = {
    Market.HK: ((0.5, 10.0, 20.0, 100.0, 200.0, 500.0, 1000.0), (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)),
    Market.US: ((), (0.01,)),
}
"""Prices at which the steps that prices come in become larger, and the steps, one more."""
_LOTS: Mapping[Market, int] = {Market.HK: 100, Market.US: 1}
"""Shares that are traded together."""


class Trading(NamedTuple):
    """One session of one security."""

    trade_date: date
    traded: int
    short: int
    opened: float
    close: float
    last_close: float
    price: float
    """Average of the session, by volume."""
    short_price: float
    """The same of what was sold short."""

    @property
    def ratio(self) -> float:
        """Percent of the shares traded that were sold short."""
        return self.short / self.traded * 100


def trading(security: Security, sessions: Sequence[date], seed: int) -> list[Trading]:
    """Return every session that `security` was traded in, oldest first, after as many earlier ones as an average takes.

    Those earlier ones are dated before the first of `sessions`.
    """
    draw = random.Random(f"{seed}/{security.symbol}").random  # noqa: S311 - a simulation, not a secret
    before = [sessions[0] - timedelta(days=days) for days in range(AVERAGED - 1, 0, -1)]
    traded: list[Trading] = []
    steps, lot = _STEPS[security.market], _LOTS[security.market]
    last_close, level, squeeze, pressure = security.price, security.ratio, 0, 1.0
    for trade_date in (*before, *sessions):
        if not squeeze and draw() < security.squeezes:
            squeeze, pressure = 5 + int(8 * draw()), 1.6 + 0.9 * draw()
        squeezed = squeeze > 0
        squeeze -= squeezed
        # the level creeps after its target, so that the ratio trends for weeks; the single session scatters around it
        target = security.ratio * (pressure if squeezed else 1.0)
        level += 0.14 * (target - level) + 0.035 * security.ratio * _normal(draw)
        ratio = min(max(level + 0.09 * security.ratio * _normal(draw), 0.4), 97.0)
        shares = security.shares * _grown(0.3 * _normal(draw)) * (2.1 if squeezed else 1.0)
        if draw() < 0.03:
            shares *= 1.8 + 2.5 * draw()
        pull = 0.01 * (1 - last_close / security.price)
        move = security.volatility * (_normal(draw) + (1.1 if squeezed else 0.0)) + pull
        gap = 0.4 * security.volatility * _normal(draw)
        if draw() >= security.trades and trade_date >= sessions[0]:
            continue
        opened, close = _stepped(last_close * _grown(gap), steps), _stepped(last_close * _grown(move), steps)
        lots = max(int(shares / lot), 1)
        traded.append(
            Trading(
                trade_date,
                lots * lot,
                int(lots * ratio / 100) * lot,
                opened,
                close,
                last_close,
                opened + (close - opened) * draw(),
                opened + (close - opened) * draw(),
            )
        )
        last_close = close
    return traded


def rows(security: Security, traded: Sequence[Trading]) -> list[Row]:
    """Return the rows that are published of `traded`, but for those that only come in as an average's beginning."""
    ratios = [session.ratio for session in traded]
    row = _hk_row if security.market is Market.HK else _us_row
    return [
        row(traded[index], round(fsum(ratios[index - AVERAGED + 1 : index + 1]) / AVERAGED, 2))
        for index in range(AVERAGED - 1, len(traded))
    ]


def revised(session: Trading) -> Trading:
    """Return the session as it is published again: a third more was sold short, or half less if there is no room."""
    short = session.short + session.short // 3
    return session._replace(short=short if short <= session.traded else session.short // 2)


def positions(security: Security, sessions: Sequence[date], seed: int) -> list[Position]:
    """Return the position of the last session of each week that is over, oldest first; each with the date it comes."""
    draw = random.Random(f"{seed}/{security.symbol}/positions").random  # noqa: S311 - a simulation, not a secret
    outstanding = security.shares * (200 + int(400 * draw()))
    share = usual = 0.3 + 2.5 * draw()
    found = []
    for session, following in pairwise(sessions):
        if session.isocalendar()[:2] == following.isocalendar()[:2]:
            continue
        share = max(share + 0.1 * (usual - share) + 0.05 * usual * _normal(draw), 0.02)
        found.append(Position(session, session + POSITION_LAG, int(outstanding * share / 100), round(share, 2)))
    return found


def _hk_row(session: Trading, average: float) -> HkRow:
    turnover = round(session.traded * session.price, 3)
    return HkRow(
        session.trade_date,
        session.traded,
        turnover,
        session.short,
        min(round(session.short * session.short_price, 3), turnover),
        session.opened,
        session.close,
        session.last_close,
        average,
    )


def _us_row(session: Trading, average: float) -> UsRow:
    nasdaq = session.short * 11 // 20
    return UsRow(
        session.trade_date,
        session.short,
        nasdaq,
        session.short - nasdaq,
        session.short * 100_000 // session.traded / 1000,  # cut to three decimals, not rounded
        session.traded,
        session.close,
        session.last_close,
        average,
    )


def _stepped(price: float, steps: tuple[tuple[float, ...], tuple[float, ...]]) -> float:
    step = steps[1][bisect(steps[0], price)]
    return round((round(price / step) or 1) * step, 3)


def _normal(draw: _Draw) -> float:
    """About as likely as a normal deviate, never beyond 3."""
    return 2 * (draw() + draw() + draw() - 1.5)


def _grown(by: float) -> float:
    """About e to the power of `by`."""
    grown = 1 + by / 64
    for _ in range(6):
        grown *= grown
    return grown
