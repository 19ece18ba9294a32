"""The service manager's protocol, as far as it is ours to read."""

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest

from watcher import systemd


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, None, id="nobody watches"),
        pytest.param({"WATCHDOG_USEC": "30000000"}, 30.0, id="somebody does"),
        pytest.param({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5, id="this process it is"),
        pytest.param({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None, id="it is another's"),
        pytest.param({"WATCHDOG_USEC": "0"}, None, id="no time"),
        pytest.param({"WATCHDOG_USEC": "soon"}, None, id="no number"),
    ],
)
def test_the_watchdog_is_fed_where_it_is_wanted_of_this_process(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: float | None
) -> None:
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert systemd.watchdog() == expected


def test_a_service_manager_that_does_not_read_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filling,
    ):
        manager.bind(str(tmp_path / "nfy"))
        filling.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                filling.sendto(b"full", str(tmp_path / "nfy"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nfy"))
        began = time.perf_counter()
        systemd.notify("WATCHDOG=1")
        assert time.perf_counter() - began < 1
