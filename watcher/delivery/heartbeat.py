"""Heartbeat: tells somebody outside that all is well, so that the silence of a dead watcher is noticed."""

import asyncio
import contextlib
from urllib.request import getproxies, proxy_bypass

import httpx

from watcher import __version__
from watcher.core.outbox import Failed, Sent

LIMIT = 10.0
"""Seconds for a beat, from the first packet to the status of the answer."""


class Heartbeat:
    """One URL, which is a secret: who knows it can say that all is well."""

    def __init__(self, url: str, *, limit: float = LIMIT) -> None:
        """Connect to nothing yet.

        The proxies of the environment are used, as they are for messages.

        Raises:
            ValueError: it is no URL that can be fetched; says why, and not what it is.
        """
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL:
            raise ValueError("it is not a URL") from None
        if self._url.scheme not in {"http", "https"} or not self._url.host:
            raise ValueError("it does not begin with http:// or https:// and a host")
        if self._url.port is not None and not 0 < self._url.port < 65536:
            raise ValueError("there is no such port")
        if self._url.userinfo:
            raise ValueError("it holds a user name or a password, which are not sent")
        self._limit = limit
        self._transport: httpx.AsyncHTTPTransport | None = None

    async def beat(self) -> Sent | Failed:
        """Fetch the URL once; never raises for what becomes of it. Redirects are not followed, bodies are not read."""
        try:
            async with asyncio.timeout(self._limit):
                return await self._beat()
        except TimeoutError:
            return Failed(f"no answer within {self._limit:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Failed(_cause(error))

    async def _beat(self) -> Sent | Failed:
        if self._transport is None:
            # in a thread, for it reads all certificates; past httpx's client, which logs the URL
            self._transport = await asyncio.to_thread(_transport, self._url)
        headers = {"User-Agent": f"watcher/{__version__}", "Accept-Encoding": "identity"}
        response = await self._transport.handle_async_request(httpx.Request("GET", self._url, headers=headers))
        await response.aclose()
        if response.is_success:
            return Sent()
        redirects = ", and redirects are not followed" if response.has_redirect_location else ""
        return Failed(f"HTTP {response.status_code}{redirects}")

    async def aclose(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            with contextlib.suppress(httpx.HTTPError, OSError):
                await self._transport.aclose()


def _transport(url: httpx.URL) -> httpx.AsyncHTTPTransport:
    proxy = None if proxy_bypass(url.host) else getproxies().get(url.scheme)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)  # by the next beat it would be stale
    return httpx.AsyncHTTPTransport(verify=True, trust_env=False, proxy=proxy or None, limits=limits)


def _cause(error: BaseException) -> str:
    """Return what went wrong, in words that are ours: those of others may hold the URL."""
    match error:
        case httpx.ConnectError():
            return "no connection"
        case httpx.ProtocolError():
            return "the answer is not HTTP"
        case httpx.NetworkError():
            return "the connection was cut"
    return type(error).__name__
