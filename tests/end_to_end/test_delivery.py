"""One cycle, several channels: one message each, and a channel that is down delays no other."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

from tests.builders import RECORDED
from tests.delivery.receivers import Mailbox, Webhook, closed_port, mailserver, status
from tests.end_to_end.live import ManualClock, cycle, rules, settings
from tests.upstream.servers import serving
from watcher.core.outbox import Failed, Sent
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app

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


def test_three_openings_are_one_message_for_each_channel(tmp_path: Path) -> None:
    mailbox = Mailbox()
    with (
        serving(create_app(RecordedArchive(RECORDED))) as url,
        Webhook(status(200)) as hook,
        mailserver(mailbox) as mails,
    ):
        configured = settings(url, tmp_path, {"hook": hook.url, "mail": mails.url()})
        for _ in range(3):
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
