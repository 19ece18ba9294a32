"""Messages as receivers get them; `python -m tests.delivery.samples` writes them to docs/messages.txt.

Slack's is what the real plugin posts, taken off a local proxy; mail is what a mail server was sent.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.delivery.builders import DAY, catch_up, facts, message, mixed_digest, note
from tests.delivery.receivers import Mailbox, mailserver
from tests.delivery.slack import URL, proxied
from watcher.core.alert import Kind
from watcher.core.notification import Message, Notification
from watcher.core.outbox import Sent
from watcher.delivery.channels import AppriseChannel, ConsoleChannel

PAGE = Path(__file__).parents[2] / "docs" / "messages.txt"
ROWS = 12
"""Of the digest."""


def messages(rows: int = ROWS) -> Mapping[str, Message]:
    """An opening, a digest, a retraction, and what is told after days off."""
    chance = random.Random(7)
    opening = note(
        facts=facts(text="HK.00700: average ratio 15.4 %, above the 15 % at which it gets crowded"),
        episode=DAY - timedelta(3),
        note="rule changed",
    )
    retraction = note(kind=Kind.RETRACTED, number=2, note="2026-06-05 was 15.42 %, is 14.10 %", facts=facts(14.1))
    return {
        "one opening": message(_lived(chance, opening)),
        "a digest": message(*(_lived(chance, each) for each in mixed_digest(rows).notifications)),
        "a retraction": message(_lived(chance, retraction)),
        "after days off": message(*(_lived(chance, each) for each in catch_up().notifications)),
    }


def _lived(chance: random.Random, notification: Notification) -> Notification:
    """The same with thirty sessions that lead to its value."""
    value = notification.facts.value
    assert value is not None
    walk = [value]
    while len(walk) < 30:
        walk.insert(0, walk[0] * (1 + chance.uniform(-0.06, 0.05)))
    return replace(notification, facts=replace(notification.facts, trend=tuple(walk), previous=walk[-2]))


def console(what: Message) -> str:
    out = StringIO()
    assert asyncio.run(ConsoleChannel(out).send(what)) == Sent()
    return out.getvalue()


def slack(what: Message) -> str:
    """The attachment, title first, as Slack shows it."""
    with TemporaryDirectory() as name, proxied(Path(name)) as proxy:
        assert asyncio.run(AppriseChannel("desk", URL).send(what)) == Sent()
        (payload,) = proxy.payloads
    (attachment,) = payload["attachments"]
    return unescape(f"{attachment['title']}\n{attachment['text']}")


def mailed(what: Message, layout: str) -> list[str]:
    """The mails of a message, subject first: as text, or as HTML."""
    mailbox = Mailbox()
    with mailserver(mailbox) as server:
        assert asyncio.run(AppriseChannel("mail", server.url(format=layout)).send(what)) == Sent()
    contents = (envelope.content for envelope in mailbox.envelopes)
    mails = [message_from_bytes(each, policy=policy.default) for each in contents if isinstance(each, bytes)]
    return [f"{mail['Subject']}\n\n{_body(mail, layout)}" for mail in mails]


def _body(mail: EmailMessage, layout: str) -> str:
    part = mail.get_body(("plain" if layout == "text" else "html",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def page() -> str:
    """All samples: each message on each kind of channel."""
    kinds = {"console": console, "text mail": lambda what: mailed(what, "text")[0], "Slack": slack}
    sections = (
        f"==== {name}, {kind} ====\n\n{shown(what).strip()}\n"
        for name, what in messages().items()
        for kind, shown in kinds.items()
    )
    head = "What is told, as it arrives; written by `python -m tests.delivery.samples`, and checked by a test.\n"
    return "\n".join([head, *sections])


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
