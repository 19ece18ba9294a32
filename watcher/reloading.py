"""Rules that change while the daemon runs: taken up whole or not at all, and what is wrong with them is said once."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import structlog

from watcher import systemd
from watcher.core.book import RuleBook
from watcher.errors import ConfigurationError, StoreError
from watcher.jobs.notices import announce_recovery, announce_trouble, open_trouble
from watcher.jobs.take_up import take_up
from watcher.rulebook import Contents, Loaded, Start, checked, contents, difference, edits, keep_good, refusal
from watcher.rulebook.problem import Problem, printed
from watcher.wiring import Live, channels

TOPIC = "rules"
"""Of the operator's notice that the rules have errors."""
_AS_THEY_WERE = "the rules are as they were: {}"
_AGAIN = 10.0
"""Seconds until rules are taken up again that could not be stored."""

log = structlog.get_logger()


class Reloading:
    """Keeps the rules in force those of the file, or the last good ones while the file has errors."""

    def __init__(self, live: Live, rules: Path, state: Path, begun: Start) -> None:
        """Begin with what `begun` found at `rules`; the last good copy is kept in `state`."""
        self._live = live
        self._rules = rules
        self._state = state
        self._begun = begun
        self._one_at_a_time = asyncio.Lock()

    async def begin(self) -> None:
        """Take up the rules that were found at the start, and say so if they are not those of the file."""
        live = self._live
        await live.writer(lambda: take_up(live.store, live.book, live.clock.now()))
        if self._begun.last_good:
            lacks = self._begun.lacks
            text = refusal(self._begun.problems, self._state) if lacks is None else _AS_THEY_WERE.format(lacks)
            await self._refuse(text, self._begun.problems)
            return
        await self._keep(self._begun.files)
        await live.writer(self._recover)

    def edits(self) -> AsyncIterator[Contents]:
        """Yield what is in the files whenever they are others than before, until it is cancelled."""
        return edits(self._rules, self._begun.seen)

    async def reload(self, found: Contents | None = None) -> bool:
        """Take up what was found, or what is there now; return whether it is in force. A bad edit changes nothing.

        While the store cannot be written, it is tried again: nobody saves a file twice because another was locked.
        """
        async with self._one_at_a_time:
            while True:
                with _reported_to_systemd():
                    try:
                        return await self._reloaded(found)
                    except StoreError as error:
                        log.error("rules kept", reason=f"{error}; it is tried again")  # noqa: TRY400 - it says it all
                    except Exception:
                        log.exception("rules kept", reason="the new ones could not be taken up")
                        return False
                await asyncio.sleep(_AGAIN)

    async def _reloaded(self, found: Contents | None) -> bool:
        if found is None:
            found = await asyncio.to_thread(contents, self._rules)
        loaded = await asyncio.to_thread(checked, found)
        if loaded.book is None:
            await self._refuse(refusal(loaded.problems, self._state), loaded.problems)
            return False
        try:
            await self._take_up(loaded, loaded.book)
        except ConfigurationError as error:  # a channel without a URL, say
            await self._refuse(_AS_THEY_WERE.format(error))
            return False
        return True

    async def _take_up(self, loaded: Loaded, book: RuleBook) -> None:
        live = self._live
        if book.digest != live.book.digest:
            await self._replace(loaded, book)
        await self._keep(loaded.files)
        await live.writer(self._recover)

    async def _replace(self, loaded: Loaded, book: RuleBook) -> None:
        live = self._live
        for problem in loaded.problems:
            log.warning("rules", problem=printed(problem).splitlines()[0])
        for line in difference(live.book, book).lines:
            log.info("rules", change=line)
        of_book = await asyncio.to_thread(channels, book, live.settings, live.console)
        live.channels = {**live.channels, **of_book}  # both, until the new rules are in force
        told = await live.writer(lambda: self._swap(book))
        live.channels = of_book
        log.info("rules loaded", rules=len(book.rules), symbols=len(book.by_symbol), told=told)

    def _swap(self, book: RuleBook) -> int:
        """Take up a book, in the writer's thread: between two batches, never within one."""
        live = self._live
        taken = take_up(live.store, book, live.clock.now())
        live.book = book
        return len(taken)

    async def _keep(self, files: Mapping[str, bytes]) -> None:
        """Keep a copy of rules that are in force; that it cannot be written stops neither them nor the start."""
        try:
            await asyncio.to_thread(keep_good, self._state, files)
        except OSError as error:
            log.error("rules not copied", reason=f"should they be spoilt, older ones would run: {error}")  # noqa: TRY400

    async def _refuse(self, text: str, problems: tuple[Problem, ...] = ()) -> None:
        live = self._live
        for problem in problems:
            log.warning("rules", problem=printed(problem).splitlines()[0])
        log.error("rules kept", reason=text)

        def announce() -> None:
            with live.store.write() as tx:
                announce_trouble(tx, live.book, TOPIC, text, live.clock.now())

        await live.writer(announce)

    def _recover(self) -> None:
        live = self._live
        with live.store.read() as tx:
            if open_trouble(tx, TOPIC) is None:
                return
        with live.store.write() as tx:
            announce_recovery(tx, live.book, TOPIC, "the rules are in order again, and in force", live.clock.now())


@contextmanager
def _reported_to_systemd() -> Iterator[None]:
    systemd.reloading()
    try:
        yield
    finally:
        systemd.notify("READY=1")
