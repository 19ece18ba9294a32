"""Asks the endpoint for one symbol at a time, within the rate, and turns whatever happens into an answer."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from watcher import __version__
from watcher.core.answer import Answer, DataState, Refused
from watcher.core.market import Symbol
from watcher.errors import ConfigurationError
from watcher.upstream.broken import cause_of
from watcher.upstream.contract import PATH
from watcher.upstream.pacing import Pacing
from watcher.upstream.refusal import quoted
from watcher.upstream.wire import read

LARGEST_BODY = 2**20
"""Bytes; ninety rows are some 25 kB."""

_TOKEN = "***"  # noqa: S105 - what stands in its place


class Client:
    """The endpoint, asked over HTTP; to be entered as an async context."""

    def __init__(  # noqa: PLR0913 - what a person can set, each of them once
        self,
        base_url: str,
        path: str = PATH,
        *,
        pacing: Pacing,
        now: Callable[[], datetime],
        token: str | None = None,
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
            token: For the bearer, if upstream wants one.
            timeout: Seconds for a whole request, from the first packet to the last byte.
            proxy: URL of an HTTP proxy; the environment's is not used.
            ca_file: Certificates to trust besides the public ones, in PEM.
            connections: At once; httpx slows down with every connection in its pool.

        Raises:
            ConfigurationError: one of them cannot be used as it is; says which, and why.
        """
        self._url = _url(base_url, path)
        self._place = f"{self._url.host}:{self._url.port}" if self._url.port else self._url.host
        self._token = token or None
        self._pacing = pacing
        self._now = now
        self._timeout = timeout
        # who waits for a connection waits here, before the time-out runs and a slot is taken
        self._lines = asyncio.Semaphore(connections)
        self._http = httpx.AsyncClient(
            headers=_headers(self._token),
            # a cookie is never wanted, and a jar only grows
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            verify=_trust(ca_file),
            proxy=_proxy(proxy),
            trust_env=False,
            follow_redirects=False,
            # httpx's time-outs are for one read each, and a dripping body outlives them all: ours is over the whole
            timeout=httpx.Timeout(None),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ask(self, symbol: Symbol, count: int) -> Answer:
        """Return what upstream says of the newest `count` (1 to 90) rows; never raises for what upstream does.

        Waits its turn in the pacing first; the time-out runs from there.
        """
        async with self._lines:
            answer = await self._attempt(symbol, count)
            if answer is None:
                answer = await self._attempt(symbol, count)
        if answer is None:
            return self._unanswered(symbol, "it closed the connection twice without an answer")
        if not isinstance(answer, Refused):
            return answer
        if answer.retry_after is not None:
            self._pacing.hold(answer.retry_after)
        return replace(answer, reason=self._without_token(answer.reason))

    async def _attempt(self, symbol: Symbol, count: int) -> Answer | None:
        """One request, one slot; None if it went into a kept connection that was dead already: worth another."""
        fresh = False

        async def watch(event: str, _: object) -> None:
            nonlocal fresh
            fresh = fresh or event == "connection.connect_tcp.started"

        request = self._http.build_request("GET", self._url_of(symbol, count), extensions={"trace": watch})
        async with self._pacing:
            try:
                async with asyncio.timeout(self._timeout):
                    try:
                        response = await self._http.send(request, stream=True)
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
        if self._token:
            body = body.replace(self._token.encode(), _TOKEN.encode())
        return read(symbol, status, body, headers.get("retry-after"), self._now())

    def _unanswered(self, symbol: Symbol, cause: str) -> Refused:
        reason = f"{symbol}: no answer from upstream at {self._place}: {cause}"
        return Refused(symbol, DataState.ERROR, reason, retry=True)

    def _without_token(self, text: str) -> str:
        return text.replace(self._token, _TOKEN) if self._token else text

    def _url_of(self, symbol: Symbol, count: int) -> httpx.URL:
        path = self._url.raw_path.decode().replace("%7Bsymbol%7D", symbol)
        return self._url.copy_with(raw_path=f"{path}?count={count}".encode())


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
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"upstream's URL is not one: {error}") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError("upstream's URL begins with http:// or https:// and a host")
    if url.userinfo:
        raise ConfigurationError("upstream's URL holds a password: the place for a secret is the token")
    if url.query or url.fragment or url.path.count("{symbol}") != 1:
        raise ConfigurationError("upstream's path holds {symbol} once, and neither ? nor #")
    return url


def _headers(token: str | None) -> dict[str, str]:
    headers = {
        "Accept": "application/json",
        # two kilobytes of gzip can unpack to a gigabyte
        "Accept-Encoding": "identity",
        "User-Agent": f"watcher/{__version__}",
    }
    if token:
        if not all("!" <= c <= "~" for c in token):
            raise ConfigurationError("upstream's token has a character that no token has: a space, or a line break")
        headers["Authorization"] = f"Bearer {token}"
    return headers


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
