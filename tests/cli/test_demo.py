"""demo: the main job on one machine, the same every time."""

import signal
import time
from pathlib import Path

from tests.end_to_end.live import environment, eventually, process, watcher


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
        eventually(tmp_path / "out", "▲", 10)
        assert time.perf_counter() - began < 10
        running.send_signal(signal.SIGINT)
        assert running.wait(5) == 0
