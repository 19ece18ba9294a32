"""What becomes of a message when the receiver is a web hook, over real sockets."""

import asyncio
import time

import pytest

from tests.delivery.builders import digest, message
from tests.delivery.receivers import (
    Answer,
    Webhook,
    closed_port,
    cut_in_body,
    cut_without_answer,
    listening,
    status,
)
from watcher.core.notification import Message
from watcher.core.outbox import Failed, Outcome, Sent, Unknown
from watcher.delivery.channels import AppriseChannel

OPENING = message()


def send(channel: AppriseChannel, what: Message = OPENING) -> Outcome:
    return asyncio.run(channel.send(what))


def test_a_message_that_was_taken_is_sent() -> None:
    with Webhook(status(200)) as hook:
        assert send(AppriseChannel("desk", hook.url)) == Sent()
    (body,) = hook.bodies
    assert body["title"] == "▲ HK.00700 15.42 % > 15 · hk-crowded"
    assert body["type"] == "warning"
    assert OPENING.notifications[0].id in body["message"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param(400, "HTTP 400 Bad Request", id="bad request"),
        pytest.param(401, "HTTP 401 Unauthorized", id="a token that is not valid now may be later"),
        pytest.param(403, "HTTP 403 Forbidden", id="forbidden"),
        pytest.param(404, "HTTP 404 Not Found", id="not found"),
        pytest.param(410, "HTTP 410 Gone", id="gone"),
        pytest.param(429, "HTTP 429 Too Many Requests", id="too many requests"),
        pytest.param(500, "HTTP 500 Internal Server Error", id="an error of the server"),
        pytest.param(503, "HTTP 503 Service Unavailable", id="down for maintenance"),
        pytest.param(599, "HTTP 599", id="a status without a name"),
    ],
)
def test_an_answer_with_an_error_status_is_a_failure_to_be_tried_again(code: int, reason: str) -> None:
    with Webhook(status(code, "no")) as hook:
        assert send(AppriseChannel("desk", hook.url)) == Failed(reason)
    assert len(hook.bodies) == 1, "apprise does not repeat by itself"


@pytest.mark.parametrize("option", ["", "?redirect=yes"])
def test_a_redirect_is_a_failure_and_not_followed_even_if_the_url_asks_for_it(option: str) -> None:
    with (
        Webhook(status(200)) as elsewhere,
        Webhook(status(302, Location=f"http://127.0.0.1:{elsewhere.port}/")) as hook,
    ):
        outcome = send(AppriseChannel("desk", hook.url + option))
    assert outcome == Failed("HTTP 302 Found: redirects are not followed")
    assert elsewhere.paths == []


@pytest.mark.parametrize("option", ["optional=yes", "retry=3", "overflow=truncate", "emojis=yes"])
def test_no_option_of_a_url_makes_a_failure_a_success_or_repeats_by_itself(option: str) -> None:
    with Webhook(status(500)) as hook:
        assert send(AppriseChannel("desk", f"{hook.url}?{option}")) == Failed("HTTP 500 Internal Server Error")
    assert len(hook.bodies) == 1


def test_a_receiver_that_is_down_is_a_failure() -> None:
    assert send(AppriseChannel("desk", f"json://127.0.0.1:{closed_port()}/")) == Failed("the connection was refused")


def test_a_name_that_does_not_resolve_is_a_failure() -> None:
    assert send(AppriseChannel("desk", "json://nobody.invalid/")) == Failed("the name of the receiver does not resolve")


def test_a_failed_tls_handshake_is_a_failure() -> None:
    with Webhook(status(200)) as hook:
        outcome = send(AppriseChannel("desk", f"jsons://127.0.0.1:{hook.port}/"))
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("the TLS handshake failed: ")


def test_a_receiver_that_never_accepts_is_a_failure() -> None:
    with listening(accept=False) as port:
        outcome = send(AppriseChannel("desk", f"json://127.0.0.1:{port}/?cto=0.3"))
    assert outcome == Failed("no connection in time")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(cut_without_answer, "the connection was cut after the message went out", id="cut without answer"),
        pytest.param(cut_in_body, "the connection was cut after the message went out", id="200, then cut"),
    ],
)
def test_a_connection_cut_after_the_request_leaves_it_unknown(answer: Answer, reason: str) -> None:
    with Webhook(answer) as hook:
        assert send(AppriseChannel("desk", hook.url)) == Unknown(reason)
    assert len(hook.bodies) == 1


def test_a_receiver_that_reads_and_never_answers_leaves_it_unknown() -> None:
    with Webhook() as hook:
        hook.answers = [hook.hang]
        assert send(AppriseChannel("desk", f"{hook.url}?rto=0.3")) == Unknown(
            "no answer in time after the message went out"
        )


def test_a_connection_that_nobody_answers_leaves_it_unknown_after_the_limit() -> None:
    with listening(accept=True) as port:
        began = time.perf_counter()
        outcome = send(AppriseChannel("desk", f"json://127.0.0.1:{port}/?rto=20", limit=1.5))
        took = time.perf_counter() - began
    assert outcome == Unknown("no answer within 1.5 s")
    assert took < 3


def test_a_receiver_that_recovers_hears_the_message_by_the_same_channel() -> None:
    with Webhook() as hook:
        hook.answers = [hook.hang, status(500), status(200)]
        channel = AppriseChannel("desk", hook.url, limit=1.5)
        outcomes = [send(channel) for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [Unknown, Failed, Sent]


def test_the_event_loop_stays_free_while_a_receiver_hangs() -> None:
    async def longest_gap() -> float:
        channel = AppriseChannel("desk", f"{hook.url}?rto=20", limit=1.5)
        await channel.send(OPENING)  # loads apprise
        sending = asyncio.create_task(channel.send(digest(200)))
        longest = 0.0
        while not sending.done():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before)
        return longest

    with Webhook() as hook:
        hook.answers = [status(200), hook.hang]
        assert asyncio.run(longest_gap()) < 0.25, "generous: other work shares the machine"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(status(500), Failed, id="refused"),
        pytest.param(cut_without_answer, Unknown, id="cut"),
    ],
)
def test_a_message_that_broke_off_between_parts_goes_on_where_it_broke_off(answer: Answer, kind: type) -> None:
    """It is not sent as a whole, and the parts that arrived are not sent again."""
    big = digest(900)
    with Webhook(status(200), answer, status(200)) as hook:
        channel = AppriseChannel("desk", hook.url)
        first = send(channel, big)
        second = send(channel, Message(big.id, big.channel, big.notifications, repeat=True))
    assert isinstance(first, kind)
    assert first.reason.startswith("part 2 of ")
    assert second == Sent()
    titles = [body["title"] for body in hook.bodies]
    assert "(1/" in titles[0]
    assert "(2/" in titles[1]
    assert "(2/" in titles[2]
    assert titles[2].endswith("possibly a repeat")
    told = "".join(body["message"] for index, body in enumerate(hook.bodies) if index != 1)
    assert all(told.count(f"[{notification.id}]") == 1 for notification in big.notifications)


def test_a_repeat_is_marked_and_carries_the_same_id() -> None:
    with Webhook(status(200)) as hook:
        send(AppriseChannel("desk", hook.url), message(repeat=True))
    assert hook.bodies[0]["title"].endswith("· possibly a repeat")
    assert OPENING.notifications[0].id in hook.bodies[0]["message"]
