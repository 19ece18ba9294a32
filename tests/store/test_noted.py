"""What the daemon notes of itself, and whether one is at work, as others see it."""

import fcntl
import os
import threading
import time
from pathlib import Path

import pytest

from tests.conftest import NOW
from watcher.core.health import Check, Reason
from watcher.errors import StateInUse, StoreError
from watcher.store.lock import Lock, held
from watcher.store.noted import Noted, last_note, note

REASONS = (Reason(Check.UPSTREAM, "no usable answer"), Reason(Check.OUTBOX, "channel desk is late"))


@pytest.mark.parametrize(
    "noted",
    [
        pytest.param(Noted(NOW), id="nothing but that it is there"),
        pytest.param(Noted(NOW, NOW, NOW, REASONS, "http://127.0.0.1:8780"), id="all there is"),
        pytest.param(Noted(NOW, page_fault="the port is in use"), id="no page"),
    ],
)
def test_a_note_is_read_as_it_was_written(tmp_path: Path, noted: Noted) -> None:
    note(tmp_path, Noted(NOW, NOW))
    note(tmp_path, noted)
    assert last_note(tmp_path) == noted
    assert (tmp_path / "daemon.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content", [None, "", "{", "[]", "{}", '{"at": 5}', '{"at": "soon"}', '{"at": "2026-03-02T09:00:00", "reasons": 1}']
)
def test_what_is_no_note_is_none(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "daemon.json").write_text(content)
    assert last_note(tmp_path) is None


def test_a_note_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        note(tmp_path / "none", Noted(NOW))


def test_who_has_the_lock_is_at_work_and_a_file_that_is_left_is_nobody(tmp_path: Path) -> None:
    assert not held(tmp_path)
    with Lock.taken(tmp_path, "a test"):
        assert held(tmp_path)
    assert not held(tmp_path)


def test_a_lock_that_may_not_be_looked_at_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a directory should be")
    with pytest.raises(StoreError, match=r"watcher\.lock cannot be read"):
        held(tmp_path / "state")


def test_who_only_looks_does_not_keep_a_daemon_from_its_start(tmp_path: Path) -> None:
    """`watcher status` has the lock for some microseconds: a second look finds it free again."""
    Lock.taken(tmp_path, "a test").release()
    looking = os.open(tmp_path / "watcher.lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.01, lambda: os.close(looking)).start()
    with Lock.taken(tmp_path, "a test"):
        pass


def test_who_is_at_work_is_refused_soon(tmp_path: Path) -> None:
    with Lock.taken(tmp_path, "process 1 on here"):
        began = time.perf_counter()
        with pytest.raises(StateInUse, match="in use by process 1 on here"):
            Lock.taken(tmp_path, "a test")
        assert time.perf_counter() - began < 1
