"""Settings and rule book to live parts: the only place that builds adapters."""

import asyncio
import os
import platform
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

from watcher.clock import SystemClock
from watcher.core.book import CONSOLE, RuleBook
from watcher.delivery.channels import AppriseChannel, ConsoleChannel, validate_url
from watcher.errors import ConfigurationError
from watcher.jobs.ports import Channel, Clock
from watcher.rulebook import load
from watcher.rulebook.problem import Problem, printed
from watcher.settings import Settings
from watcher.store.store import Store
from watcher.upstream.client import Client
from watcher.upstream.pacing import Pacing, Rate

_T = TypeVar("_T")


class WriterThread:
    """The one thread that touches the store, so that the event loop never waits for the disk."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")

    async def __call__(self, work: Callable[[], _T]) -> _T:
        """Return what `work` returns; once begun, it is done, even if who waits for it is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Finish what was begun."""
        self._thread.shutdown(wait=True, cancel_futures=True)


@dataclass(slots=True)
class Live:
    """The parts at work; `book` is replaced by a reload, in the writer's thread."""

    settings: Settings
    book: RuleBook
    clock: Clock
    store: Store
    writer: WriterThread
    upstream: Client
    channels: Mapping[str, Channel]
    console: TextIO

    def current_book(self) -> RuleBook:
        """Return the rules in force."""
        return self.book


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
        wanted = ", ".join(f"WATCHER_CHANNELS__{name.upper().replace('-', '_')}" for name in missing)
        unusable.append(f"these channels have no URL: {', '.join(missing)}; set {wanted}")
    if unusable:
        raise ConfigurationError("\n".join(unusable))
    return built


def client(settings: Settings, clock: SystemClock) -> Client:
    """Return what asks upstream.

    Raises:
        ConfigurationError: there is no URL, or the rate or the token file cannot be read.
    """
    upstream = settings.upstream
    if upstream.url is None:
        raise ConfigurationError("where is upstream? Set WATCHER_UPSTREAM__URL=http://host:port")
    try:
        rate = Rate.parse(upstream.rate)
    except ValueError as error:
        raise ConfigurationError(f"WATCHER_UPSTREAM__RATE: {error}") from None
    return Client(
        upstream.url,
        upstream.path,
        token=_token(settings),
        pacing=Pacing(rate, clock.monotonic),
        now=clock.now,
        timeout=upstream.timeout.total_seconds(),
        proxy=upstream.proxy.get_secret_value() if upstream.proxy else None,
        ca_file=upstream.ca_file,
    )


def _token(settings: Settings) -> str | None:
    upstream = settings.upstream
    if upstream.token is not None:
        return upstream.token.get_secret_value()
    if upstream.token_file is None:
        return None
    try:
        return upstream.token_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{upstream.token_file}, the token file, cannot be read: {error}") from None


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
    upstream = client(settings, clock)
    writer = WriterThread()
    try:
        directory = state or settings.state_directory
        store = await writer(lambda: Store.open_for_writing(directory, holder(), clock.now()))
        try:
            async with upstream:
                yield Live(settings, book, clock, store, writer, upstream, of_book, console)
        finally:
            await writer(store.close)
    finally:
        writer.close()
