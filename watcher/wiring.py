"""Settings and rule book to live parts: the only place that builds adapters."""

import asyncio
import logging
import os
import platform
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TextIO

from watcher.calendar import NIGHT, timetable
from watcher.clock import SystemClock
from watcher.core.book import CONSOLE, RuleBook, url_variable
from watcher.core.market import Market
from watcher.core.sessions import Timetable
from watcher.core.watched import Gaps
from watcher.delivery.channels import AppriseChannel, ConsoleChannel, validate_url
from watcher.delivery.heartbeat import Heartbeat
from watcher.errors import ConfigurationError, StoreError
from watcher.jobs.cycle import Schedule
from watcher.jobs.ports import Channel, Clock, Upstream
from watcher.jobs.recovered import tell_news_again
from watcher.jobs.retain import retain
from watcher.jobs.tally import Counted, Tally
from watcher.rulebook import load
from watcher.rulebook.problem import Problem, printed
from watcher.settings import Settings
from watcher.store.file import FILE as STORE
from watcher.store.store import Store
from watcher.upstream.auth import Access
from watcher.upstream.client import Client
from watcher.upstream.kept import FILE as PACING
from watcher.upstream.kept import Moment, keep, usage_at
from watcher.upstream.pacing import Pacing, Rate, Usage
from watcher.writer import WriterThread

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Live:
    """The parts at work; `book` is replaced by a reload, in the writer's thread."""

    settings: Settings
    book: RuleBook
    clock: Clock
    store: Store
    writer: WriterThread
    upstream: Upstream
    pacing: Pacing
    channels: Mapping[str, Channel]
    console: TextIO
    tally: Tally = field(default_factory=Tally)

    def current_book(self) -> RuleBook:
        """Return the rules in force."""
        return self.book

    async def upkeep(self) -> None:
        """Make the day's backup and delete what is older than the retention, if that is due; what fails is logged."""
        now = self.clock.now()
        try:
            if await self.writer(lambda: self.store.backup_due(now)):
                made = await asyncio.to_thread(self.store.back_up, now)
                log.info("backed up", extra={"file": made.name})
            await self.writer(lambda: tell_news_again(self.store, self.book, now))
            forgotten = await retain(self.store, self.book, self.writer, now, self.settings.retention)
        except StoreError as error:
            log.error("upkeep failed", extra={"reason": str(error)})  # noqa: TRY400 - the reason says it all
            return
        if forgotten is not None:
            log.info("retained", extra={"rows": forgotten.rows, "transitions": forgotten.transitions})


def read_book(settings: Settings) -> tuple[RuleBook, tuple[Problem, ...]]:
    """Return the rule book and the warnings about it.

    Raises:
        ConfigurationError: it has errors; the message prints them all.
    """
    path = settings.rules_path
    loaded = load(path)
    if loaded.book is None:
        raise ConfigurationError("".join(printed(problem) for problem in loaded.problems).rstrip("\n"))
    return loaded.book, loaded.problems


def channels(book: RuleBook, settings: Settings, console: TextIO) -> dict[str, Channel]:
    """Return a channel for each that the book declares.

    Raises:
        ConfigurationError: a channel has no URL, or one that cannot be used; names each, and no secret.
    """
    built: dict[str, Channel] = {CONSOLE: ConsoleChannel(console)}
    missing, unusable = [], []
    for name in book.channels:
        if name == CONSOLE:
            continue
        url = settings.channel_url(name)
        if url is None:
            missing.append(name)
            continue
        if why := validate_url(url.get_secret_value()):
            unusable.append(f"the URL of channel {name} is unusable: {why}")
        built[name] = AppriseChannel(name, url.get_secret_value())
    if missing:
        wanted = ", ".join(map(url_variable, missing))
        unusable.append(f"these channels have no URL: {', '.join(missing)}; set {wanted}")
    if unusable:
        raise ConfigurationError("\n".join(unusable))
    return built


def pacing(settings: Settings, clock: SystemClock) -> Pacing:
    """Return the pacing of requests, of which none is used yet.

    Raises:
        ConfigurationError: the rate cannot be read.
    """
    try:
        return Pacing(Rate.parse(settings.upstream.rate), clock.monotonic)
    except ValueError as error:
        raise ConfigurationError(f"WATCHER_UPSTREAM__RATE: {error}") from None


def client(settings: Settings, clock: SystemClock, paced: Pacing) -> Client:
    """Return what asks upstream.

    Raises:
        ConfigurationError: there is no URL, or the token cannot be used, or its file not be read.
    """
    upstream = settings.upstream
    if upstream.url is None:
        raise ConfigurationError("where is upstream? Set WATCHER_UPSTREAM__URL=http://host:port")
    return Client(
        upstream.url,
        upstream.path,
        access=Access(
            upstream.token.get_secret_value() if upstream.token else None,
            upstream.token_file.expanduser() if upstream.token_file else None,
        ),
        pacing=paced,
        now=clock.now,
        timeout=upstream.timeout.total_seconds(),
        proxy=upstream.proxy.get_secret_value() if upstream.proxy else None,
        ca_file=upstream.ca_file.expanduser() if upstream.ca_file else None,
    )


@asynccontextmanager
async def _kept(
    paced: Pacing, path: Path, clock: SystemClock, writer: WriterThread, *, first: bool, rehearsal: bool
) -> AsyncIterator[None]:
    """Begin with what the last process used of the rate, and leave to the next what this one did."""

    def begin() -> Usage:
        used = usage_at(path, paced.rate, Moment(clock.uptime(), clock.now()), first=first)
        if not rehearsal:
            path.unlink(missing_ok=True)
        return used

    def leave(used: Usage) -> None:
        # a rehearsal asks, too; but if the file is gone, a daemon is at work, and will write it
        if not rehearsal or path.exists():
            keep(path, used, Moment(clock.uptime(), clock.now()))

    paced.resume(await writer(begin))
    try:
        yield
    finally:
        used = paced.usage
        await writer(lambda: leave(used))


def schedule(settings: Settings) -> Schedule:
    """Return when rows are to be expected."""
    markets = {Market.HK: settings.markets.hk, Market.US: settings.markets.us}

    def timetables(now: datetime) -> dict[Market, Timetable]:
        return {market: timetable(market, now, of.ready_after, of.closed) for market, of in markets.items()}

    gaps = Gaps(settings.schedule.probe_gaps, settings.schedule.straggler_gaps)
    shortest = NIGHT - max(of.ready_after for of in markets.values())
    return Schedule(timetables, gaps, settings.schedule.every is not None, shortest)


def heartbeat(settings: Settings) -> Heartbeat | None:
    """Return what tells somebody outside that all is well, if anybody is to be told.

    Raises:
        ConfigurationError: its URL cannot be used; says why, and not what it is.
    """
    url = settings.heartbeat.url
    try:
        return None if url is None else Heartbeat(url.get_secret_value())
    except ValueError as error:
        raise ConfigurationError(f"WATCHER_HEARTBEAT__URL: {error}") from None


def holder() -> str:
    """Return what names this process to people."""
    return f"process {os.getpid()} on {platform.node()}"


@asynccontextmanager
async def live(settings: Settings, book: RuleBook, console: TextIO, state: Path | None = None) -> AsyncIterator[Live]:
    """Open everything, and close it again.

    Raises:
        ConfigurationError: a channel or upstream is not configured.
        StoreError: the state directory cannot be used, or is in use.
    """
    clock = SystemClock()
    of_book = await asyncio.to_thread(channels, book, settings, console)
    paced = pacing(settings, clock)
    upstream = client(settings, clock, paced)
    writer = WriterThread()
    try:
        directory = state or settings.state_directory
        first = not await writer((settings.state_directory / STORE).exists)
        store = await writer(lambda: Store.open_for_writing(directory, holder(), clock.now()))
        try:
            kept_at = settings.state_directory / PACING
            kept = _kept(paced, kept_at, clock, writer, first=first, rehearsal=state is not None)
            async with kept, upstream:
                tally = Tally()
                counted = Counted(upstream, tally.answered)
                yield Live(settings, book, clock, store, writer, counted, paced, of_book, console, tally)
        finally:
            await writer(store.close)
    finally:
        writer.close()
