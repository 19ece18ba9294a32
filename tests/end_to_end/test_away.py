"""Ten sessions without the watcher: one message for each channel, and history as if it had been there."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from datetime import date
from email import message_from_bytes, policy
from io import StringIO
from pathlib import Path

import pytest

from tests.builders import sessions, us_row
from tests.delivery.receivers import Mailbox, Webhook, mailserver, status
from tests.end_to_end.live import rules, settings
from tests.upstream.servers import serving
from watcher.core.alert import Kind
from watcher.core.answer import Answered
from watcher.core.market import Symbol
from watcher.jobs.deliver import deliver
from watcher.jobs.poll import poll
from watcher.jobs.take_up import take_up
from watcher.store import opening
from watcher.upstream.refusal import RetCode
from watcher.upstream.server import create_app
from watcher.wiring import Live, live

SYMBOLS = [Symbol(f"US.S{number:02d}") for number in range(40)]
DATES = sessions(30)
MISSED = DATES[-10:]
BOOK = rules(
    f'[channels.hook]\n[channels.mail]\n[[rule]]\nname = "level"\nsymbols = {list(map(str, SYMBOLS))}\n'
    'when = "short_percent > 50"\nnotify = ["hook", "mail"]\n'
)


def published(symbol: Symbol, when: date) -> float:
    """A value that stays for a few sessions on one side of the limit, and then is on the other."""
    return 80.0 if random.Random(f"{symbol} {(when.toordinal() + SYMBOLS.index(symbol)) // 4}").random() < 0.5 else 20.0


class Archive:
    """Publishes the sessions up to a date."""

    def __init__(self, as_of: date) -> None:
        self.as_of = as_of

    def advance(self) -> date | None:
        self.as_of = DATES[min(DATES.index(self.as_of) + 1, len(DATES) - 1)]
        return self.as_of

    def answer(self, symbol: Symbol, count: int) -> Answered | RetCode:
        dates = [when for when in DATES if when <= self.as_of][-count:]
        return Answered(symbol, tuple(us_row(when, short_percent=published(symbol, when)) for when in dates))


def at_work(url: str, state: Path, channels: dict[str, str], work: Callable[[Live], Awaitable[None]]) -> None:
    """Do some work with a watcher that is started for it."""

    async def start() -> None:
        async with live(settings(url, state, channels), BOOK, StringIO()) as parts:
            await parts.writer(lambda: take_up(parts.store, BOOK, parts.clock.now()))
            await work(parts)

    asyncio.run(start())


async def cycle(parts: Live, *, away: bool) -> None:
    await poll(SYMBOLS, parts.current_book, parts.upstream, parts.store, parts.writer, parts.clock, away=away)
    await deliver(parts.store, parts.channels, parts.current_book, parts.writer, parts.clock, lambda: 0.0)


def expected() -> set[tuple[str, Kind, date]]:
    """What happened on the sessions that were missed, by the published values alone."""
    found = set()
    for symbol in SYMBOLS:
        for before, when in zip(DATES[-11:], MISSED, strict=False):
            was, now = published(symbol, before) > 50, published(symbol, when) > 50
            if was != now:
                found.add((str(symbol), Kind.OPENED if now else Kind.RESOLVED, when))
    return found


def test_ten_missed_sessions_of_forty_symbols_are_one_message_and_all_of_it_is_history(tmp_path: Path) -> None:
    archive, mailbox = Archive(DATES[-11]), Mailbox()
    recorded: list[tuple[str, Kind, date]] = []

    async def before(parts: Live) -> None:
        await cycle(parts, away=False)

    async def after(parts: Live) -> None:
        with parts.store.read() as tx:
            known = len(tx.history.recorded(None, None))
        await cycle(parts, away=True)
        with parts.store.read() as tx:
            reports = [each.report for each in sorted(tx.history.recorded(None, None), key=lambda each: each.at)]
        recorded.extend((report.symbol, report.kind, report.trade_date) for report in reports[known:])

    with (
        serving(create_app(archive)) as url,
        Webhook(status(200)) as hook,
        mailserver(mailbox) as mails,
    ):
        channels = {"hook": hook.url, "mail": mails.url()}
        at_work(url, tmp_path, channels, before)
        assert (len(hook.bodies), len(mailbox.envelopes)) == (1, 1), "what fires at first sight"
        archive.as_of = DATES[-1]
        at_work(url, tmp_path, channels, after)
        at_work(url, tmp_path, channels, before)

    happened = expected()
    assert len(happened) > 60
    assert {when for _, _, when in happened} == set(MISSED)
    assert len(recorded) == len(happened), "nothing twice"
    assert set(recorded) == happened, "each under its own date"

    assert (len(hook.bodies), len(mailbox.envelopes)) == (2, 2)
    told = hook.bodies[1]
    assert told["title"].endswith("while the watcher was away")
    ids = re.findall(r"\[[a-z2-7]{8}\]", told["message"])
    assert len(ids) == len(set(ids))
    fires = [mark in "▲●" for mark in re.findall("^[▲●◇✓✗]", told["message"], re.MULTILINE)]
    assert fires == sorted(fires, reverse=True), "what still fires comes first"
    content = mailbox.envelopes[1].content
    assert isinstance(content, bytes)
    mail = message_from_bytes(content, policy=policy.default).get_body(("html",))
    assert mail is not None
    assert len(re.findall(r"\[[a-z2-7]{8}\]", mail.get_content())) == len(ids)


@pytest.mark.parametrize("away", [False, True])
def test_a_cycle_with_nothing_new_begins_no_transaction_that_writes(tmp_path: Path, away: bool) -> None:
    archive = Archive(DATES[-1])
    statements: list[str] = []

    async def twice(parts: Live) -> None:
        await cycle(parts, away=False)

        def listen() -> None:
            with parts.store._reader.connect() as connection:
                opening.driver(connection).set_trace_callback(statements.append)

        await parts.writer(listen)
        await cycle(parts, away=away)

    with serving(create_app(archive)) as url, Webhook(status(200)) as hook, mailserver(Mailbox()) as mails:
        at_work(url, tmp_path, {"hook": hook.url, "mail": mails.url()}, twice)
    assert any(statement.startswith("SELECT") for statement in statements), "it is listened to"
    assert {statement for statement in statements if not statement.startswith("SELECT")} <= {
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
    }
