"""Asks the endpoint for one symbol at a time, within the rate, and turns whatever happens into an answer."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from watcher import __version__
from watcher.core.answer import Answer, DataState, Refused
from watcher.core.market import Symbol
from watcher.errors import ConfigurationError
from watcher.upstream.auth import Access
from watcher.upstream.broken import cause_of
from watcher.upstream.contract import PATH
from watcher.upstream.pacing import Pacing
from watcher.upstream.refusal import quoted
from watcher.upstream.wire import read

LARGEST_BODY = 2**20
"""Bytes; ninety rows are some 25 kB."""

_HEADERS = {
    "Accept": "application/json",
    # two kilobytes of gzip can unpack to a gigabyte
    "Accept-Encoding": "identity",
    "User-Agent": f"watcher/{__version__}",
}


class Client:
    """The endpoint, asked over HTTP; to be entered as an async context."""

    def __init__(  # noqa: PLR0913 - what a person can set, each of them once
        self,
        base_url: str,
        path: str = PATH,
        *,
        pacing: Pacing,
        now: Callable[[], datetime],
        access: Access | None = None,
        timeout: float = 10.0,
        proxy: str | None = None,
        ca_file: Path | None = None,
        connections: int = 8,
    ) -> None:
        """Connect to nothing yet.

        Args:
            base_url: Where `path` begins: `https://host`, `http://host:port/prefix`.
            path: Holds `{symbol}` in the place of the symbol.
            pacing: Every request, a repeated one too, takes one of its slots.
            now: The wall clock, aware; no row can be of a later date.
            access: The bearer token, if upstream wants one.
            timeout: Seconds for a whole request, from the first packet to the last byte.
            proxy: URL of an HTTP proxy; the environment's is not used.
            ca_file: Certificates to trust besides the public ones, in PEM.
            connections: At once; httpx slows down with every connection in its pool.

        Raises:
            ConfigurationError: one of them cannot be used as it is; says which, and why.
        """
        self._url = _url(base_url, path)
        self._path = self._url.raw_path.decode()
        self._headers = httpx.Headers({"Host": self._url.netloc.decode(), **_HEADERS})
        self._place = f"{self._url.host}:{self._url.port}" if self._url.port else self._url.host
        self._access = access or Access()
        self._pacing = pacing
        self._now = now
        self._timeout = timeout
        via = _proxy(proxy)
        secured = "https" in {self._url.scheme, via.url.scheme if via else ""}
        trust = _trust(ca_file) if secured or ca_file else _trusting_nobody()
        self._proxied = via is not None
        # One connection each, and past httpx's client: its pool looks at every connection for every request, and its
        # client merges URLs, cookies and headers that are the same each time; together they double a request's cost.
        # Nothing redirects here, nothing keeps a cookie, and the only time-out is ours, over the whole request.
        self._lines = [
            httpx.AsyncHTTPTransport(
                verify=trust,
                proxy=via,
                trust_env=False,
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            )
            for _ in range(connections)
        ]
        self._free: asyncio.LifoQueue[httpx.AsyncHTTPTransport] = asyncio.LifoQueue()
        """Who waits for a line waits here, before the time-out runs and a slot is taken."""
        for line in self._lines:
            self._free.put_nowait(line)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for line in self._lines:
            await line.aclose()

    async def ask(self, symbol: Symbol, count: int) -> Answer:
        """Return what upstream says of the newest `count` (1 to 90) rows; never raises for what upstream does.

        Waits its turn in the pacing first; the time-out runs from there.
        """
        line = await self._free.get()
        try:
            token = self._access.token
            answer = await self._answer(line, symbol, count, token)
            if isinstance(answer, Refused) and answer.state is DataState.DENIED:
                answer = await self._asked_again(line, symbol, count, token, answer)
        finally:
            self._free.put_nowait(line)
        if not isinstance(answer, Refused):
            return answer
        if answer.retry_after is not None:
            self._pacing.hold(answer.retry_after)
            self._pacing.slow_down()
        return replace(answer, reason=self._access.masked(answer.reason))

    async def _asked_again(
        self, line: httpx.AsyncHTTPTransport, symbol: Symbol, count: int, token: str | None, denied: Refused
    ) -> Answer:
        """The answer with another token, if there is one by now; once, or a wrong one would be asked about for ever."""
        try:
            renewed = await asyncio.to_thread(self._access.renewed, token)
        except ConfigurationError as error:
            return replace(denied, reason=f"{denied.reason}; {error}")
        return await self._answer(line, symbol, count, self._access.token) if renewed else denied

    async def _answer(self, line: httpx.AsyncHTTPTransport, symbol: Symbol, count: int, token: str | None) -> Answer:
        # a line has one connection: once that is found dead, the second request opens another
        answer = await self._attempt(line, symbol, self._request(symbol, count, token))
        answer = answer or await self._attempt(line, symbol, self._request(symbol, count, token))
        return answer or self._unanswered(symbol, "it closed the connection twice without an answer")

    async def _attempt(self, line: httpx.AsyncHTTPTransport, symbol: Symbol, request: httpx.Request) -> Answer | None:
        """One request, one slot; None if it went into a kept connection that was dead already: worth another."""
        fresh = False

        async def watch(event: str, _: object) -> None:
            nonlocal fresh
            fresh = fresh or event == "connection.connect_tcp.started"

        request.extensions["trace"] = watch
        async with self._pacing:
            try:
                async with asyncio.timeout(self._timeout):
                    try:
                        response = await line.handle_async_request(request)
                    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                        if fresh:
                            raise
                        return None
                    async with aclosing(response):
                        return await self._read(symbol, response)
            except TimeoutError:
                return self._unanswered(symbol, f"no complete answer within {self._timeout:g} s")
            except (httpx.HTTPError, OSError, UnicodeError) as error:
                return self._unanswered(symbol, cause_of(error))

    async def _read(self, symbol: Symbol, response: httpx.Response) -> Answer:
        status, headers = response.status_code, response.headers
        if response.has_redirect_location:
            target = quoted(headers["location"].partition("?")[0])
            reason = f"upstream redirects to {target} (HTTP {status}), which is not followed: set its real URL"
            return Refused(symbol, DataState.ERROR, f"{symbol}: {reason}")
        body, fault = await _body(response)
        if fault is not None and response.is_success:
            return Refused(symbol, DataState.ERROR, f"{symbol}: {fault}")
        return read(symbol, status, self._access.masked_bytes(body), headers.get("retry-after"), self._now())

    def _unanswered(self, symbol: Symbol, cause: str) -> Refused:
        reason = f"{symbol}: no answer from upstream at {self._place}: {cause}"
        return Refused(symbol, DataState.ERROR, reason, retry=True)

    def _request(self, symbol: Symbol, count: int, token: str | None) -> httpx.Request:
        target = f"{self._path.replace('%7Bsymbol%7D', symbol)}?count={count}".encode()
        headers = self._headers
        if token:
            headers = headers.copy()
            headers["Authorization"] = f"Bearer {token}"
        if self._proxied:  # a proxy is told the whole URL
            return httpx.Request("GET", self._url.copy_with(raw_path=target), headers=headers)
        # a URL with another path would be parsed again, at a tenth of the cost of the whole request
        return httpx.Request("GET", self._url, headers=headers, extensions={"target": target})


async def _body(response: httpx.Response) -> tuple[bytes, str | None]:
    """The body, or else why it is not to be read: none that has to be unpacked, none over a megabyte."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity"}:
        return b"", f'the answer is encoded as "{quoted(encoding)}", which was not asked for'
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LARGEST_BODY:
            return b"", f"the answer is larger than {LARGEST_BODY // 2**20} MiB"
    return bytes(body), None


def _url(base_url: str, path: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url.rstrip("/") + "/" + path.lstrip("/"))
        host = url.host
    except (httpx.InvalidURL, UnicodeError):  # what they say quotes of it, a password perhaps
        raise ConfigurationError("upstream's URL is not one: http://HOST:PORT, or https://HOST") from None
    if url.scheme not in {"http", "https"} or not host:
        raise ConfigurationError("upstream's URL begins with http:// or https:// and a host")
    if url.userinfo:
        raise ConfigurationError("upstream's URL holds a password: the place for a secret is the token")
    if url.query or url.fragment or url.path.count("{symbol}") != 1:
        raise ConfigurationError("upstream's path holds {symbol} once, and neither ? nor #")
    return url


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except ssl.SSLError:
            raise ConfigurationError(f"upstream's CA file {ca_file} holds no certificate in PEM") from None
        except OSError as error:
            raise ConfigurationError(f"upstream's CA file {ca_file} cannot be read: {error.strerror}") from None
    return context


def _trusting_nobody() -> ssl.SSLContext:
    """Return what plain HTTP has no use for: to read the public certificates takes a tenth of a start."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _proxy(proxy: str | None) -> httpx.Proxy | None:
    if not proxy:
        return None
    try:
        url = httpx.URL(proxy)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        # not quoted: it may hold a password
        raise ConfigurationError("the proxy for upstream is not a URL that begins with http:// or https:// and a host")
    return httpx.Proxy(url)
