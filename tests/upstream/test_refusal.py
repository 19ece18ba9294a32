"""Every way to refuse has its own state and sentence; how long to wait is understood however it is said."""

import json
from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.upstream.answers import HK, NOW, PAGE, refusal
from watcher.core.answer import DataState, Refused
from watcher.upstream.refusal import LONGEST_WAIT, UNSAID_WAIT
from watcher.upstream.wire import read


def refused(status: int, body: bytes, retry_after: str | None = None) -> Refused:
    answer = read(HK, status, body, retry_after, NOW)
    assert isinstance(answer, Refused), answer
    return answer


INVALID, UNSUPPORTED, NO_DATA = DataState.INVALID, DataState.UNSUPPORTED, DataState.NO_DATA
DENIED, ERROR = DataState.DENIED, DataState.ERROR


@pytest.mark.parametrize(
    ("status", "body", "state", "retry", "reason"),
    [
        pytest.param(
            200,
            refusal(-3, "invalid_parameter", "count out of range"),
            INVALID,
            False,
            'takes the request for invalid (ret_code -3, invalid_parameter, "count out of range")',
            id="-3",
        ),
        pytest.param(
            400, refusal(-3), INVALID, False, "invalid (HTTP 400 Bad Request, ret_code -3)", id="-3 under 400"
        ),
        pytest.param(200, refusal(-7, "invalid_symbol"), INVALID, False, "knows no such symbol", id="-7"),
        pytest.param(404, refusal(-7), INVALID, False, "knows no such symbol", id="-7 under 404"),
        pytest.param(200, refusal(-8, "unsupported"), UNSUPPORTED, False, "market or category", id="-8"),
        pytest.param(422, refusal(-8), UNSUPPORTED, False, "market or category", id="-8 under 422"),
        pytest.param(200, refusal(-10, "no_data"), NO_DATA, False, "no short selling data", id="-10"),
        pytest.param(404, refusal(-10), NO_DATA, False, "no short selling data", id="-10 under 404"),
        pytest.param(200, refusal(-9, "permission_denied"), DENIED, False, "denies permission", id="-9"),
        pytest.param(401, b"", DENIED, False, "denies permission", id="401 without a body"),
        pytest.param(403, b"<html>Forbidden</html>", DENIED, False, "HTTP 403 Forbidden", id="403 in HTML"),
        pytest.param(401, refusal(-10), DENIED, False, "denies permission", id="the HTTP status goes before ret_code"),
        pytest.param(200, refusal(-11, "rate_limited"), ERROR, True, "ask too often", id="-11 under 200"),
        pytest.param(
            429, b"slow down", ERROR, True, "ask too often (HTTP 429 Too Many Requests, Invalid JSON", id="429"
        ),
        pytest.param(200, refusal(-2), ERROR, True, "trouble of its own (ret_code -2)", id="-2"),
        pytest.param(200, refusal(-4), ERROR, True, "trouble of its own", id="-4"),
        pytest.param(200, refusal(-5), ERROR, True, "trouble of its own", id="-5"),
        pytest.param(200, refusal(-6), ERROR, True, "trouble of its own", id="-6"),
        pytest.param(500, b"", ERROR, True, "trouble of its own (HTTP 500 Internal Server Error)", id="500"),
        pytest.param(503, refusal(-10), ERROR, True, "trouble of its own (HTTP 503", id="503 is no verdict on data"),
        pytest.param(599, b"", ERROR, True, "(HTTP 599)", id="a status without a name"),
        pytest.param(
            200, refusal(-99, "odd", "who knows"), ERROR, True, "unknown meaning (ret_code -99, odd", id="-99"
        ),
        pytest.param(200, refusal(7), ERROR, True, "unknown meaning (ret_code 7)", id="a positive ret_code"),
        pytest.param(200, refusal("-10"), NO_DATA, False, "ret_code -10", id="ret_code as a string"),
        pytest.param(200, refusal(-10.0), NO_DATA, False, "ret_code -10", id="ret_code as a float"),
        pytest.param(200, b'{"code":-10,"message":"none"}', NO_DATA, False, '"none"', id="a top-level code"),
        pytest.param(200, b'{"code":"no_data"}', NO_DATA, False, "no_data", id="a top-level code in words"),
        pytest.param(200, b'{"code":403,"msg":"no"}', DENIED, False, "denies permission", id="an HTTP status as code"),
        pytest.param(200, b'{"code":429}', ERROR, True, "ask too often", id="429 as code"),
        pytest.param(200, b'{"code":"E1234"}', ERROR, True, "unknown meaning (E1234)", id="a word nobody knows"),
        pytest.param(400, b"", ERROR, False, "without a ret_code (HTTP 400", id="400 without a body"),
        pytest.param(404, b"<html>", ERROR, False, "without a ret_code (HTTP 404", id="404: the path may be wrong"),
        pytest.param(408, b"", ERROR, True, "HTTP 408 Request Timeout", id="408"),
        pytest.param(400, PAGE.encode(), ERROR, True, "calls a refusal a success (HTTP 400", id="a success under 400"),
        pytest.param(304, b"", ERROR, False, "redirects, which is not followed", id="304"),
        pytest.param(204, b"", ERROR, True, "no JSON object (HTTP 204 No Content)", id="204"),
    ],
)
def test_a_refusal_has_its_state_and_a_sentence(
    status: int, body: bytes, state: DataState, retry: bool, reason: str
) -> None:
    answer = refused(status, body)
    assert (answer.state, answer.retry) == (state, retry)
    assert answer.reason.startswith("HK.00700: ")
    assert reason in answer.reason


def test_success_with_a_code_of_no_meaning_is_no_success() -> None:
    """A body that was cut in front of its data says ret_code 0 all the same."""
    assert "data is missing" in refused(200, b'{"ret_code":0,"ret_msg":"success"}').reason


LIMITED = refusal(-11, "rate_limited", "too many requests")


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        pytest.param("7", 7.0, id="seconds"),
        pytest.param(" 7 ", 7.0, id="spaces"),
        pytest.param("0", 0.0, id="none at all"),
        pytest.param("-5", 0.0, id="negative"),
        pytest.param("1000000000", LONGEST_WAIT, id="thirty years"),
        pytest.param("1e9", LONGEST_WAIT, id="thirty years, shorter"),
        pytest.param("1.5", 1.5, id="a fraction"),
        pytest.param(format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0, id="a date"),
        pytest.param(format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0, id="a date gone by"),
        pytest.param(format_datetime(NOW + timedelta(days=9), usegmt=True), LONGEST_WAIT, id="a date far away"),
        pytest.param("Sat, 06 Jun 2026 12:01:00 -0000", 60.0, id="a date without a zone is UTC"),
        pytest.param("Sat, 06 Jun 2026 20:01:00 +0800", 60.0, id="a date in Hong Kong's zone"),
        pytest.param("soon", UNSAID_WAIT, id="a word"),
        pytest.param("nan", UNSAID_WAIT, id="not a number"),
        pytest.param("inf", UNSAID_WAIT, id="infinity"),
        pytest.param("", UNSAID_WAIT, id="empty"),
        pytest.param(None, UNSAID_WAIT, id="no header"),
    ],
)
@pytest.mark.parametrize(("status", "body"), [(429, b""), (429, LIMITED), (200, LIMITED)])
def test_retry_after_is_understood(status: int, body: bytes, header: str | None, wait: float) -> None:
    assert refused(status, body, header).retry_after == wait


@pytest.mark.parametrize(
    ("message", "wait"),
    [
        pytest.param("rate limited, retry after 12s", 12.0, id="in the message"),
        pytest.param("Retry after 2.5 s please", 2.5, id="a fraction, a space"),
        pytest.param("retry after 999999999999s", LONGEST_WAIT, id="too long"),
        pytest.param("retry after lunch", UNSAID_WAIT, id="no number"),
    ],
)
def test_the_message_may_say_how_long(message: str, wait: float) -> None:
    assert refused(200, refusal(-11, "rate_limited", message)).retry_after == wait
    assert refused(200, json.dumps({"ret_code": -11, "ret_msg": message}).encode()).retry_after == wait


def test_the_header_goes_before_the_message() -> None:
    assert refused(429, refusal(-11, "rate_limited", "retry after 12s"), "3").retry_after == 3.0


def test_an_overloaded_gateway_may_ask_us_to_wait_too() -> None:
    assert refused(503, b"", "20").retry_after == 20.0
    assert refused(503, b"").retry_after is None


def test_who_is_not_to_ask_again_is_not_told_to_wait() -> None:
    assert refused(200, refusal(-10), "20").retry_after is None


@given(st.text(max_size=60))
def test_no_header_raises(header: str) -> None:
    wait = refused(429, b"", header).retry_after
    assert wait is not None
    assert 0 <= wait <= LONGEST_WAIT
