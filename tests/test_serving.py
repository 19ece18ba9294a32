"""Serving inside somebody else's event loop: where, to how many, and to the end in time."""

import asyncio
import contextlib
import time

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from watcher.serving import served


async def _hello(_: Request) -> Response:
    return PlainTextResponse("hello")


async def _slow(_: Request) -> Response:
    await asyncio.sleep(30)
    return PlainTextResponse("late")


APP = Starlette(routes=[Route("/", _hello), Route("/slow", _slow)])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_it_listens_where_it_is_told(host: str) -> None:
    async def run() -> httpx.Response:
        async with served(APP, host, 0) as url, httpx.AsyncClient(trust_env=False) as client:
            return await client.get(url)

    answer = asyncio.run(run())
    assert answer.text == "hello"
    assert "server" not in answer.headers


def test_a_port_in_use_is_an_error_and_not_the_end_of_the_program() -> None:
    async def run() -> None:
        async with served(APP, "127.0.0.1", 0) as url:
            port = int(url.rpartition(":")[2])
            with pytest.raises(OSError, match="in use"):
                async with served(APP, "127.0.0.1", port):
                    pass
            async with httpx.AsyncClient(trust_env=False) as client:
                assert (await client.get(url)).status_code == 200

    asyncio.run(run())


def test_it_ends_in_time_though_a_request_goes_on_and_a_connection_is_kept() -> None:
    async def run() -> float:
        async with httpx.AsyncClient(trust_env=False) as client:
            async with served(APP, "127.0.0.1", 0) as url:
                await client.get(url)
                asking = asyncio.create_task(client.get(f"{url}/slow"))
                await asyncio.sleep(0.2)
                began = time.perf_counter()
            took = time.perf_counter() - began
            await asyncio.gather(asking, return_exceptions=True)
            return took

    assert asyncio.run(run()) < 2.5


@pytest.mark.parametrize(
    ("first", "again"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"x", id="a byte at a time"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nX: ", b"x", id="a second request that has no end"
        ),
    ],
)
def test_who_holds_a_connection_for_nothing_is_cut_off(first: bytes, again: bytes) -> None:
    async def run() -> float:
        async with served(APP, "127.0.0.1", 0, patience=0.5) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            began = time.perf_counter()
            writer.write(first)
            with contextlib.suppress(OSError):
                while await asyncio.wait_for(_something(reader), 5):
                    writer.write(again)
            writer.close()
            return time.perf_counter() - began

    assert 0.4 < asyncio.run(run()) < 2


async def _something(reader: asyncio.StreamReader) -> bool:
    """Wait a moment for what is sent; return whether the connection is still there."""
    try:
        async with asyncio.timeout(0.1):
            return bool(await reader.read(65536))
    except TimeoutError:
        return True


def test_those_beyond_the_most_are_told_to_come_again() -> None:
    async def run() -> list[int]:
        async with served(APP, "127.0.0.1", 0, most=2) as url, httpx.AsyncClient(trust_env=False) as client:
            waiting = [asyncio.create_task(client.get(f"{url}/slow")) for _ in range(2)]
            await asyncio.sleep(0.2)
            refused = await client.get(url)
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            await asyncio.sleep(0.1)
            return [refused.status_code, (await client.get(url)).status_code]

    assert asyncio.run(run()) == [503, 200]
