"""What is said of a URL that no message can be sent to, without repeating its secrets."""

import asyncio
import logging

import pytest

from tests.canary import CANARY
from tests.delivery.builders import message
from tests.delivery.receivers import Webhook, closed_port, status
from watcher.core.outbox import Failed
from watcher.delivery.channels import AppriseChannel, validate_url
from watcher.delivery.mask import mask


@pytest.mark.parametrize(
    "url",
    [
        "json://localhost:8080/path",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts",
        "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "mailto://user:password@example.com?to=a@example.com,b@example.com",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV",
        " ntfy://localhost/topic \n",
    ],
)
def test_a_good_url_is_fine(url: str) -> None:
    assert validate_url(url) is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("", "it is not a URL", id="empty"),
        pytest.param(CANARY, "it is not a URL", id="a bare token"),
        pytest.param("slack://", "it is not a URL", id="nothing but a scheme"),
        pytest.param(f"slak://{CANARY}/b/c", "no service is called slak:// (did you mean slack://?)", id="misspelt"),
        pytest.param(
            f"https://example.com/{CANARY}", "for a webhook of your own write json:// or jsons://", id="https"
        ),
        pytest.param(f"slack://{CANARY}", "An invalid Slack (second) Token", id="a token is missing"),
        pytest.param(f"mailto://u:{CANARY}@example.com?to=nobody", "Dropped invalid To email", id="a bad recipient"),
        pytest.param(f"mailto://{CANARY}:{CANARY}", "Invalid ~From~ email specified", id="no sender"),
        pytest.param(f"tgram://{CANARY}/12315544/", "it is not a valid tgram:// URL", id="a token is malformed"),
        pytest.param(f"mailto://{CANARY}:x@127.0.0.1", "watcher <***@***>", id="an address that apprise quotes"),
        pytest.param("json://:::", "it is not a valid json:// URL", id="no host"),
        pytest.param(f"json://a/{CANARY}, json://b/", "more than one URL", id="two URLs"),
        pytest.param("kodi://localhost", "shows 2 lines and drops the rest", id="shows two lines"),
        pytest.param("dbus://", "it is not a URL", id="no place"),
        pytest.param("growl://localhost", "needs packages that are not installed", id="packages are missing"),
    ],
)
def test_a_bad_url_is_told_why_without_its_secrets(url: str, reason: str) -> None:
    said = validate_url(url)
    assert said is not None
    assert reason in said
    assert CANARY not in said


def test_a_channel_with_a_bad_url_fails_for_good_and_says_so() -> None:
    outcome = asyncio.run(AppriseChannel("desk", f"slak://{CANARY}").send(message()))
    assert outcome == Failed("misconfigured: no service is called slak:// (did you mean slack://?)", permanent=True)


@pytest.mark.parametrize(
    ("url", "text", "masked"),
    [
        pytest.param(
            "slack://T1JJ/A1BR/TIia", "token TIia of T1JJ", "token *** of ***", id="tokens in place of a host"
        ),
        pytest.param(
            "mailto://me:s3cret@example.com", "s3cret at EXAMPLE.com", "*** at ***", id="user, password, host"
        ),
        pytest.param("mailto://me:p%40ss%2Fword@h", "p@ss/word or p%40ss%2Fword", "*** or ***", id="encoded or not"),
        pytest.param("mailto://me:pa@ss:wo/rd@h", "x pa@ss:wo/rd x", "x *** x", id="a password full of separators"),
        pytest.param(
            "json://h/?+Auth=Bearer%20abcd", "Auth Bearer abcd", "Auth ***", id="the value of a header, not its name"
        ),
        pytest.param("mailto://u:a@h?format=text", "an answer in text", "an answer in text", id="words stay readable"),
        pytest.param(
            "mailto://u:a@h", "password a", "password ***", id="a password of one letter where it stands alone"
        ),
        pytest.param("justatoken", "justatoken is bad", "*** is bad", id="no URL at all"),
    ],
)
def test_every_piece_of_a_url_is_masked(url: str, text: str, masked: str) -> None:
    assert mask(url)(text) == masked


def test_no_secret_reaches_our_logs_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    """Neither from apprise, nor from urllib3 beneath it, whether the message arrives or not."""
    records: list[str] = []

    class Everything(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(f"{record.name} {record.getMessage()}")

    root = logging.getLogger()
    before, listener = root.level, Everything(logging.NOTSET)
    root.addHandler(listener)
    root.setLevel(logging.NOTSET)
    try:
        with Webhook(status(200), status(500, f"no {CANARY}")) as hook:
            for port in (hook.port, hook.port, closed_port()):
                url = f"json://{CANARY}user:{CANARY}@127.0.0.1:{port}/{CANARY}/?+X-Token={CANARY}"
                outcome = asyncio.run(AppriseChannel("desk", url).send(message()))
                assert CANARY not in repr(outcome)
            asyncio.run(AppriseChannel("desk", f"json//{CANARY}").send(message()))
            asyncio.run(AppriseChannel("desk", f"slack://{CANARY}").send(message()))
    finally:
        root.removeHandler(listener)
        root.setLevel(before)
    assert hook.paths == [f"/{CANARY}/", f"/{CANARY}/"], "the canary was in use"
    assert not [line for line in records if CANARY in line]
    assert not [line for line in records if line.startswith(("apprise", "urllib3", "requests"))]


def test_a_channel_does_not_show_its_url() -> None:
    assert CANARY not in repr(AppriseChannel("desk", f"json://{CANARY}"))
