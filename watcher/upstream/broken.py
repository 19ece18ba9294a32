"""Why a request was not answered: what httpx, TLS and the operating system say of it, each cause in its own words."""

import socket
import ssl
from collections.abc import Iterator

import httpx

from watcher.upstream.refusal import quoted


def cause_of(error: BaseException) -> str:
    """Return what became of a request that was not answered, as a clause about upstream.

    It never quotes the error's own text at large: that may hold a header, and with it a secret.
    """
    cause = next(_causes(error), None)
    match cause:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {quoted(cause.verify_message)}"
        case ssl.SSLError():
            # one that Python itself raises has no reason at all
            reason = getattr(cause, "reason", None) or "no reason given"
            return f"TLS failed: {quoted(reason).replace('_', ' ').lower()}"
        case socket.gaierror() | UnicodeError():
            return "its name cannot be resolved"
        case TimeoutError():
            return "connecting to it timed out"
        case ConnectionRefusedError():
            return "it refuses the connection"
        case ConnectionResetError() | BrokenPipeError():
            return "it reset the connection"
        case OSError(strerror=str(text)):
            return quoted(text)
    return _broken(error)


def _broken(error: BaseException) -> str:
    match error:
        case httpx.ProxyError():
            return f"the proxy refuses: {quoted(str(error))}"
        case httpx.RemoteProtocolError() if "without sending a response" in str(error):
            return "it closed the connection without an answer"
        case httpx.RemoteProtocolError() if "without sending complete" in str(error):
            return "the answer was cut short"
        case httpx.RemoteProtocolError():
            return "what came is not HTTP"
        case httpx.ConnectError():
            return "it closed the connection during the TLS handshake"
        case httpx.NetworkError():
            return "the connection broke"
    return f"the request failed with {type(error).__name__}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The operating system's errors among what led to `error`, the latest first."""
    while error is not None:
        if isinstance(error, BaseExceptionGroup):
            # one member for each address of the host that was tried
            for member in error.exceptions:
                yield from _causes(member)
        # a bare OSError is only anyio's bracket around the real ones
        if isinstance(error, OSError | UnicodeError) and not (type(error) is OSError and error.errno is None):
            yield error
        error = error.__cause__ or error.__context__
