"""A daemon at work in this process, with its page, its heartbeat and a service manager that listens; time can pass."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.end_to_end.live import ManualClock, settings
from tests.jobs.publisher import Publisher
from tests.waiting import until_async
from watcher.daemon import Daemon, delivering, pulse, turns
from watcher.reloading import Reloading
from watcher.rulebook import start
from watcher.serving import served
from watcher.settings import HeartbeatSettings, UpstreamSettings, WebSettings
from watcher.store import opening
from watcher.upstream.contract import PATH
from watcher.wiring import Live, live

TUESDAY = datetime(2026, 1, 13, 5, 0, tzinfo=UTC)
"""The rows of Monday are there, those of Tuesday are to come at 08:30."""
STEP = timedelta(seconds=50)
"""So little time passes at once that nothing which is done every second seems late by a minute."""


class AtWork:
    """A daemon that runs, and what is seen of it from outside."""

    def __init__(self, daemon: Daemon, parts: Live, clock: ManualClock, publisher: Publisher) -> None:
        self.daemon = daemon
        self.parts = parts
        self.clock = clock
        self.publisher = publisher
        self.beats = 0
        self.hung = asyncio.Event()
        self.hanging = 0
        """How many requests upstream leaves without an answer now."""
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard: list[str] = []
        self.status = ""
        """What the service manager shows."""
        self._page: httpx.AsyncClient | None = None

    async def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a route of the page."""
        if self._page is None:
            assert self.daemon._pulse.page is not None
            self._page = httpx.AsyncClient(base_url=self.daemon._pulse.page, trust_env=False, timeout=10)
        answer = await self._page.get(path)
        return answer.status_code, answer.text

    async def until(self, path: str, status: int, text: str = "", seconds: float = 10) -> str:
        """Wait, in real time, until a route answers with this status and text; return the whole text."""
        found = (0, "")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while found[0] != status or text not in found[1]:
                    found = await self.get(path)
                    await asyncio.sleep(0.02)
        assert found[0] == status, found
        assert text in found[1]
        return found[1]

    async def passes(self, duration: timedelta, until: Callable[[], bool] = lambda: False) -> timedelta:
        """Let time pass, step by step, as long as not `until`; return how much did."""
        passed = timedelta()
        while passed < duration and not until():
            step = min(STEP, duration - passed)
            self.clock.let_pass(step)
            passed += step
            await asyncio.sleep(0.25)
            await until_async(lambda: not self.hanging)  # no time passes while the daemon finds that one hangs
        return passed

    @property
    def ready(self) -> bool:
        """What /readyz says, asked inside."""
        return not self.daemon._pulse.reasons()

    def listen(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Be the service manager, whose watchdog waits for 0.2 s."""
        self._manager.bind(str(directory / "nfy"))
        self._manager.setblocking(False)
        asyncio.get_running_loop().add_reader(self._manager, self._hear)
        monkeypatch.setenv("NOTIFY_SOCKET", str(directory / "nfy"))
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)

    def _hear(self) -> None:
        said = self._manager.recv(4096).decode()
        self._heard.append(said)
        if "STATUS=" in said:
            self.status = said.partition("STATUS=")[2].partition("\n")[0]

    def heard(self) -> list[str]:
        """Return what the service manager was told since this was asked last."""
        found, self._heard = self._heard, []
        return found

    async def fed(self) -> bool:
        """True if the watchdog is fed now."""
        self.heard()
        await asyncio.sleep(0.5)
        return "WATCHDOG=1" in self.heard()

    async def beating(self) -> bool:
        """True if heartbeats go out now."""
        before = self.beats
        await asyncio.sleep(0.4)
        return self.beats > before

    async def close(self) -> None:
        self.hung.set()
        if self._page is not None:
            await self._page.aclose()
        asyncio.get_running_loop().remove_reader(self._manager)
        self._manager.close()


@asynccontextmanager
async def at_work(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    rules: str,
    channels: Mapping[str, str] | None = None,
    at: datetime = TUESDAY,
    newest: Sequence[str] = ("2026-01-12",),
    patience: float = 10,
) -> AsyncIterator[AtWork]:
    """Run a daemon by these rules, which looks again ten times a second at all that it looks at.

    It waits `patience` seconds for upstream.
    """
    monkeypatch.setattr(turns, "LOOK_ANYWAY", timedelta(seconds=0.1))
    monkeypatch.setattr(pulse, "EVERY", timedelta(seconds=0.1))
    monkeypatch.setattr(pulse, "_ASK_AGAIN", timedelta(seconds=0.1))
    monkeypatch.setattr(delivering, "_REST", 0.1)
    monkeypatch.setattr(delivering, "_LOOK_AGAIN", 0.05)
    monkeypatch.setattr(opening, "_BUSY_SECONDS", 0.1)
    publisher, clock = Publisher(newest[-1]), ManualClock(at)
    (directory / "rules.toml").write_text(rules)
    found: list[AtWork] = []

    async def answer(request: Request) -> Response:
        if found and publisher.down is not None and publisher.down.status_code == 599:
            found[0].hanging += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(found[0].hung.wait(), 2 * patience)
            found[0].hanging -= 1
        return await publisher.answer(request)

    async def beat(_: Request) -> Response:
        found[0].beats += 1
        return Response()

    app = Starlette(routes=[Route(PATH, answer), Route("/beat", beat)])
    async with served(app, "127.0.0.1", 0) as url:
        state = directory / "state"
        configured = settings(url, state, channels).model_copy(
            update={
                "upstream": UpstreamSettings(url=url, rate="100000/1s", timeout=timedelta(seconds=patience)),
                "web": WebSettings(listen="127.0.0.1:0"),
                "heartbeat": HeartbeatSettings(url=f"{url}/beat", every=timedelta(seconds=0.1)),  # type: ignore[arg-type]
            }
        )
        begun = start(directory / "rules.toml", state)
        async with live(configured, begun.book, StringIO()) as parts:
            parts.clock = clock
            daemon = Daemon(parts, Reloading(parts, directory / "rules.toml", state, begun))
            at_work = AtWork(daemon, parts, clock, publisher)
            found.append(at_work)
            at_work.listen(directory, monkeypatch)
            running = asyncio.create_task(daemon.run())
            try:
                await until_async(lambda: daemon._pulse.page or running.done())
                yield at_work
            finally:
                await at_work.close()
                daemon.stop()
                await running
