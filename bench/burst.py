"""A thousand openings in one cycle to a mail channel: from commit to the last mail, beside smtplib with the same."""

import asyncio
import random
import smtplib
import statistics
import time
from datetime import date
from email import message_from_bytes
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from bench.receivers import free_port, receiving
from watcher.core.answer import Answered
from watcher.core.book import RuleBook
from watcher.core.market import HkRow, Symbol
from watcher.jobs.deliver import deliver
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.rulebook import read
from watcher.settings import Settings, UpstreamSettings
from watcher.wiring import live

ROUNDS = 5


class Mails:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.contents.append(envelope.content)
        return "250 OK"


def book(symbols: list[Symbol]) -> RuleBook:
    names = ", ".join(f'"{symbol}"' for symbol in symbols)
    text = f'[channels.mail]\n[[rule]]\nname = "r"\nsymbols = [{names}]\nwhen = "turnover > 1"\nnotify = ["mail"]\n'
    loaded = read({"bench.toml": text.encode()})
    assert loaded.book is not None, loaded.problems
    return loaded.book


async def ours(url: str, count: int) -> tuple[float, float]:
    """Seconds from the commit of all openings to the answer to the last mail, and how many of CPU that took."""
    rules = book([Symbol(f"HK.{number:05d}") for number in range(count)])
    with TemporaryDirectory(prefix="watcher-bench-") as state:
        settings = Settings(
            upstream=UpstreamSettings(url="http://127.0.0.1:1"),
            state=Path(state),
            channels={"mail": url},  # type: ignore[dict-item]  # pydantic makes a secret of it
        )
        async with live(settings, rules, StringIO()) as parts:
            answers = [Answered(symbol, (HkRow(date(2026, 1, 5), turnover=2.0),)) for symbol in rules.by_symbol]

            def commit() -> None:
                take_up(parts.store, rules, parts.clock.now())
                record(parts.store, rules, answers, parts.clock.now())

            await parts.writer(commit)
            began, used = time.perf_counter(), time.process_time()
            attempts = await deliver(
                parts.store, parts.channels, parts.current_book, parts.writer, parts.clock, random.random
            )
            seconds = time.perf_counter() - began, time.process_time() - used
            assert len(attempts) == 1, "one digest"
            return seconds


def bare(port: int, contents: list[bytes]) -> float:
    """Seconds for smtplib to send the same mails, a connection each."""
    mails = [message_from_bytes(content) for content in contents]
    began = time.perf_counter()
    for mail in mails:
        with smtplib.SMTP("127.0.0.1", port) as connection:
            connection.send_message(mail, "a@example.com", ["b@example.com"])
    return time.perf_counter() - began


def mails_of(count: int) -> list[bytes]:
    """What the digest of so many openings is sent as."""
    mails, port = Mails(), free_port()
    server = Controller(mails, hostname="127.0.0.1", port=port)
    server.start()
    asyncio.run(ours(f"mailto://127.0.0.1:{port}?from=a@example.com&to=b@example.com&smtp=127.0.0.1", count))
    server.stop()
    return mails.contents


def main(count: int = 1000) -> None:
    contents = mails_of(count)
    mine, theirs = [], []
    with receiving() as receivers:
        port = urlsplit(receivers.mail).port
        assert port is not None
        for _ in range(ROUNDS):
            mine.append(asyncio.run(ours(receivers.mail, count)))
            assert len(receivers.arrived()["mail"]) == count
            theirs.append(bare(port, contents))
            receivers.arrived()
    print(f"burst: {count} openings in one cycle, one digest in {len(contents)} mails, {ROUNDS} rounds (medians)")
    wall, cpu = zip(*mine, strict=True)
    print(f"  commit to told   {statistics.median(wall):8.2f} s   (aim: 1 or less; worst {max(wall):.2f})")
    print(f"    of it, our CPU {statistics.median(cpu):8.2f} s   what it takes where nothing else runs")
    print(f"  bare smtplib     {statistics.median(theirs):8.2f} s   the same mails, written already")
