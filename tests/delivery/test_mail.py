"""What becomes of a message when the receiver is a mail server, over real SMTP."""

import asyncio
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests.delivery.builders import digest, ids, message, mixed_digest, note
from tests.delivery.receivers import Mailbox, Mailserver, closed_port, listening, mailserver
from watcher.core.notification import Message
from watcher.core.outbox import Failed, Outcome, Sent, Unknown
from watcher.delivery.channels import AppriseChannel

OPENING = message()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[Mailserver]:
    with mailserver(mailbox) as running:
        yield running


def send(url: str, what: Message = OPENING, limit: float = 10.0) -> Outcome:
    return asyncio.run(AppriseChannel("mail", url, limit=limit).send(what))


def mails(mailbox: Mailbox) -> list[EmailMessage]:
    return [message_from_bytes(envelope.content, policy=policy.default) for envelope in mailbox.envelopes]  # type: ignore[arg-type]


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_mail_has_the_headline_for_its_subject_and_both_bodies(server: Mailserver, mailbox: Mailbox) -> None:
    assert send(server.url()) == Sent()
    (mail,) = mails(mailbox)
    assert mail["Subject"] == "▲ HK.00700 15.42 % > 15 · hk-crowded"
    assert "watcher" in mail["From"]
    assert "<b>HK.00700</b> 15.42 % &gt; 15" in body(mail, "html")
    assert body(mail, "plain").splitlines()[0] == "▲ HK.00700 15.42 % > 15 · hk-crowded"


def test_a_digest_is_a_table_in_html_that_reads_well_without_html(server: Mailserver, mailbox: Mailbox) -> None:
    assert send(server.url(), digest(2)) == Sent()
    (mail,) = mails(mailbox)
    assert body(mail, "html").count("<tr>") == 2
    lines = [line for line in body(mail, "plain").splitlines() if line]
    assert lines[:3] == ["2 warning · short selling", "trade date 2026-06-05", "▲ HK.00001 15.42 % > 15 · hk-crowded"]


def test_text_mail_is_an_aligned_table(server: Mailserver, mailbox: Mailbox) -> None:
    assert send(server.url(format="text"), mixed_digest(5)) == Sent()
    (mail,) = mails(mailbox)
    assert mail.get_content_type() == "text/plain"
    heading, *rows = body(mail, "plain").splitlines()[2:]
    assert {row.index("[") for row in rows} == {heading.index("id")}


def test_a_thousand_openings_are_one_digest_in_parts_without_a_pause_between(
    server: Mailserver, mailbox: Mailbox
) -> None:
    big = digest(1000)
    assert send(server.url(), big, limit=4.0) == Sent()
    bodies = "".join(body(mail, "html") for mail in mails(mailbox))
    assert all(bodies.count(f"[{id_}]") == 1 for id_ in ids(big.notifications))
    assert len(mails(mailbox)) <= 4
    assert all(len(body(mail, "html").encode()) <= 100_000 for mail in mails(mailbox)), "or Gmail hides the rest"


def test_a_mail_server_that_is_down_is_a_failure() -> None:
    url = f"mailto://127.0.0.1:{closed_port()}?from=a@example.com&to=b@example.com&smtp=127.0.0.1"
    assert send(url) == Failed("the connection was refused")


def test_a_mail_server_that_says_nothing_is_a_failure_since_nothing_was_sent() -> None:
    with listening(accept=True) as port:
        url = f"mailto://127.0.0.1:{port}?from=a@example.com&to=b@example.com&smtp=127.0.0.1&cto=0.3"
        assert send(url) == Failed("no connection in time")


def test_a_login_that_is_refused_is_a_failure_that_does_not_name_the_password(server: Mailserver) -> None:
    url = server.url().replace("mailto://", "mailto://canary-user:canary-password@")
    outcome = send(url)
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("the login was refused: 535")
    assert "canary" not in outcome.reason


def test_a_login_that_is_accepted_delivers(server: Mailserver, mailbox: Mailbox) -> None:
    assert send(server.url().replace("mailto://", "mailto://user:right@")) == Sent()
    assert len(mailbox.envelopes) == 1


@pytest.mark.parametrize(
    "answer",
    ["451 4.3.0 try later", "552 5.2.2 mailbox full", "554 5.7.1 looks like spam"],
)
def test_a_mail_that_is_refused_is_a_failure_with_the_words_of_the_server(
    server: Mailserver, mailbox: Mailbox, answer: str
) -> None:
    mailbox.answer = answer
    assert send(server.url()) == Failed(f"the mail server refused: {answer}")


def test_the_only_recipient_refused_is_a_failure(server: Mailserver, mailbox: Mailbox) -> None:
    mailbox.refused_recipients["trader@example.com"] = "550 5.1.1 no such mailbox"
    assert send(server.url()) == Failed("the recipient was refused: 550 5.1.1 no such mailbox")


def test_one_recipient_of_two_refused_is_never_sent_and_says_that_a_repeat_reaches_the_other_again(
    server: Mailserver, mailbox: Mailbox
) -> None:
    mailbox.refused_recipients["gone@example.com"] = "550 5.1.1 no such mailbox"
    outcome = send(server.url("trader@example.com", "gone@example.com"))
    assert outcome == Unknown(
        "some of the recipients took it, others did not: the recipient was refused: 550 5.1.1 no such mailbox"
    )
    assert len(mailbox.envelopes) == 1


def test_a_copy_that_is_refused_is_never_sent(server: Mailserver, mailbox: Mailbox) -> None:
    mailbox.refused_recipients["gone@example.com"] = "450 4.2.1 try later"
    outcome = send(server.url(cc="gone@example.com"))
    assert isinstance(outcome, Unknown)
    assert outcome.reason.startswith("some of the recipients took it")
    assert "gone@" not in outcome.reason


def test_a_server_that_hangs_while_it_has_the_mail_leaves_it_unknown(server: Mailserver, mailbox: Mailbox) -> None:
    mailbox.hang = True
    assert send(server.url(cto="1")) == Unknown("no answer in time after the message went out")


def test_a_server_that_hangs_longer_than_the_limit_leaves_it_unknown(server: Mailserver, mailbox: Mailbox) -> None:
    mailbox.hang = True
    assert send(server.url(), limit=0.5) == Unknown("no answer within 0.5 s")


def test_line_breaks_in_a_name_add_no_header(server: Mailserver, mailbox: Mailbox) -> None:
    assert send(server.url(), message(note(rule="x\r\nBcc: thief@example.com\r\n\r\n<b>"))) == Sent()
    (mail,) = mails(mailbox)
    assert mail["Bcc"] is None
    assert "x Bcc: thief@example.com <b>" in mail["Subject"]
    assert "<b> " not in body(mail, "html")
