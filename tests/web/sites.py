"""The site on a real socket, over a store that a test fills; the event loop is in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import TypeVar

import httpx

from tests.conftest import NOW
from tests.end_to_end.live import ManualClock, settings
from watcher.core.answer import Answer
from watcher.core.book import RuleBook
from watcher.jobs.deliver import deliver
from watcher.jobs.poll import poll
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.rulebook import keep_good, load
from watcher.serving import served
from watcher.settings import ScheduleSettings
from watcher.viewing import pages
from watcher.web.access import LOOPBACK
from watcher.web.site import site
from watcher.wiring import Live, live

_T = TypeVar("_T")
UNUSED = "http://127.0.0.1:9"
PAGES = ("/", "/symbols/US.XRT", "/rules", "/episodes")


class Visited:
    """A site that runs, the parts that it shows, and a browser of sorts."""

    def __init__(self, url: str, parts: Live, clock: ManualClock, loop: asyncio.AbstractEventLoop) -> None:
        self.url = url
        self.parts = parts
        self.clock = clock
        self._loop = loop

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=30)

    def text(self, path: str) -> str:
        """Return a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def within(self, work: Callable[[], _T]) -> _T:
        """Return what `work` returns in the thread that may touch the store."""
        return asyncio.run_coroutine_threadsafe(self.parts.writer(work), self._loop).result(30)

    def wait_for(self, work: Coroutine[object, object, _T]) -> _T:
        """Return what `work` comes to in the event loop of the site."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def cycle(self, now: datetime) -> None:
        """Ask for everything and tell what is to be told, as of a moment."""
        parts = self.parts
        self.clock.pass_by(now - self.clock.now())
        symbols = list(parts.book.by_symbol)
        done = self.wait_for(poll(symbols, parts.current_book, parts.upstream, parts.store, parts.writer, parts.clock))
        self.wait_for(deliver(parts.store, parts.channels, parts.current_book, parts.writer, parts.clock, lambda: 0.0))
        troubled = len(done.troubled)
        self.within(lambda: parts.store.note_cycle(done.started, done.ended, len(done.states), troubled))

    def answered(self, answers: Sequence[Answer], now: datetime | None = None) -> None:
        """Record what upstream is said to have answered."""
        parts = self.parts
        self.within(lambda: record(parts.store, parts.book, answers, now or self.clock.now()))


@contextmanager
def visited(
    directory: Path,
    rules: str,
    *,
    upstream: str = UNUSED,
    channels: Mapping[str, str] | None = None,
    token: str | None = None,
    hosts: Collection[str] | None = LOOPBACK,
    every: ScheduleSettings | None = None,
    now: datetime = NOW,
) -> Iterator[Visited]:
    """Serve the pages of a watcher by `rules`, which were taken up and found nothing yet; it asks only when told."""
    path = directory / "rules.toml"
    path.write_text(rules, "utf-8")
    of_rules = settings(upstream, directory / "state", channels)
    of_rules = of_rules.model_copy(update={"rules": path, "schedule": every or of_rules.schedule})
    loaded = load(path)
    assert loaded.book is not None, loaded.problems
    keep_good(of_rules.state_directory, loaded.files)
    ready, ended = threading.Event(), threading.Event()
    found: list[Visited] = []

    async def run(book: RuleBook) -> None:
        clock = ManualClock(now)
        async with live(of_rules, book, StringIO()) as parts:
            parts.clock = clock
            await parts.writer(lambda: take_up(parts.store, book, clock.now()))
            async with served(site(pages(parts), [], token=token, hosts=hosts), "127.0.0.1", 0) as url:
                found.append(Visited(url, parts, clock, asyncio.get_running_loop()))
                ready.set()
                await asyncio.to_thread(ended.wait)

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(asyncio.run, run(loaded.book))
        running.add_done_callback(lambda _: ready.set())
        ready.wait()
        try:
            if found:
                yield found[0]
        finally:
            ended.set()
            running.result(30)
