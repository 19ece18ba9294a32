"""The disk fills, turns read-only, refuses one write: nothing is lost, and nothing is told that is not stored."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from io import StringIO
from pathlib import Path

import pytest

from tests.builders import RECORDED, notification
from tests.conftest import NOW
from tests.end_to_end.live import ManualClock, environment, eventually, printed, process, watcher
from tests.upstream.servers import serving
from watcher.core.book import CONSOLE, RuleBook
from watcher.core.market import Symbol
from watcher.core.notification import Claim
from watcher.core.outbox import Status
from watcher.delivery.channels import ConsoleChannel
from watcher.errors import StoreError
from watcher.jobs.deliver import drain
from watcher.store import opening
from watcher.store.file import FILE
from watcher.store.store import Store
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app
from watcher.writer import WriterThread

US = Symbol("US.XRT")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


class Disk:
    """A disk of 512 KiB."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rest = path / "rest"

    def fill(self) -> None:
        with self._rest.open("wb", buffering=0) as rest:
            try:
                while True:
                    rest.write(bytes(1024))
            except OSError:
                pass

    def make_room(self) -> None:
        self._rest.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    _mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", str(path))
    yield Disk(path)
    subprocess.run(["umount", "-l", str(path)], check=True)


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    _mount("--bind", str(path), str(path))
    _mount("-o", "remount,ro,bind", str(path))
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


def _keep(store: Store, value: str) -> None:
    with store.write() as tx:
        tx.keep("key", value)


def _kept(store: Store) -> str | None:
    with store.read() as tx:
        return tx.note("key")


@ROOT
def test_a_full_disk_is_said_and_what_is_stored_can_be_read(disk: Disk) -> None:
    store = Store.open_for_writing(disk.path, "a test", NOW)
    _keep(store, "before")
    disk.fill()
    with pytest.raises(StoreError, match="the disk is full"):
        _keep(store, "lost" * 4000)
    with pytest.raises(StoreError, match=r"the disk is full|No space left"):
        store.back_up(NOW)
    with pytest.raises(StoreError, match="No space left"):
        store.note_cycle(NOW, NOW, 1, 0)
    assert _kept(store) == "before"
    disk.make_room()
    _keep(store, "after")
    store.note_cycle(NOW, NOW, 1, 0)
    assert _kept(store) == "after"
    store.close()


@ROOT
def test_a_start_on_a_full_disk_works_where_nothing_is_to_be_written(disk: Disk) -> None:
    Store.open_for_writing(disk.path, "a test", NOW).close()
    disk.fill()
    store = Store.open_for_writing(disk.path, "a test with a longer name", NOW)
    assert _kept(store) is None
    store.close()
    assert Store.open_for_writing(disk.path, "a test", NOW).recovered is None


@ROOT
def test_a_start_on_a_full_disk_is_refused_where_something_is_to_be_written(disk: Disk) -> None:
    store = Store.open_for_writing(disk.path, "is killed", NOW)
    with store.write() as tx:
        tx.alerts.add_transitions([notification()], NOW)
        tx.outbox.enqueue([notification()], NOW)
        tx.outbox.claim(Claim.of(tx.outbox.entries()), "is killed")
    store.close()
    disk.fill()
    with pytest.raises(StoreError, match="the disk is full"):
        Store.open_for_writing(disk.path, "a test", NOW)
    disk.make_room()
    Store.open_for_writing(disk.path, "a test", NOW).close()


@ROOT
def test_a_first_start_on_a_full_disk_is_refused(disk: Disk) -> None:
    disk.fill()
    with pytest.raises(StoreError, match="cannot hold the state: No space left"):
        Store.open_for_writing(disk.path, "a test", NOW)
    disk.make_room()
    store = Store.open_for_writing(disk.path, "a test", NOW)
    store.close()
    assert store.recovered is None, "there was nothing before"


@ROOT
def test_a_damaged_store_on_a_full_disk_is_left_where_it_is(disk: Disk) -> None:
    """It is put aside when there is room for another."""
    Store.open_for_writing(disk.path, "a test", NOW).close()
    (disk.path / FILE).write_bytes(b"damaged" * 1000)
    disk.fill()
    with pytest.raises(StoreError, match="the disk is full"):
        Store.open_for_writing(disk.path, "a test", NOW)
    assert (disk.path / FILE).read_bytes() == b"damaged" * 1000
    disk.make_room()
    store = Store.open_for_writing(disk.path, "a test", NOW)
    store.close()
    assert "begun anew" in str(store.recovered)


@ROOT
def test_a_disk_that_turns_read_only_is_said_and_recovers(tmp_path: Path) -> None:
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    _keep(store, "before")
    with read_only(tmp_path):
        with pytest.raises(StoreError, match=r"cannot be (read or )?written"):
            _keep(store, "lost")
        assert _kept(store) == "before"
        with pytest.raises(StoreError, match="Read-only file system"):
            store.back_up(NOW)
    _keep(store, "after")
    assert _kept(store) == "after"
    store.close()


def test_a_limit_on_the_size_of_files_is_said(tmp_path: Path) -> None:
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / FILE).stat().st_size, hard))
    try:
        with pytest.raises(StoreError, match=r"cannot be (read or )?written"):
            _keep(store, "lost" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    _keep(store, "after" * 100_000)
    assert _kept(store) == "after" * 100_000
    store.close()


def test_a_store_that_another_process_has_locked_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_BUSY_SECONDS", 0.05)
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked by another process"):
        _keep(store, "lost")
    with pytest.raises(StoreError, match="locked by another process"):
        _kept(store)
    other.close()
    _keep(store, "after")
    store.close()


@ROOT
def test_on_a_full_disk_what_is_pending_is_told_once_and_settled_when_there_is_room(disk: Disk) -> None:
    store = Store.open_for_writing(disk.path, "a test", NOW)
    with store.write() as tx:
        tx.alerts.add_transitions([notification()], NOW)
        tx.outbox.enqueue([notification()], NOW)
    console, writer = StringIO(), WriterThread()

    async def deliver() -> int:
        attempts = drain(
            CONSOLE, store, ConsoleChannel(console), RuleBook, writer, ManualClock(NOW), lambda: 0.0, patient=True
        )
        first = asyncio.ensure_future(anext(attempts))
        await asyncio.sleep(1.5)
        assert not first.done(), "its outcome cannot be stored"
        assert console.getvalue().count(notification().id) == 1
        disk.make_room()
        await first
        return 1 + len([attempt async for attempt in attempts])

    disk.fill()
    try:
        assert asyncio.run(deliver()) == 1
    finally:
        writer.close()
    with store.read() as tx:
        (entry,) = tx.outbox.entries()
    assert entry.delivery.status is Status.SENT
    assert console.getvalue().count(notification().id) == 1
    store.close()


@ROOT
def test_what_was_told_on_a_full_disk_by_a_process_that_died_is_repeated_as_such(disk: Disk) -> None:
    store = Store.open_for_writing(disk.path, "dies", NOW)
    with store.write() as tx:
        tx.alerts.add_transitions([notification()], NOW)
        tx.outbox.enqueue([notification()], NOW)
    console, writer = StringIO(), WriterThread()

    async def deliver(store: Store) -> None:
        channel, clock = ConsoleChannel(console), ManualClock(NOW)
        async for _ in drain(CONSOLE, store, channel, RuleBook, writer, clock, lambda: 0.0):
            pass

    try:
        disk.fill()
        with pytest.raises(StoreError):
            asyncio.run(deliver(store))
        store.close()
        disk.make_room()
        store = Store.open_for_writing(disk.path, "a test", NOW)
        asyncio.run(deliver(store))
    finally:
        writer.close()
    first, again = (line for line in console.getvalue().splitlines() if notification().id in line)
    assert ("possibly a repeat" in first, "possibly a repeat" in again) == (False, True)
    with store.read() as tx:
        (entry,) = tx.outbox.entries()
    assert entry.delivery.status is Status.SENT
    store.close()


RULES = """
[[rule]]
name = "often"
symbols = ["US.XRT"]
when = "short_percent > 60"
"""


@pytest.fixture
def archive() -> RecordedArchive:
    return RecordedArchive(RECORDED, date(2021, 1, 4))


@ROOT
def test_a_poll_on_a_full_disk_says_so_in_one_line_and_the_next_one_catches_up(
    tmp_path: Path, disk: Disk, archive: RecordedArchive
) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    with serving(create_app(archive)) as url:
        env = environment(url, disk.path)
        assert watcher("poll", env=env, cwd=tmp_path).returncode == 0
        for _ in range(30):
            archive.advance()
        disk.fill()
        full = watcher("poll", env=env, cwd=tmp_path)
        assert full.returncode == 75
        assert "the disk is full" in full.stderr.splitlines()[-1]
        assert "Traceback" not in full.stderr
        disk.make_room()
        caught_up = watcher("poll", "--json", env=env, cwd=tmp_path)
    assert caught_up.returncode == 0
    told = printed(caught_up)
    assert isinstance(told, dict)
    assert told["notifications"]


@ROOT
def test_a_daemon_on_a_full_disk_stays_and_goes_on_when_there_is_room(
    tmp_path: Path, disk: Disk, archive: RecordedArchive
) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    with serving(create_app(archive)) as url:
        env = environment(url, disk.path, WATCHER_SCHEDULE__EVERY="200ms")
        with process("run", env=env, cwd=tmp_path) as daemon:
            eventually(tmp_path / "err", "polled")
            disk.fill()
            for _ in range(30):
                archive.advance()
            eventually(tmp_path / "err", "the disk is full")
            time.sleep(3)
            lines = (tmp_path / "err").read_text().count("the disk is full")
            assert lines <= 2, "said, but not at every cycle"
            assert daemon.poll() is None
            disk.make_room()
            eventually(tmp_path / "out", "US.XRT")
            daemon.terminate()
            assert daemon.wait(10) == 0


def eventually_ends(daemon: subprocess.Popen[str], damage: Callable[[], object]) -> None:
    """Damage again and again: a commit under way writes its own pages over the first damage, from memory."""
    for _ in range(100):
        damage()
        with suppress(subprocess.TimeoutExpired):
            daemon.wait(0.3)
            return
    pytest.fail("it goes on with a store that is none")


def test_a_daemon_whose_store_is_damaged_ends_and_the_next_one_recovers(tmp_path: Path) -> None:
    """What fires goes out again as one message that says why, and nothing else of the past."""
    (tmp_path / "rules.toml").write_text(RULES.replace("short_percent > 60", "short_ratio > 70"))
    with serving(create_app(RecordedArchive(RECORDED, date(2021, 2, 12)))) as url:
        env = environment(url, tmp_path / "state", WATCHER_SCHEDULE__EVERY="200ms")
        with process("run", env=env, cwd=tmp_path) as daemon:
            eventually(tmp_path / "out", "US.XRT 80.20 % > 70")
            path = tmp_path / "state" / FILE
            eventually_ends(daemon, lambda: path.write_bytes(b"\xff" * path.stat().st_size))
            assert daemon.returncode == 75, (tmp_path / "err").read_text()
        said = (tmp_path / "err").read_text().splitlines()[-1]
        assert "is damaged" in said or "is no database" in said
        again = watcher("poll", env=env, cwd=tmp_path)
        once_more = watcher("poll", env=env, cwd=tmp_path)
    assert again.returncode == 0
    assert "state recovered" in again.stderr
    assert "begun anew, for there is no good backup" in again.stdout, "the operator is told"
    assert again.stdout.count("US.XRT 80.20 % > 70") == 1
    assert again.stdout.count("state was lost: what fires now") == 1
    assert "80.20" not in once_more.stdout
    assert "what is told is news again" in once_more.stdout
