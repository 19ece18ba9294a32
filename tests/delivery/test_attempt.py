"""What is made of the log of a failed attempt, where no real receiver brings it about easily."""

import pytest

from watcher.core.outbox import Failed, Outcome, Unknown
from watcher.delivery.attempt import Trace, failure


def hidden(text: str) -> str:
    return text.replace("secret", "***")


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except type(error) as caught:
        return caught


def login() -> BaseException:
    """A fault in a function that is over before the first byte of a message is sent."""
    try:
        int("secret")
    except ValueError as caught:
        return caught
    raise AssertionError


@pytest.mark.parametrize(
    ("traces", "outcome"),
    [
        pytest.param([], Failed("the service reports a failure and does not say why"), id="nothing was logged"),
        pytest.param(
            [Trace("DEBUG", "secret"), Trace("WARNING", "bad\r\ntoken secret")],
            Failed("bad token ***"),
            id="the first warning, on one line, masked",
        ),
        pytest.param(
            [Trace("WARNING", "w" * 300)],
            Failed("w" * 200 + "… (+100 characters)"),
            id="a long warning is clipped",
        ),
        pytest.param(
            [Trace("INFO", "Sent Slack notification."), Trace("WARNING", "Failed to send: Not Found, error=404.")],
            Unknown("some of the recipients took it, others did not: HTTP 404 Not Found"),
            id="one of two channels is gone",
        ),
        pytest.param(
            [Trace("WARNING", "The service raised an exception.", raised(KeyError("secret")))],
            Unknown("the service broke off with KeyError"),
            id="an answer that the plugin trips over may be a success",
        ),
        pytest.param(
            [Trace("WARNING", "The service raised an exception.", login())],
            Failed("not sent: ValueError"),
            id="a fault before the message",
        ),
        pytest.param(
            [Trace("DEBUG", "Socket Exception", raised(BrokenPipeError(32, "Broken pipe")))],
            Unknown("the connection was cut after the message went out"),
            id="broken pipe while sending",
        ),
    ],
)
def test_a_failed_attempt(traces: list[Trace], outcome: Outcome) -> None:
    assert failure(traces, hidden) == outcome
