"""Requests: a fortnight of two markets, told by a simulated clock over real HTTP, and what it cost.

December 2025, from Monday 15th to Sunday 28th: both markets close early on Christmas Eve, New York is closed on the
25th, Hong Kong on the 25th and 26th. Rows are published up to three hours after the close, those of one symbol five;
two symbols have no data; upstream is down over one close of each market; everything is opened anew once a day.
"""

import asyncio
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.server import ordinary
from watcher.calendar import sessions
from watcher.core.alert import Kind
from watcher.core.answer import Answered, DataState
from watcher.core.book import RuleBook
from watcher.core.market import Market, Row, Symbol
from watcher.core.notice import WATCHER
from watcher.core.sessions import Session
from watcher.jobs.cycle import Cycled, Schedule, cycle, states_now
from watcher.jobs.take_up import take_up
from watcher.rulebook import read
from watcher.serving import served
from watcher.settings import Settings, UpstreamSettings
from watcher.simulation import simulated
from watcher.store.store import Store
from watcher.upstream.contract import PATH
from watcher.upstream.wire import body_of, refusal_body
from watcher.wiring import live, schedule

BEGIN, END = date(2025, 12, 15), date(2025, 12, 28)
STARTED = datetime(2025, 12, 14, 12, 0, tzinfo=UTC)
"""A Sunday; what all symbols have by then is asked for first, and not counted."""
ENDED = datetime(2025, 12, 29, 0, 0, tzinfo=UTC)
RESTARTS = time(3, 0)
"""In UTC, on every day: the middle of a session in Hong Kong."""
OUTAGE = (datetime(2025, 12, 17, 7, 0, tzinfo=UTC), datetime(2025, 12, 18, 0, 30, tzinfo=UTC))
LATE = timedelta(hours=5)


@dataclass
class ManualClock:
    """A clock that stands until it is set."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass
class Upstream:
    """The endpoint as of the clock: every row is published some time after its session's close."""

    clock: ManualClock
    symbols: Sequence[Symbol]
    closes: Mapping[Market, Mapping[date, datetime]]
    rows: dict[Symbol, tuple[Row, ...]] = field(default_factory=dict)
    asked: list[tuple[datetime, Symbol]] = field(default_factory=list)

    def __post_init__(self) -> None:
        archive = simulated(7, END, END, extra=len(self.symbols))
        for symbol in self.symbols:
            answer = archive.answer(symbol, 10_000)
            assert isinstance(answer, Answered)
            self.rows[symbol] = answer.rows
        self.late, *_, last = self.symbols
        self.no_data = frozenset({last, next(each for each in self.symbols[1:] if each.market is not last.market)})

    @property
    def down(self) -> bool:
        return OUTAGE[0] <= self.clock.at < OUTAGE[1]

    def published(self, symbol: Symbol, trade_date: date) -> datetime:
        """When a row came, or will come."""
        closed = self.closes[symbol.market][trade_date]
        if symbol == self.late:
            return closed + LATE
        # of most sessions symbol by symbol before anybody asks, of some only later, and then all at once
        of_symbol, of_session = _minutes(25, symbol, trade_date), _minutes(180, symbol.market, trade_date)
        return closed + timedelta(minutes=max(of_symbol, of_session))

    def known(self, symbol: Symbol) -> list[Row]:
        """The rows that are published by now, oldest first."""
        rows = self.rows[symbol]
        return [row for row in rows if self.published(symbol, row.trade_date) <= self.clock.at]

    async def answer(self, request: Request) -> Response:
        symbol = Symbol(request.path_params["symbol"])
        self.asked.append((self.clock.at, symbol))
        if self.down:
            return Response(b"<html>Bad Gateway</html>", 502, media_type="text/html")
        if symbol in self.no_data:
            return Response(refusal_body(-10, "no_data", "no short selling data"), media_type="application/json")
        rows = self.known(symbol)[-int(request.query_params["count"]) :]
        return Response(body_of(symbol.market, reversed(rows)), media_type="application/json")


@dataclass
class Fortnight:
    """What it cost."""

    symbols: int
    sessions: dict[Market, tuple[Session, ...]]
    first: int = 0
    requests: Counter[Market] = field(default_factory=Counter)
    closed: int = 0
    """Requests for symbols of a market on a day, in its zone, on which it had no session."""
    restarted: int = 0
    """Requests of the looks that follow a restart."""
    in_vain: int = 0
    """Requests that met the outage."""
    looks: int = 0
    missing: list[tuple[Symbol, date]] = field(default_factory=list)
    states: Counter[DataState] = field(default_factory=Counter)
    notices: list[tuple[Kind, str]] = field(default_factory=list)
    """What the operator was told: opened or resolved, and of what."""

    @property
    def wanted(self) -> int:
        """Rows that there were to get: a session of a symbol each; without the symbols that have no data."""
        return sum(len(found) for found in self.sessions.values()) * (self.symbols // len(Market))

    @property
    def sentinels(self) -> int:
        """Probes that come on top: ten for each session, five gaps and what a late publication takes."""
        return 10 * sum(len(found) for found in self.sessions.values())

    @property
    def answered(self) -> int:
        return sum(self.requests.values()) - self.in_vain

    @property
    def hourly(self) -> int:
        """What a loop would have asked that polls everything every hour."""
        return self.symbols * int((ENDED - STARTED) / timedelta(hours=1))


def _minutes(most: int, *of: object) -> int:
    return zlib.crc32(repr(of).encode()) % most


def book(symbols: Sequence[Symbol]) -> RuleBook:
    names = ", ".join(f'"{symbol}"' for symbol in symbols)
    text = f'[[rule]]\nname = "level"\nsymbols = [{names}]\nwhen = "daily_trade_avg_ratio > 100"\n'
    loaded = read({"bench.toml": text.encode()})
    assert loaded.book is not None, loaded.problems
    return loaded.book


async def fortnight(count: int, state: Path) -> Fortnight:
    """Live through it with `count` symbols, half of them of either market."""
    symbols = ordinary(count)
    clock = ManualClock(STARTED)
    of_markets = {market: sessions(market, date(2025, 1, 1), END) for market in Market}
    closes = {market: {each.trade_date: each.closes for each in found} for market, found in of_markets.items()}
    upstream = Upstream(clock, symbols, closes)
    found = Fortnight(count, {market: sessions(market, BEGIN, END) for market in Market})
    rules = book(symbols)
    async with served(Starlette(routes=[Route(PATH, upstream.answer)]), "127.0.0.1", 0) as url:
        configured = Settings.model_construct(state=state, upstream=UpstreamSettings(url=url, rate="100000/0.001s"))
        while clock.at < ENDED:
            next_day = datetime.combine(clock.at.date() + timedelta(days=clock.at.time() >= RESTARTS), RESTARTS, UTC)
            await _until(min(next_day, ENDED), configured, rules, clock, upstream, found)
    _count(upstream, found)
    return found


async def _until(
    end: datetime, configured: Settings, rules: RuleBook, clock: ManualClock, upstream: Upstream, found: Fortnight
) -> None:
    """Open everything anew, go from wake-up to wake-up, and close it all; this is what the daemon does all day."""
    planned = schedule(configured)
    async with live(configured, rules, StringIO()) as parts:

        async def look() -> Cycled:
            found.looks += 1
            return await cycle(parts.current_book, parts.upstream, parts.store, parts.writer, clock, planned)

        await parts.writer(lambda: take_up(parts.store, rules, clock.now()))
        before = len(upstream.asked)
        done = await look()
        asked = len(upstream.asked) - before
        if clock.at == STARTED:
            found.first = asked
        else:
            found.restarted += asked
        while clock.at < end:
            assert done.wake is not None
            assert done.wake > clock.at, "it would look again for ever"
            clock.at = min(done.wake, end)
            if clock.at < end:
                done = await look()
        if end == ENDED:
            await parts.writer(lambda: _stored(parts.store, clock.now(), upstream, found, planned))


def _stored(store: Store, now: datetime, upstream: Upstream, found: Fortnight, planned: Schedule) -> None:
    """Compare what is stored with what was published."""
    with store.read() as tx:
        rows = tx.rows.newest(upstream.symbols)
        found.states = Counter(state.state for state in states_now(tx, upstream.symbols, planned, now).values())
        found.notices = [(each.report.kind, each.report.rule) for each in tx.history.recorded([WATCHER], None)]
    for symbol in set(upstream.symbols) - upstream.no_data:
        stored = {row.trade_date for row in rows.get(symbol, ())}
        for row in upstream.known(symbol)[-40:]:
            if row.trade_date not in stored:
                found.missing.append((symbol, row.trade_date))


def _count(upstream: Upstream, found: Fortnight) -> None:
    open_days = {market: {each.trade_date for each in of_market} for market, of_market in found.sessions.items()}
    for at, symbol in upstream.asked[found.first :]:
        found.requests[symbol.market] += 1
        found.closed += at.astimezone(ZoneInfo(symbol.market.zone)).date() not in open_days[symbol.market]
        found.in_vain += OUTAGE[0] <= at < OUTAGE[1]


def main(count: int = 1000) -> None:
    with TemporaryDirectory(prefix="watcher-bench-") as state:
        found = asyncio.run(fortnight(count, Path(state)))
    total = sum(found.requests.values())
    print(f"requests: {count} symbols of two markets, {BEGIN} to {END}, {found.looks} looks")
    for market, of_market in found.sessions.items():
        print(f"  {market}: {len(of_market):2} sessions       {found.requests[market]:8} requests")
    print(f"  at the first start         {found.first:8}")
    print(f"  on closed days             {found.closed:8}   (aim: 0)")
    print(f"  after restarts             {found.restarted:8}   (aim: 0)")
    print(f"  met the outage             {found.in_vain:8}")
    print(f"  per symbol and session     {found.answered / found.wanted:8.3f}   (aim: 1.05 or less, and sentinels)")
    print(f"  rows not stored            {len(found.missing):8}   (aim: 0)")
    print(f"  an hourly loop             {found.hourly:8} requests, {found.hourly / total:.0f} times as many (aim: 20)")
