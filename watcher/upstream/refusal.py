"""Answers without rows: what upstream's codes and HTTP statuses mean, and for how long it wants to be left alone."""

import math
import re
import reprlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import IntEnum
from http import HTTPStatus
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from watcher.core.answer import DataState, Refused
from watcher.core.market import Symbol

LONGEST_WAIT = 3600.0
"""Seconds; however long upstream asks us to wait, we ask again after an hour."""

UNSAID_WAIT = 30.0
"""Seconds to wait when rate limited without being told for how long: the period of the vendor's documented limit."""

_QUOTED = 200
"""Characters of foreign text in a reason, at most."""

_OBJECT = TypeAdapter(dict[str, object])
_RETRY_AFTER_TEXT = re.compile(r"retry after (\d{1,12}(?:\.\d{1,6})?) ?s", re.IGNORECASE)


class RetCode(IntEnum):
    """The codes that have a meaning of their own; in lower case, their names are the values of `error.code`."""

    SUCCESS = 0
    INVALID_PARAMETER = -3
    INVALID_SYMBOL = -7
    UNSUPPORTED = -8
    PERMISSION_DENIED = -9
    NO_DATA = -10
    RATE_LIMITED = -11

    @property
    def code(self) -> str:
        """What `error.code` says."""
        return self.name.lower()


class _Meaning(NamedTuple):
    state: DataState
    cause: str
    retry: bool = False


_DENIED = _Meaning(DataState.DENIED, "upstream denies permission, the token may be missing, wrong or expired")
_LIMITED = _Meaning(DataState.ERROR, "upstream says we ask too often", retry=True)
_TROUBLE = _Meaning(DataState.ERROR, "upstream has trouble of its own", retry=True)
_UNKNOWN = _Meaning(DataState.ERROR, "upstream refuses with a code of unknown meaning", retry=True)

_MEANINGS: Mapping[int, _Meaning] = {
    RetCode.INVALID_PARAMETER: _Meaning(DataState.INVALID, "upstream takes the request for invalid"),
    RetCode.INVALID_SYMBOL: _Meaning(DataState.INVALID, "upstream knows no such symbol"),
    RetCode.UNSUPPORTED: _Meaning(DataState.UNSUPPORTED, "upstream does not support its market or category"),
    RetCode.NO_DATA: _Meaning(DataState.NO_DATA, "upstream has no short selling data for it"),
    RetCode.PERMISSION_DENIED: _DENIED,
    RetCode.RATE_LIMITED: _LIMITED,
    **dict.fromkeys((-2, -4, -5, -6), _TROUBLE),
}
_BY_NAME = {code.code: int(code) for code in RetCode}


class Envelope(NamedTuple):
    """What an answer says of itself, whatever else it carries; None where it says nothing."""

    ret_code: int | None = None
    """`ret_code`, or what stands in for it: a top-level `code`."""
    name: str | None = None
    """`error.code`, or a top-level `code` that is a word."""
    message: str | None = None
    fault: str | None = None
    """Why there is no envelope: what the body is instead of a JSON object."""

    @classmethod
    def of(cls, body: bytes) -> "Envelope":
        """Return the envelope of `body`."""
        try:
            content = _OBJECT.validate_json(body)
        except ValidationError as wrong:
            return cls(fault=wrong.errors(include_url=False, include_input=False)[0]["msg"] if body else "it is empty")
        error = content.get("error")
        details: dict[str, object] = error if isinstance(error, dict) else {}
        ret_code, name = whole(content.get("ret_code")), _text(details.get("code"))
        if ret_code is None:
            code = content.get("code")
            ret_code = whole(code)
            if ret_code is None and isinstance(code, str):
                ret_code, name = _BY_NAME.get(code), code
        message = details.get("message") or content.get("ret_msg") or content.get("message") or content.get("msg")
        return cls(ret_code, name, _text(message))


def refused(symbol: Symbol, status: int, body: bytes, retry_after: str | None, now: datetime) -> Refused | None:
    """Return the refusal that an answer is, by HTTP status, then `ret_code`, then a top-level `code`.

    `retry_after` is the header as received, `now` the time it was. None if the answer says that it is a success.
    """
    said = Envelope.of(body)
    meaning = _of_status(status)
    if meaning is None and said.ret_code is not None:
        meaning = _of_status(said.ret_code) or _MEANINGS.get(said.ret_code, _UNKNOWN)
        if said.ret_code == RetCode.SUCCESS:
            if status < 300:
                return None
            meaning = _Meaning(DataState.ERROR, "upstream calls a refusal a success", retry=True)
    if meaning is None:
        meaning = _no_verdict(status, said)

    wait = _wait(retry_after, said.message, now) if meaning.retry else None
    if wait is None and meaning is _LIMITED:
        wait = UNSAID_WAIT
    reason = f"{symbol}: {meaning.cause} ({_details(status, said, body)})"
    return Refused(symbol, meaning.state, reason, meaning.retry, wait)


def quoted(foreign: object) -> str:
    """Return text, or anything else from outside, fit for a reason: one line, printable, short."""
    text = foreign if isinstance(foreign, str) else reprlib.repr(foreign)
    text = text[: 10 * _QUOTED]
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1] + "…"


def whole(value: object) -> int | None:
    """Return a code, whichever way it is written, -10, -10.0 or "-10"; None if it is nothing of the kind."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**9 else None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 10**9 else None
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
        return int(value)
    return None


def _of_status(status: int) -> _Meaning | None:
    """The meaning of an HTTP status that decides by itself; some gateways write it into `code` instead."""
    if status in {401, 403}:
        return _DENIED
    if status == 429:
        return _LIMITED
    if 500 <= status <= 599:
        return _TROUBLE
    if 300 <= status <= 399:
        return _Meaning(DataState.ERROR, "upstream redirects, which is not followed: set its real URL")
    return None


def _no_verdict(status: int, said: Envelope) -> _Meaning:
    if said.name is not None:
        return _UNKNOWN
    if status >= 400:
        return _Meaning(DataState.ERROR, "upstream refuses the request without a ret_code", retry=status in {408, 425})
    if said.fault is not None:
        return _Meaning(DataState.ERROR, "the answer is no JSON object", retry=True)
    return _Meaning(DataState.ERROR, "the answer has neither ret_code nor code, so it says nothing", retry=True)


def _details(status: int, said: Envelope, body: bytes) -> str:
    details = [] if status == 200 else [f"HTTP {status} {_phrase(status)}".strip()]
    if said.ret_code is not None:
        details.append(f"ret_code {said.ret_code}")
    if said.name:
        details.append(quoted(said.name))
    if said.message:
        details.append(f'"{quoted(said.message)}"')
    if said.fault and (body or status == 200):
        details.append(quoted(said.fault))
    if said.fault and body:
        details.append(f'it begins "{quoted(body[:_QUOTED].decode(errors="replace"))}"')
    return ", ".join(details) or "without a word"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _wait(header: str | None, message: str | None, now: datetime) -> float | None:
    """Seconds to wait, from 0 to an hour, as the header or else the message has it; None if neither says."""
    seconds = _seconds(header.strip(), now) if header else None
    if seconds is None and message and (found := _RETRY_AFTER_TEXT.search(message)):
        seconds = float(found[1])
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_WAIT)


def _seconds(header: str, now: datetime) -> float | None:
    try:
        seconds = float(header)
    except ValueError:
        pass
    else:
        return seconds if math.isfinite(seconds) else None
    try:
        until = parsedate_to_datetime(header)
        # "-0000" makes it naive, which by RFC 5322 is UTC
        return ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
