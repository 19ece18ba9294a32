"""demo: the main job on one machine, the same every time."""

import contextlib
import re
import signal
import socket
import time
from pathlib import Path

import httpx

from tests.end_to_end.live import environment, eventually, process, watcher
from tests.waiting import until


def test_once_tells_the_same_twice_and_sums_up(tmp_path: Path) -> None:
    env = environment("http://127.0.0.1:9", tmp_path / "unused")
    first, second = (watcher("demo", "--once", "--sessions", "20", "--seed", "7", env=env, cwd=tmp_path) for _ in "12")
    assert (first.returncode, first.stderr) == (0, "")
    assert "20 sessions of 22 symbols" in first.stdout
    assert first.stdout.count("[") >= 3, "alerts have their id in brackets"
    assert first.stdout == second.stdout
    assert not (tmp_path / "unused").exists()


def test_the_daemon_of_the_demo_tells_within_ten_seconds(tmp_path: Path) -> None:
    env = environment("http://127.0.0.1:9", tmp_path / "unused")
    began = time.perf_counter()
    with process("demo", "--advance", "100ms", env=env, cwd=tmp_path) as running:
        printed = eventually(tmp_path / "out", "▲", 10)
        assert time.perf_counter() - began < 10
        (page,) = re.findall(r"The page: (http://127\.0\.0\.1:\d+/)", printed)
        assert '<h2 id="alerts">Alerts</h2>' in httpx.get(page).text
        running.send_signal(signal.SIGINT)
        assert running.wait(5) == 0


def test_a_port_that_is_taken_is_said_and_the_demo_goes_on(tmp_path: Path) -> None:
    env = environment("http://127.0.0.1:9", tmp_path / "unused")
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # whoever has it already, it is taken
            stack.enter_context(socket.create_server(("127.0.0.1", 8780)))
        stack.enter_context(process("demo", env=env, cwd=tmp_path))
        printed = eventually(tmp_path / "out", "(8780 is taken)", 10)
        (page,) = re.findall(r"The page: (http://127\.0\.0\.1:\d+/)", printed)

        def answers() -> bool:
            with contextlib.suppress(httpx.ConnectError):
                return httpx.get(page).status_code == 200
            return False

        until(answers)
