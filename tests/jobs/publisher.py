"""The endpoint on a loopback socket, publishing sessions when told, and the clock and parts that ask it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.builders import book, hk_row, rule, us_row
from tests.end_to_end.live import ManualClock, settings
from watcher.calendar import latest_sessions
from watcher.core.book import RuleBook
from watcher.core.market import Market, Row, Symbol
from watcher.jobs.cycle import Cycled, cycle
from watcher.jobs.take_up import take_up
from watcher.serving import served
from watcher.upstream.contract import PATH
from watcher.upstream.wire import body_of, refusal_body
from watcher.wiring import Live, live, schedule

NO_DATA, INVALID, DENIED = (
    Response(refusal_body(code, name, name), media_type="application/json")
    for code, name in ((-10, "no_data"), (-7, "invalid_symbol"), (-9, "permission_denied"))
)
BROKEN = Response(b"<html>Bad Gateway</html>", 502, media_type="text/html")


class Publisher:
    """Answers with the rows up to a market's newest session; single symbols may be late, or answered otherwise."""

    def __init__(self, newest: str) -> None:
        self.newest = {market: date.fromisoformat(newest) for market in Market}
        self.of_symbol: dict[str, date | Response] = {}
        self.down: Response | None = None
        self.asked: list[str] = []
        self.counts: list[int] = []
        """How many rows each request asked for."""

    def publish(self, newest: str, *markets: Market) -> None:
        """Publish the sessions up to a day."""
        for market in markets or Market:
            self.newest[market] = date.fromisoformat(newest)

    def taken(self) -> list[str]:
        """Return the symbols that were asked for since this was asked last, in this order."""
        asked, self.asked = self.asked, []
        return asked

    async def answer(self, request: Request) -> Response:
        symbol, count = Symbol(request.path_params["symbol"]), int(request.query_params["count"])
        self.asked.append(symbol)
        self.counts.append(count)
        if self.down is not None:
            return self.down
        newest = self.of_symbol.get(symbol, self.newest[symbol.market])
        if isinstance(newest, Response):
            return newest
        return Response(body_of(symbol.market, reversed(_rows(symbol, newest, count))), media_type="application/json")


def _rows(symbol: Symbol, newest: date, count: int) -> list[Row]:
    dates = [each.trade_date for each in latest_sessions(symbol.market, count, newest)]
    if symbol.market is Market.HK:
        return [hk_row(when, daily_trade_avg_ratio=10.0) for when in dates]
    return [us_row(when, daily_trade_avg_ratio=10.0) for when in dates]


def watching(*symbols: str) -> RuleBook:
    """Return a rule book that names these symbols, and whose rule never fires."""
    return book(rule("level", "daily_trade_avg_ratio > 90", symbols=symbols), digest=",".join(symbols))


class Watching:
    """The parts at work at one publisher, at a moment that is moved by hand."""

    def __init__(self, parts: Live, clock: ManualClock, publisher: Publisher) -> None:
        self.parts = parts
        self.clock = clock
        self.publisher = publisher

    async def look(self, at: datetime, *, away: bool = False) -> tuple[Cycled, list[str]]:
        """Run a cycle at a moment; return it, and whom it asked for."""
        parts = self.parts
        self.clock.pass_by(at - self.clock.now())
        done = await cycle(
            parts.current_book,
            parts.upstream,
            parts.store,
            parts.writer,
            self.clock,
            schedule(parts.settings),
            away=away,
        )
        return done, self.publisher.taken()

    async def take_up(self, rules: RuleBook) -> None:
        """Swap the rules, as a reload does."""
        self.parts.book = rules
        await self.parts.writer(lambda: take_up(self.parts.store, rules, self.clock.now()))


@asynccontextmanager
async def watched(
    publisher: Publisher, state: Path, at: datetime, symbols: Sequence[str], **more: object
) -> AsyncIterator[Watching]:
    """Serve the publisher, and open everything that asks it, anew."""
    clock, rules = ManualClock(at), watching(*symbols)
    async with served(Starlette(routes=[Route(PATH, publisher.answer)]), "127.0.0.1", 0) as url:
        configured = settings(url, state).model_copy(update=more)
        async with live(configured, rules, StringIO()) as parts:
            at_work = Watching(parts, clock, publisher)
            await at_work.take_up(rules)
            yield at_work


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)
