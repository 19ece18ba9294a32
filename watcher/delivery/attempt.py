"""What became of one attempt, told from what apprise logged of it.

apprise says no more than that a service failed. Why it did is in the log of the attempt, and more truthfully in the
exception that is being handled while a line is logged: where in its traceback the connection broke tells whether the
message can have gone out before.
"""

import http.client
import os
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from watcher.core.outbox import Failed, Outcome, Unknown
from watcher.delivery.text import clipped, one_line

_LONGEST_REASON = 200

_BEFORE_THE_MESSAGE = frozenset(
    {"prepare", "get_adapter", "connect", "starttls", "login", "ehlo_or_helo_if_needed", "mail", "rcpt"}
)
"""Functions of requests, urllib3 and smtplib that are over before the first byte of a message is sent."""

_STATUS = re.compile(r"\berror=(\d{3})\b")
_REFUSED_RECIPIENT = re.compile(r"^SMTP recipient .* was refused")


@dataclass(frozen=True, slots=True)
class Trace:
    """A line that apprise logged during an attempt, and the exception it was handling then."""

    level: str
    message: str
    error: BaseException | None = None


def failure(traces: Sequence[Trace], masked: Callable[[str], str]) -> Outcome:
    """Return what to make of an attempt that apprise reports as failed.

    It is unknown whether the message arrived if the connection broke after it may have gone out, if the answer to it
    is neither yes nor no, and if only some of several recipients took it: a repeat, which reaches those once more, is
    to be marked as such. Every answer with an error status is a failure and none is permanent, not even 401 or 404:
    tokens are renewed and paths restored, and the outbox gives up by itself after 48 hours. Reasons are one line of at
    most 200 characters; what of them is not ours is `masked`.
    """
    errors = [trace.error for trace in traces if trace.error is not None]
    broken = next((error for error in errors if _may_have_gone_out(error)), None)
    if broken is not None:
        return Unknown(_short(_broken(broken, masked)))

    reason = _short(_refusal(traces, errors, masked))
    if any(_taken(trace) for trace in traces):
        return Unknown(f"some of the recipients took it, others did not: {reason}")
    return Failed(reason)


def _short(reason: str) -> str:
    return clipped(one_line(reason), _LONGEST_REASON)


def _taken(trace: Trace) -> bool:
    """True if the line says that one recipient took the message."""
    return (trace.level == "INFO" and trace.message.startswith("Sent ")) or (
        # smtplib names refused recipients without an exception only if another one was accepted
        trace.error is None and _REFUSED_RECIPIENT.match(trace.message) is not None
    )


def _refusal(traces: Sequence[Trace], errors: Sequence[BaseException], masked: Callable[[str], str]) -> str:
    if errors:
        return _not_sent(errors[0], masked)
    statuses = (int(match[1]) for trace in traces for match in _STATUS.finditer(trace.message))
    status = next(statuses, None)
    if status is not None:
        return _http(status)
    warnings = [trace.message for trace in traces if trace.level in ("WARNING", "ERROR", "CRITICAL")]
    return masked(warnings[0]) if warnings else "the service reports a failure and does not say why"


def _http(status: int) -> str:
    try:
        text = f"HTTP {status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        text = f"HTTP {status}"
    return f"{text}: redirects are not followed" if 300 <= status < 400 else text


def _may_have_gone_out(error: BaseException) -> bool:
    for cause in _causes(error):
        if isinstance(cause, smtplib.SMTPDataError) and not 400 <= cause.smtp_code < 600:
            return True  # smtplib knows 250 only; what else was said may be a yes
        if isinstance(cause, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused):
            return False
    return not any(name in _BEFORE_THE_MESSAGE for cause in _causes(error) for name in _frames(cause))


def _broken(error: BaseException, masked: Callable[[str], str]) -> str:
    for cause in _causes(error):
        match cause:
            case TimeoutError():
                return "no answer in time after the message went out"
            case smtplib.SMTPDataError():
                return f"the mail server said neither yes nor no: {masked(_smtp(cause.smtp_code, cause.smtp_error))}"
            case http.client.BadStatusLine() if not isinstance(cause, http.client.RemoteDisconnected):
                return "what answered did not speak HTTP"
    if any(isinstance(cause, OSError | smtplib.SMTPServerDisconnected) for cause in _causes(error)):
        return "the connection was cut after the message went out"
    return f"the service broke off with {type(error).__name__}"


def _not_sent(error: BaseException, masked: Callable[[str], str]) -> str:
    for cause in _causes(error):
        why = _refused_by_mail(cause, masked) or _not_connected(cause, masked)
        if why is not None:
            return why
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "the mail server closed the connection before the message"
    return f"not sent: {type(error).__name__}"


def _refused_by_mail(cause: BaseException, masked: Callable[[str], str]) -> str | None:
    match cause:
        case smtplib.SMTPAuthenticationError():
            return f"the login was refused: {masked(_smtp(cause.smtp_code, cause.smtp_error))}"
        case smtplib.SMTPRecipientsRefused() if cause.recipients:
            return f"the recipient was refused: {masked(_smtp(*next(iter(cause.recipients.values()))))}"
        case smtplib.SMTPResponseException(smtp_code=-1):
            return "what answered did not speak SMTP"
        case smtplib.SMTPResponseException():
            return f"the mail server refused: {masked(_smtp(cause.smtp_code, cause.smtp_error))}"
        case smtplib.SMTPNotSupportedError():
            return f"the mail server lacks what is asked of it: {cause}"  # the words are smtplib's
    return None


def _not_connected(cause: BaseException, masked: Callable[[str], str]) -> str | None:
    match cause:
        case ssl.SSLCertVerificationError():
            return f"the TLS handshake failed: {masked(cause.verify_message)}"
        case ssl.SSLError():
            return f"the TLS handshake failed: {cause.reason or 'no reason given'}"
        case socket.gaierror():
            return "the name of the receiver does not resolve"
        case ConnectionRefusedError():
            return "the connection was refused"
        case TimeoutError():
            return "no connection in time"
        case OSError(errno=int(number)):
            return f"no connection: {os.strerror(number)}"
    return None


def _smtp(code: int, answer: bytes | str) -> str:
    if code < 0:
        return "an answer without a code"
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return f"{code} {text}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that led to it, the outermost first.

    Those that urllib3 wraps are found among the arguments of others, and as their cause, their context, or both.
    """
    seen: dict[int, BaseException] = {}
    waiting = [error]
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen[id(cause)] = cause
        yield cause
        wrapped = (cause.__cause__, cause.__context__, *cause.args)
        waiting += [other for other in wrapped if isinstance(other, BaseException)]


def _frames(error: BaseException) -> Iterator[str]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_name
        traceback = traceback.tb_next
