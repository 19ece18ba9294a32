"""What programs ask: each route fails where what it is about has failed."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from tests.conftest import NOW
from tests.web.test_telemetry import SNAPSHOT, STORED
from watcher.core.health import Check, Reason
from watcher.errors import StoreError
from watcher.serving import served
from watcher.web.probes import probes
from watcher.web.telemetry import Snapshot


class Probed:
    """What the routes ask, as a test wants it."""

    def __init__(self) -> None:
        self.reasons: tuple[Reason, ...] = ()
        self.stuck: tuple[str, ...] = ()
        self.status: Mapping[str, object] | StoreError = {"ready": True, "at": NOW, "name": "香港"}

    async def snapshot(self, symbols: bool) -> Snapshot:
        return SNAPSHOT if symbols else replace(SNAPSHOT, stored=replace(STORED, symbols=()))

    async def standing(self) -> Mapping[str, object]:
        if isinstance(self.status, StoreError):
            raise self.status
        return self.status

    def get(self, *paths: str, **headers: str) -> list[httpx.Response]:
        """Serve the routes, and ask for paths."""

        async def run() -> list[httpx.Response]:
            routes = probes(lambda: self.reasons, lambda: self.stuck, self.snapshot, self.standing)
            async with (
                served(Starlette(routes=list(routes)), "127.0.0.1", 0) as url,
                httpx.AsyncClient(base_url=url, trust_env=False, headers=headers) as client,
            ):
                return [await client.get(path) for path in paths]

        return asyncio.run(run())


@pytest.fixture
def probed() -> Probed:
    return Probed()


def test_all_is_well(probed: Probed) -> None:
    alive, ready = probed.get("/healthz", "/readyz")
    assert (alive.status_code, alive.text) == (200, "alive\n")
    assert (ready.status_code, ready.text) == (200, "ready\n")
    assert ready.headers["cache-control"] == "no-store"
    assert ready.headers["date"].endswith(" GMT")


def test_what_is_not_well_is_not_ready_and_alive(probed: Probed) -> None:
    probed.reasons = (Reason(Check.STORE, "the disk is full"), Reason(Check.OUTBOX, "channel desk is late"))
    alive, ready = probed.get("/healthz", "/readyz")
    assert alive.status_code == 200
    assert (ready.status_code, ready.text) == (503, "store: the disk is full\noutbox: channel desk is late\n")


def test_what_stands_still_is_not_alive(probed: Probed) -> None:
    probed.stuck = ("the scheduler", "delivery")
    (alive,) = probed.get("/healthz")
    assert (alive.status_code, alive.text) == (503, "the scheduler stands still\ndelivery stands still\n")


def test_metrics_are_in_the_format_asked_for_and_symbols_only_on_demand(probed: Probed) -> None:
    plain, with_symbols, other = probed.get("/metrics", "/metrics?symbols=1", "/metrics?symbols=0")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert ("HK.00700" in plain.text, "HK.00700" in with_symbols.text, "HK.00700" in other.text) == (False, True, False)
    (open_metrics,) = probed.get("/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_metrics.text.endswith("# EOF\n")


def test_the_status_is_json_or_says_why_it_cannot_be_read(probed: Probed) -> None:
    (fine,) = probed.get("/api/status")
    assert fine.headers["content-type"] == "application/json"
    assert json.loads(fine.text) == {"ready": True, "at": NOW.isoformat(), "name": "香港"}
    probed.status = StoreError("watcher.db is locked by another process")
    (refused,) = probed.get("/api/status")
    assert (refused.status_code, refused.json()) == (503, {"error": "watcher.db is locked by another process"})


def test_nothing_can_be_changed(probed: Probed) -> None:
    async def run() -> int:
        routes = probes(lambda: (), lambda: (), probed.snapshot, probed.standing)
        async with served(Starlette(routes=list(routes)), "127.0.0.1", 0) as url, httpx.AsyncClient() as client:
            return (await client.post(f"{url}/readyz")).status_code

    assert asyncio.run(run()) == 405
