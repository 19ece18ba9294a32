"""Faults that make the daemon not well: /readyz says so in the documented time, and the heartbeat falls silent.

The watchdog is left unfed only where a restart helps.
"""

import asyncio
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.responses import Response

from tests.delivery.receivers import Webhook, status
from tests.faults.at_work import at_work
from tests.waiting import until_async
from watcher.core import progress
from watcher.delivery.channels import AppriseChannel

HANGS = Response(status_code=599)
RULES = (
    '[[rule]]\nname = "level"\nsymbols = ["HK.00700", "HK.02800", "HK.09988"]\nwhen = "daily_trade_avg_ratio > 90"\n'
)
LOUD = """
[channels.hook]
[[rule]]
name = "level"
symbols = ["HK.00700"]
when = "daily_trade_avg_ratio > 5"
notify = ["hook"]
"""


def test_all_is_well_is_said_to_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with at_work(tmp_path, monkeypatch, RULES) as daemon:
            assert await daemon.until("/readyz", 200) == "ready\n"
            assert await daemon.get("/healthz") == (200, "alive\n")
            assert await daemon.beating()
            assert await daemon.fed()
            code, text = await daemon.get("/metrics")
            assert code == 200
            assert "watcher_ready 1.0" in text
            assert 'watcher_upstream_requests_total{outcome="ok"} 3.0' in text
            assert 'watcher_market_lateness_seconds{market="HK"} 0.0' in text

    asyncio.run(run())


def test_a_weekend_is_no_reason_to_be_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with at_work(tmp_path, monkeypatch, RULES, newest=["2026-01-13"]) as daemon:
            await daemon.until("/readyz", 200)
            daemon.publisher.publish("2026-01-16")
            daemon.clock.pass_by(timedelta(days=5))  # to Sunday
            await asyncio.sleep(0.3)
            await daemon.until("/readyz", 200)
            daemon.publisher.taken()
            daemon.clock.pass_by(timedelta(hours=12))
            await asyncio.sleep(0.3)
            await daemon.until("/readyz", 200)
            assert await daemon.beating()
            assert daemon.publisher.taken() == [], "and asks nothing"

    asyncio.run(run())


def test_upstream_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not ready when the operator is told: where one symbol at a time is asked, a quarter of an hour and a retry."""

    async def run() -> None:
        async with at_work(tmp_path, monkeypatch, RULES, patience=1) as daemon:
            await daemon.until("/readyz", 200)
            daemon.clock.pass_by(timedelta(hours=3, minutes=29))
            await asyncio.sleep(0.3)
            await daemon.until("/readyz", 200)
            daemon.publisher.down = HANGS
            took = await daemon.passes(timedelta(minutes=25), until=lambda: not daemon.ready)
            assert took <= timedelta(minutes=20)
            text = await daemon.until("/readyz", 503)
            assert text.startswith("upstream: no usable answer since 2026-01-13 08:3")
            assert "no complete answer within 1 s" in text
            assert not await daemon.beating()
            assert await daemon.fed(), "a restart does not mend upstream"
            assert (await daemon.get("/healthz"))[0] == 200
            assert "watcher_upstream_up 0.0" in (await daemon.get("/metrics"))[1]
            assert "NOT WELL: upstream" in daemon.status
            daemon.publisher.down = None
            daemon.publisher.publish("2026-01-13")
            await daemon.passes(timedelta(minutes=35), until=lambda: daemon.ready)
            await daemon.until("/readyz", 200)
            assert await daemon.beating()

    asyncio.run(run())


def test_a_store_that_another_process_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not ready half a minute after the last moment it could be used."""

    async def run() -> None:
        async with at_work(tmp_path, monkeypatch, RULES) as daemon:
            await daemon.until("/readyz", 200)
            other = sqlite3.connect(tmp_path / "state" / "watcher.db", isolation_level=None)
            other.execute("BEGIN EXCLUSIVE")
            await asyncio.sleep(0.5)
            assert daemon.ready, "for a moment it may be"
            daemon.clock.let_pass(timedelta(seconds=31))
            text = await daemon.until("/readyz", 503, "watcher.db is locked by another process")
            assert "store: it could not be read and written" in text
            assert not await daemon.beating()
            assert await daemon.fed(), "a restart does not take the lock from others"
            assert (await daemon.get("/api/status"))[0] == 503
            metrics = (await daemon.get("/metrics"))[1]
            assert 'watcher_check_ok{check="store"} 0.0' in metrics
            assert "watcher_store_size_bytes" not in metrics, "what cannot be read is not said"
            other.execute("ROLLBACK")
            other.close()
            await daemon.until("/readyz", 200)
            assert await daemon.beating()

    asyncio.run(run())


def test_a_channel_that_is_stuck_in_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not ready five minutes after a message was due."""

    async def run() -> None:
        with Webhook(status(200)) as hook:
            hook.answers[:] = [hook.hang]
            async with at_work(tmp_path, monkeypatch, LOUD, {"hook": hook.url}) as daemon:
                # a channel of ours gives up after half a minute: this one has far longer, as one with a fault might
                daemon.parts.channels = {**daemon.parts.channels, "hook": AppriseChannel("hook", hook.url, limit=60)}
                await until_async(lambda: hook.bodies)
                await daemon.until("/readyz", 200)
                took = await daemon.passes(timedelta(minutes=10), until=lambda: not daemon.ready)
                assert timedelta(minutes=5) < took <= timedelta(minutes=6)
                assert (await daemon.until("/readyz", 503)).startswith(
                    "outbox: channel hook has not been told for 5 min"
                )
                assert not await daemon.beating()
                assert await daemon.fed(), "a restart would send the message once more, and hang again"
                text = (await daemon.get("/metrics"))[1]
                assert 'watcher_outbox_notifications{channel="hook",status="claimed"} 1.0' in text
                hook.answers[:] = [status(200)]
                hook.released.set()
                await daemon.until("/readyz", 200)
                assert await daemon.beating()

    asyncio.run(run())


def test_a_scheduler_that_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not ready a minute after the next turn should have begun, and a reason for a restart after two."""

    async def run() -> None:
        async with at_work(tmp_path, monkeypatch, RULES) as daemon:
            await daemon.until("/readyz", 200)
            daemon.daemon._turns._scheduler.remove_all_jobs()
            await asyncio.sleep(0.3)
            daemon.daemon._turns._scheduler.shutdown(wait=False)
            took = await daemon.passes(timedelta(minutes=5), until=lambda: not daemon.ready)
            assert took <= timedelta(minutes=2)
            await daemon.until("/readyz", 503, "scheduler: the next turn should have begun")
            assert not await daemon.beating()
            await daemon.passes(timedelta(minutes=2))
            assert await daemon.get("/healthz") == (503, "the scheduler stands still\n")
            assert not await daemon.fed()
            daemon.daemon._turns._scheduler.start()

    asyncio.run(run())


def test_a_stores_thread_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that does not answer: not ready after half a minute, and a reason for a restart."""
    monkeypatch.setattr(progress, "WORK_STUCK", timedelta(seconds=0.3))

    async def run() -> None:
        async with at_work(tmp_path, monkeypatch, RULES) as daemon:
            await daemon.until("/readyz", 200)
            released = threading.Event()
            hanging = asyncio.create_task(daemon.parts.writer(released.wait))
            try:
                assert await daemon.until("/healthz", 503) == "the store's thread stands still\n"
                assert not await daemon.fed()
                daemon.clock.let_pass(timedelta(seconds=31))
                await daemon.until("/readyz", 503, "store: it could not be read and written")
                assert not await daemon.beating()
                assert "watcher_ready 0.0" in (await daemon.get("/metrics"))[1]
            finally:
                released.set()
                await hanging
            await daemon.until("/readyz", 200)
            assert await daemon.fed()

    asyncio.run(run())


def test_a_part_that_ended_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with at_work(tmp_path, monkeypatch, RULES) as daemon:
            await daemon.until("/readyz", 200)

            async def ends() -> None:
                raise OSError("too many open files")

            await daemon.daemon._pulse.watched("rules watch", ends())
            await daemon.until("/readyz", 503, "loops: rules watch came to an end")

    asyncio.run(run())


def test_reloads_during_a_long_cycle_are_no_sign_of_a_dead_scheduler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn that is refused, because one runs and another waits, is planned again by those."""

    async def run() -> None:
        async with at_work(tmp_path, monkeypatch, RULES) as daemon:
            await daemon.until("/readyz", 200)
            turns = daemon.daemon._turns
            async with turns._one_at_a_time:
                for _ in range(4):
                    turns.plan()
                    await asyncio.sleep(0.1)
                await daemon.passes(timedelta(minutes=5))
                assert (await daemon.get("/healthz"))[0] == 200
                assert daemon.ready
            await daemon.until("/readyz", 200)

    asyncio.run(run())


def test_a_state_directory_that_takes_no_note_is_a_store_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with at_work(tmp_path, monkeypatch, RULES) as daemon:
            await daemon.until("/readyz", 200)
            (tmp_path / "state" / "daemon.json").unlink()
            (tmp_path / "state" / "daemon.json").mkdir()  # who is root writes to whatever may not be written
            await asyncio.sleep(0.3)
            daemon.clock.let_pass(timedelta(seconds=31))
            await daemon.until("/readyz", 503, "daemon.json cannot be written: Is a directory")
            (tmp_path / "state" / "daemon.json").rmdir()
            await daemon.until("/readyz", 200)

    asyncio.run(run())
