"""One cycle, several channels: one message each, and a channel that is down delays no other."""

import asyncio
import re
import signal
import threading
import time
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import StringIO
from pathlib import Path

from tests.builders import RECORDED
from tests.delivery.receivers import Mailbox, Webhook, closed_port, mailserver, status
from tests.end_to_end.live import ManualClock, cycle, environment, eventually, process, rules, settings
from tests.upstream.servers import serving
from watcher.core.answer import Answered
from watcher.core.market import HkRow, Symbol
from watcher.core.outbox import Failed, Sent
from watcher.daemon import delivering
from watcher.jobs.deliver import deliver
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.refusal import RetCode
from watcher.upstream.server import create_app
from watcher.wiring import live

THREE_OPENINGS = """
[channels.hook]
[channels.mail]
[[rule]]
name = "shares"
symbols = ["HK.00700", "HK.02800", "HK.09988"]
when = "short_shares > 1_000_000"
notify = ["hook", "mail"]
"""
START = datetime(2026, 2, 3, 9, 0, tzinfo=UTC)


def test_three_openings_are_one_message_for_each_channel_and_stay_it_over_twenty_restarts(tmp_path: Path) -> None:
    mailbox = Mailbox()
    with (
        serving(create_app(RecordedArchive(RECORDED))) as url,
        Webhook(status(200)) as hook,
        mailserver(mailbox) as mails,
    ):
        configured = settings(url, tmp_path, {"hook": hook.url, "mail": mails.url()})
        for _ in range(20):
            cycle(configured, rules(THREE_OPENINGS))
    assert len(hook.bodies) == 1
    assert len(mailbox.envelopes) == 1
    content = mailbox.envelopes[0].content
    assert isinstance(content, bytes)
    plain = message_from_bytes(content, policy=policy.default).get_body(("plain", "html"))
    assert plain is not None
    for symbol in ("HK.00700", "HK.02800", "HK.09988"):
        assert symbol in hook.bodies[0]["message"]
        assert symbol in plain.get_content()


def test_a_channel_that_is_down_is_told_when_it_is_back_and_delays_no_other(tmp_path: Path) -> None:
    clock = ManualClock(START)
    mailbox = Mailbox()
    book = rules(THREE_OPENINGS)
    with serving(create_app(RecordedArchive(RECORDED))) as url, mailserver(mailbox) as mails:
        down = settings(url, tmp_path, {"hook": f"json://127.0.0.1:{closed_port()}/", "mail": mails.url()})
        outcomes = {each.claim.message.channel: each.outcome for each in cycle(down, book, clock)[1]}
        assert isinstance(outcomes["hook"], Failed)
        assert outcomes["mail"] == Sent()
        assert cycle(down, book, clock)[1] == (), "nothing is due before its time"
        with Webhook(status(200)) as hook:
            back = settings(url, tmp_path, {"hook": hook.url, "mail": mails.url()})
            clock.pass_by(timedelta(minutes=2))
            assert [each.outcome for each in cycle(back, book, clock)[1]] == [Sent()]
            assert cycle(back, book, clock)[1] == ()
    assert (len(hook.bodies), len(mailbox.envelopes)) == (1, 1)


def _mails(mailbox: Mailbox) -> list[EmailMessage]:
    contents = (envelope.content for envelope in mailbox.envelopes)
    mails = [message_from_bytes(content, policy=policy.default) for content in contents if isinstance(content, bytes)]
    return [mail for mail in mails if isinstance(mail, EmailMessage)]


def test_a_thousand_openings_in_one_cycle_are_one_digest_by_mail(tmp_path: Path) -> None:
    """One digest in as few mails as it takes, each numbered, every symbol and every id in exactly one of them."""
    symbols = [Symbol(f"HK.{number:05d}") for number in range(1000)]
    book = rules(
        f'[channels.mail]\n[[rule]]\nname = "r"\nsymbols = {list(map(str, symbols))}\n'
        'when = "turnover > 1"\nnotify = ["mail"]\n'
    )
    mailbox = Mailbox()

    async def told(url: str) -> int:
        async with live(settings("http://127.0.0.1:1", tmp_path, {"mail": url}), book, StringIO()) as parts:
            answers = [Answered(symbol, (HkRow(date(2026, 1, 5), turnover=2.0),)) for symbol in symbols]

            def commit() -> None:
                take_up(parts.store, book, parts.clock.now())
                record(parts.store, book, answers, parts.clock.now())

            await parts.writer(commit)
            attempts = await deliver(
                parts.store, parts.channels, parts.current_book, parts.writer, parts.clock, lambda: 0.0
            )
            return len(attempts)

    with mailserver(mailbox) as mails:
        assert asyncio.run(told(mails.url())) == 1
    parts = _mails(mailbox)
    assert len(parts) < 10
    assert [str(mail["Subject"]) for mail in parts] == [
        f"1000 warning · short selling ({number}/{len(parts)})" for number in range(1, len(parts) + 1)
    ]
    bodies = [body.get_content() for mail in parts if (body := mail.get_body(("html",)))]
    assert sorted(found for body in bodies for found in re.findall(r"HK\.[0-9]{5}", body)) == symbols
    assert len({found for body in bodies for found in re.findall(r"\[[a-z2-7]{8}\]", body)}) == 1000


class Slow(RecordedArchive):
    """An archive that answers for all symbols but one at once."""

    def __init__(self) -> None:
        super().__init__(RECORDED)
        self.asked = threading.Event()
        self.released = threading.Event()

    def answer(self, symbol: Symbol, count: int) -> Answered | RetCode:
        if symbol == "HK.09988":
            self.asked.set()
            self.released.wait(20)
        return super().answer(symbol, count)


def test_a_cycle_of_the_daemon_that_upstream_draws_out_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(THREE_OPENINGS.replace("[channels.mail]", "").replace(', "mail"', ""))
    archive = Slow()
    with serving(create_app(archive)) as url, Webhook(status(200)) as hook:
        env = environment(url, tmp_path / "state", WATCHER_SCHEDULE__EVERY="1s", WATCHER_CHANNELS__HOOK=hook.url)
        with process("run", env=env, cwd=tmp_path):
            assert archive.asked.wait(20)
            time.sleep(2.2 * delivering._LOOK_AGAIN)  # time for two looks at the outbox
            archive.released.set()
            eventually(tmp_path / "err", "event=delivered")
    assert [body["title"] for body in hook.bodies] == ["3 warning · short selling"]


def test_twenty_reloads_repeat_nothing(tmp_path: Path) -> None:
    text = THREE_OPENINGS.replace("[channels.mail]", "").replace(', "mail"', "")
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with serving(create_app(RecordedArchive(RECORDED))) as url, Webhook(status(200)) as hook:
        env = environment(url, tmp_path / "state", WATCHER_SCHEDULE__EVERY="100ms", WATCHER_CHANNELS__HOOK=hook.url)
        with process("run", env=env, cwd=tmp_path) as running:
            eventually(tmp_path / "err", "event=delivered")
            for number in range(20):
                file.write_text(f"{text}# {number}\n")
                running.send_signal(signal.SIGHUP)
                time.sleep(0.1)
            loaded = eventually(tmp_path / "err", "rules loaded")
            time.sleep(0.5)
            running.send_signal(signal.SIGTERM)
            assert running.wait(5) == 0
    assert "event=delivered" in loaded
    assert len(hook.bodies) == 1
