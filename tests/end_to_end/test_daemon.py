"""The daemon as a process: signals, reload, the state directory to itself, systemd's protocol."""

import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from tests.builders import RECORDED
from tests.delivery.receivers import Webhook, status
from tests.end_to_end.live import environment, eventually, process, watcher
from tests.upstream.servers import serving
from tests.waiting import until
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app

RULES = '[[rule]]\nname = "level"\nsymbols = ["US.XRT"]\nwhen = "short_percent > 80"\n'


@pytest.fixture
def archive() -> RecordedArchive:
    return RecordedArchive(RECORDED, date(2021, 2, 11))


@pytest.fixture
def env(tmp_path: Path, archive: RecordedArchive) -> Iterator[dict[str, str]]:
    (tmp_path / "rules.toml").write_text(RULES)
    with serving(create_app(archive)) as url:
        yield environment(url, tmp_path / "state", WATCHER_SCHEDULE__EVERY="100ms")


def _ended(running: "subprocess.Popen[str]", number: signal.Signals, seconds: float = 5) -> int:
    running.send_signal(number)
    return running.wait(seconds)


def test_it_tells_what_comes_and_ends_cleanly_on_sigterm(
    tmp_path: Path, env: dict[str, str], archive: RecordedArchive
) -> None:
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "event=polled")
        assert (tmp_path / "out").read_text() == ""
        archive.advance()
        told = eventually(tmp_path / "out", "US.XRT 80.")
        assert told.count("level") == 1
        assert _ended(running, signal.SIGTERM) == 0
    eventually(tmp_path / "err", "event=stopped")


def test_a_second_sigterm_is_no_second_stop(tmp_path: Path, env: dict[str, str]) -> None:
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "event=polled")
        running.send_signal(signal.SIGTERM)
        assert _ended(running, signal.SIGTERM) == 0


def test_it_ends_in_time_though_its_receiver_hangs_and_tells_it_at_the_next_start(
    tmp_path: Path, env: dict[str, str], archive: RecordedArchive
) -> None:
    archive.advance()
    with Webhook(status(200)) as hook:
        hook.answers.insert(0, hook.hang)
        (tmp_path / "rules.toml").write_text(f'[channels.hook]\n{RULES}notify = ["hook"]\n')
        env |= {"WATCHER_CHANNELS__HOOK": hook.url}
        with process("run", env=env, cwd=tmp_path) as running:
            until(lambda: hook.bodies)
            assert len(hook.bodies) == 1
            assert _ended(running, signal.SIGTERM, 5) == 0
        with process("run", env=env, cwd=tmp_path) as running:
            eventually(tmp_path / "err", "event=delivered")
            assert _ended(running, signal.SIGTERM) == 0
    assert len(hook.bodies) == 2
    assert "possibly a repeat" in hook.bodies[1]["message"] + hook.bodies[1]["title"]


def test_sighup_takes_new_rules_up(tmp_path: Path, env: dict[str, str]) -> None:
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "event=polled")
        (tmp_path / "rules.toml").write_text(RULES.replace("> 80", "> 20"))
        running.send_signal(signal.SIGHUP)
        eventually(tmp_path / "out", "rule changed")
        assert _ended(running, signal.SIGTERM) == 0


def test_sighup_with_broken_rules_keeps_the_old_ones_and_says_so(
    tmp_path: Path, env: dict[str, str], archive: RecordedArchive
) -> None:
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "event=polled")
        (tmp_path / "rules.toml").write_text(RULES.replace("short_percent", "short_precent"))
        running.send_signal(signal.SIGHUP)
        said = eventually(tmp_path / "err", "rules kept")
        assert "rules.toml:4:9: error: unknown metric 'short_precent'" in said
        archive.advance()
        eventually(tmp_path / "out", "US.XRT 80.")
        assert _ended(running, signal.SIGTERM) == 0


def test_the_state_directory_is_one_daemons_alone(tmp_path: Path, env: dict[str, str]) -> None:
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "event=polled")
        for command in ("poll", "run"):
            refused = watcher(command, env=env, cwd=tmp_path)
            assert refused.returncode == 75
            assert f"in use by process {running.pid} on " in refused.stderr
        assert watcher("status", env=env, cwd=tmp_path).returncode == 0
        assert watcher("poll", "--dry-run", env=env, cwd=tmp_path).returncode == 0


def test_systemd_hears_when_it_is_ready_reloads_and_stops(tmp_path: Path, env: dict[str, str]) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(60)
        heard: list[str] = []

        def hear(what: str) -> None:
            while not any(what in each for each in heard):
                heard.append(manager.recv(4096).decode())

        with process("run", env=env | {"NOTIFY_SOCKET": str(address)}, cwd=tmp_path) as running:
            hear("READY=1")
            heard.clear()
            running.send_signal(signal.SIGHUP)
            hear("RELOADING=1")
            hear("READY=1")
            assert any("MONOTONIC_USEC=" in each for each in heard)
            hear("STATUS=last cycle")
            running.send_signal(signal.SIGTERM)
            hear("STOPPING=1")
            assert running.wait(5) == 0


def test_a_reload_asked_for_too_early_does_not_end_the_start(tmp_path: Path, env: dict[str, str]) -> None:
    with process("run", env=env, cwd=tmp_path) as running:
        until((tmp_path / "state" / "watcher.lock").exists)
        running.send_signal(signal.SIGHUP)
        eventually(tmp_path / "err", "event=started")
        assert _ended(running, signal.SIGTERM) == 0


def test_an_edit_is_taken_up_without_a_signal(tmp_path: Path, env: dict[str, str]) -> None:
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "event=polled")
        (tmp_path / "rules.toml").write_text(RULES.replace("> 80", "> 20"))
        eventually(tmp_path / "out", "rule changed")
        said = (tmp_path / "err").read_text()
        assert said.count('event="rules loaded"') == 1
        assert "~ rule level: when changed, judged anew" in said
        assert _ended(running, signal.SIGTERM) == 0


def test_rules_that_cannot_be_copied_are_in_force_all_the_same(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "state").mkdir(exist_ok=True)
    (tmp_path / "state" / "rules.good").write_text("in the way")
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "rules not copied")
        eventually(tmp_path / "err", "event=polled")
        (tmp_path / "rules.toml").write_text(RULES.replace("> 80", "> 20"))
        eventually(tmp_path / "err", "rules loaded")
        until(lambda: (tmp_path / "err").read_text().count("rules not copied") == 2)
        assert _ended(running, signal.SIGTERM) == 0


def test_an_edit_made_while_the_store_is_locked_is_taken_up_once_it_is_not(tmp_path: Path, env: dict[str, str]) -> None:
    """Nor does a bad one end the watch for edits, though the operator cannot be told of it yet."""
    with process("run", env=env | {"WATCHER_SCHEDULE__EVERY": "1h"}, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "event=polled")
        with closing(sqlite3.connect(tmp_path / "state" / "watcher.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            (tmp_path / "rules.toml").write_text(f"[channels.desk]\n{RULES}")
            eventually(tmp_path / "err", "it is tried again")
        eventually(tmp_path / "out", "these channels have no URL: desk")
        (tmp_path / "rules.toml").write_text(RULES.replace("> 80", "> 20"))
        eventually(tmp_path / "err", "rules loaded")
        assert _ended(running, signal.SIGTERM) == 0


def test_an_edit_that_lacks_a_url_survives_a_restart_and_status_says_what_it_lacks(
    tmp_path: Path, env: dict[str, str]
) -> None:
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "event=polled")
        assert _ended(running, signal.SIGTERM) == 0
    (tmp_path / "rules.toml").write_text(f'[channels.desk]\n{RULES}notify = ["desk"]\n')
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "out", "the rules are as they were: these channels have no URL: desk")
        shown = watcher("status", env=env, cwd=tmp_path).stdout
        assert "NOT VALID, the last good ones run" in shown
        assert "these channels have no URL: desk; set WATCHER_CHANNELS__DESK" in shown
        assert _ended(running, signal.SIGTERM) == 0


def test_a_bad_edit_survives_kill_9_the_old_rules_run_and_the_operator_is_told_once(
    tmp_path: Path, env: dict[str, str], archive: RecordedArchive
) -> None:
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "event=polled")
        (tmp_path / "rules.toml").write_text(RULES.replace("short_percent", "short_precent"))
        eventually(tmp_path / "out", "the rules have errors")
        eventually(tmp_path / "err", "event=delivered")  # killed before, it would rightly say it again
        running.kill()
        running.wait()
    archive.advance()
    with process("run", env=env, cwd=tmp_path) as running:
        told = eventually(tmp_path / "out", "US.XRT 80.")
        assert "the rules have errors" not in told, "that was told before"
        assert "rules.toml:4:9" in eventually(tmp_path / "err", "rules kept")
        shown = watcher("status", env=env, cwd=tmp_path)
        assert "NOT VALID" in shown.stdout
        assert "rules.toml:4:9" in shown.stdout
        (tmp_path / "rules.toml").write_text(RULES)
        eventually(tmp_path / "out", "the rules are in order again")
        assert _ended(running, signal.SIGTERM) == 0
