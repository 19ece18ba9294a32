"""Encrypted receivers with certificates of an authority of one's own: told if it is trusted, and never in the clear."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from tests.delivery.builders import message
from tests.delivery.receivers import Mailbox, Mailserver, Speaking, Webhook, mailserver, reset, status
from watcher.core.outbox import Failed, Outcome, Sent
from watcher.delivery.channels import AppriseChannel

HERE = "127.0.0.1"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
UNTRUSTED = Failed("the TLS handshake failed: unable to get local issuer certificate")


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that is trusted, as the README says how: OpenSSL's variable for mail, that of requests for HTTPS."""
    trusted = trustme.CA()
    trusted.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    return trusted


def served_by(issuer: trustme.CA, *names: str, not_after: datetime | None = None) -> ssl.SSLContext:
    """What a server needs that is certified to have these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(*names, not_after=not_after).configure_cert(context)
    return context


def send(url: str) -> Outcome:
    return asyncio.run(AppriseChannel("mail", url, limit=10).send(message()))


def encrypted(server: Mailserver, **options: str) -> str:
    return server.url(**options).replace("mailto://", "mailtos://")


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


def test_a_mail_is_sent_after_starttls(authority: trustme.CA, mailbox: Mailbox) -> None:
    with mailserver(mailbox, starttls=served_by(authority, HERE)) as server:
        assert send(encrypted(server)) == Sent()
    assert len(mailbox.envelopes) == 1


def test_a_mail_is_sent_with_a_password_after_starttls(authority: trustme.CA, mailbox: Mailbox) -> None:
    with mailserver(mailbox, starttls=served_by(authority, HERE)) as server:
        assert send(encrypted(server).replace("mailtos://", "mailtos://user:right@")) == Sent()
    assert len(mailbox.envelopes) == 1


def test_a_mail_is_sent_to_a_server_that_encrypts_from_the_first_byte(authority: trustme.CA, mailbox: Mailbox) -> None:
    with mailserver(mailbox, tls=served_by(authority, "localhost")) as server:
        url = encrypted(server, mode="ssl").replace(HERE, "localhost")
        assert send(url) == Sent()
    assert len(mailbox.envelopes) == 1


@pytest.mark.parametrize(
    ("names", "not_after", "reason"),
    [
        pytest.param(
            ["mail.example.com"],
            None,
            "IP address mismatch, certificate is not valid for '***'.",
            id="of another server",
        ),
        pytest.param([HERE], LONG_AGO, "certificate has expired", id="expired"),
    ],
)
def test_a_certificate_that_is_not_right_is_a_failure(
    authority: trustme.CA, mailbox: Mailbox, names: list[str], not_after: datetime | None, reason: str
) -> None:
    with mailserver(mailbox, starttls=served_by(authority, *names, not_after=not_after)) as server:
        assert send(encrypted(server)) == Failed(f"the TLS handshake failed: {reason}")
    assert mailbox.envelopes == []


@pytest.mark.usefixtures("authority")
@pytest.mark.parametrize("mode", ["starttls", "tls"])
def test_a_certificate_of_an_authority_that_is_not_trusted_is_a_failure(mailbox: Mailbox, mode: str) -> None:
    with mailserver(mailbox, **{mode: served_by(trustme.CA(), HERE)}) as server:
        assert send(encrypted(server, mode={"tls": "ssl"}.get(mode, mode))) == UNTRUSTED
    assert mailbox.envelopes == []


def test_a_mail_is_never_sent_in_the_clear_to_a_server_that_lacks_starttls(mailbox: Mailbox) -> None:
    with mailserver(mailbox) as server:
        outcome = send(encrypted(server))
    assert outcome == Failed("the mail server lacks what is asked of it: STARTTLS extension not supported by server.")
    assert mailbox.envelopes == []


def test_a_server_that_hangs_up_in_the_handshake_is_a_failure() -> None:
    with Speaking(lambda connection: reset(connection) if connection.recv(1) else None) as server:
        url = f"mailtos://{HERE}:{server.port}?from=a@example.com&to=b@example.com&smtp={HERE}&mode=ssl"
        assert isinstance(send(url), Failed)


def test_a_web_hook_with_a_certificate_that_is_trusted_is_told(authority: trustme.CA) -> None:
    with Webhook(status(200)) as hook:
        hook.server.socket = served_by(authority, HERE).wrap_socket(hook.server.socket, server_side=True)
        assert send(f"jsons://{HERE}:{hook.port}/") == Sent()
    assert len(hook.bodies) == 1


@pytest.mark.usefixtures("authority")
def test_a_web_hook_with_a_certificate_that_is_not_trusted_is_not_told() -> None:
    with Webhook(status(200)) as hook:
        hook.server.socket = served_by(trustme.CA(), HERE).wrap_socket(hook.server.socket, server_side=True)
        assert send(f"jsons://{HERE}:{hook.port}/") == UNTRUSTED
    assert hook.bodies == []
