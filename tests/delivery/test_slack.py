"""The real Slack plugin, to its real address, through a local proxy that answers in Slack's place."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.builders import facts, message, mixed_digest, note
from tests.delivery.slack import URL, Proxy, proxied
from watcher.core.notification import Message
from watcher.core.outbox import Failed, Outcome, Sent
from watcher.delivery.channels import AppriseChannel


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    with proxied(tmp_path) as running:
        yield running


def send(what: Message, url: str = URL) -> Outcome:
    return asyncio.run(AppriseChannel("desk", url, limit=10).send(what))


def test_a_digest_arrives_whole_and_as_text(proxy: Proxy) -> None:
    told = mixed_digest()
    assert send(told) == Sent()
    assert proxy.targets == ["hooks.slack.com:443"]
    (payload,) = proxy.payloads
    (attachment,) = payload["attachments"]
    assert payload["mrkdwn"] is False
    assert attachment["title"].endswith("· short selling")
    assert all(f"[{notification.id}]" in attachment["text"] for notification in told.notifications)
    assert "15 · hk-crowded" in attachment["text"]
    assert "&gt; 15" in attachment["text"]
    assert "http" not in json.dumps(payload), "no picture is loaded from anywhere"


@pytest.mark.parametrize("option", ["", "?format=markdown", "?blocks=yes", "?format=markdown&blocks=yes"])
def test_nobody_is_pinged(proxy: Proxy, option: str) -> None:
    hostile = "<!channel> <@U123456> @here <https://evil.example|click>"
    assert send(message(note(rule=hostile, note=hostile, facts=facts(text=hostile))), URL + option) == Sent()
    sent = json.dumps(proxy.payloads, ensure_ascii=False)
    assert "channel" in sent
    assert not {"<", "@"} & set(sent)


def test_a_webhook_that_was_removed_is_a_failure_that_does_not_name_its_tokens(proxy: Proxy) -> None:
    proxy.answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\nConnection: close\r\n\r\nno_service"
    assert send(message()) == Failed("HTTP 404 Not Found")


def test_an_error_under_200_is_not_sent(proxy: Proxy) -> None:
    proxy.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\ninvalid_payload"
    outcome = send(message())
    assert isinstance(outcome, Failed)
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in outcome.reason


def test_a_certificate_that_is_not_trusted_is_a_failure(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    outcome = send(message())
    assert outcome == Failed("the TLS handshake failed: unable to get local issuer certificate")
    assert proxy.payloads == []


def test_a_proxy_that_is_down_is_a_failure(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert send(message()) == Failed("the connection was refused")
    assert proxy.targets == []
