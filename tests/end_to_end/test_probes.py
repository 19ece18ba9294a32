"""The daemon as a process with its page: what it answers, to whom, and what `watcher status` says of it."""

import json
import re
import signal
import socket
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.builders import RECORDED
from tests.canary import CANARY
from tests.delivery.receivers import Webhook, closed_port, status
from tests.end_to_end.live import environment, eventually, printed, process, watcher
from tests.upstream.servers import serving
from tests.waiting import until
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app

RULES = '[[rule]]\nname = "level"\nsymbols = ["US.XRT"]\nwhen = "short_percent > 80"\n'


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    (tmp_path / "rules.toml").write_text(RULES)
    with serving(create_app(RecordedArchive(RECORDED, date(2021, 2, 11)))) as url:
        more = {"WATCHER_SCHEDULE__EVERY": "1h", "WATCHER_WEB__LISTEN": "127.0.0.1:0"}
        found = environment(url, tmp_path / "state") | more
        del found["WATCHER_WEB__TOKEN"]
        yield found


def _page(directory: Path) -> str:
    found = re.search(r"url=(http://\S+)", eventually(directory / "err", "page served"))
    assert found is not None
    return found[1]


def _get(url: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): text for name, text in headers.items()})  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_what_it_answers_is_what_the_command_prints(tmp_path: Path, env: dict[str, str]) -> None:
    with process("run", env=env, cwd=tmp_path) as running:
        url = _page(tmp_path)
        eventually(tmp_path / "err", "event=polled")
        eventually(tmp_path / "state" / "daemon.json", '"reasons": {}')
        assert _get(f"{url}/readyz") == (200, "ready\n")
        assert _get(f"{url}/healthz") == (200, "alive\n")
        shown = watcher("status", "--json", env=env, cwd=tmp_path)
        assert shown.returncode == 0
        answered = json.loads(_get(f"{url}/api/status")[1])
        assert answered == printed(shown)
        assert (answered["ready"], answered["reasons"], answered["page"]["url"]) == (True, [], url)
        assert answered["next"] > answered["complete"]
        assert 'watcher_upstream_requests_total{outcome="ok"} 1.0' in _get(f"{url}/metrics")[1]
        assert _get(f"{url}/readyz", Host="watcher.example")[0] == 421, "a foreign page that points its name here"
        assert "page        http" in watcher("status", env=env, cwd=tmp_path).stdout
        running.send_signal(signal.SIGTERM)
        assert running.wait(5) == 0
    assert (tmp_path / "err").read_text().count("event=stopped") == 1, "one signal counts once"
    down = watcher("status", env=env, cwd=tmp_path)
    assert down.returncode == 1
    assert "NOT WELL    daemon: no daemon is running; its last word is of 20" in down.stdout


def test_a_daemon_that_was_killed_or_says_nothing_is_not_well(tmp_path: Path, env: dict[str, str]) -> None:
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "state" / "daemon.json", '"reasons": {}')
        running.send_signal(signal.SIGSTOP)
        noted = json.loads((tmp_path / "state" / "daemon.json").read_text())
        noted["at"] = "2026-01-05T09:00:00+00:00"  # as if it had been stopped for long
        (tmp_path / "state" / "daemon.json").write_text(json.dumps(noted))
        silent = printed(watcher("status", "--json", env=env, cwd=tmp_path))
        assert isinstance(silent, dict)
        (reason,) = silent["reasons"]
        assert (silent["ready"], reason["check"]) == (False, "daemon")
        assert reason["text"] == "the daemon is there and says nothing; its last word is of 2026-01-05 09:00:00 UTC"
        running.kill()
        running.wait()
    dead = watcher("status", env=env, cwd=tmp_path)
    assert (dead.returncode, "no daemon is running" in dead.stdout) == (1, True)


def test_every_route_wants_the_token_where_there_is_one(tmp_path: Path, env: dict[str, str]) -> None:
    env |= {"WATCHER_WEB__TOKEN": CANARY, "WATCHER_WEB__LISTEN": "0.0.0.0:0"}
    with process("run", env=env, cwd=tmp_path) as running:
        url = _page(tmp_path).replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        eventually(tmp_path / "err", "event=polled")
        for route in ("/", "/healthz", "/readyz", "/metrics", "/api/status"):
            assert _get(f"{url}{route}")[0] == 401
            assert _get(f"{url}{route}", Authorization=f"Bearer {CANARY}")[0] == 200
        told = "".join(
            _get(f"{url}{route}", Authorization=f"Bearer {CANARY}")[1] for route in ("/metrics", "/api/status")
        )
        running.send_signal(signal.SIGTERM)
        assert running.wait(5) == 0
    assert CANARY not in told + (tmp_path / "err").read_text() + (tmp_path / "out").read_text()


def test_a_port_in_use_costs_the_page_and_no_alert(tmp_path: Path, env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = env | {"WATCHER_WEB__LISTEN": f"127.0.0.1:{port}"}
        with process("run", env=busy, cwd=tmp_path) as running:
            fault = f"the page is not served at 127.0.0.1:{port}: Address already in use"
            assert f"{fault}; alerts go on" in eventually(tmp_path / "out", "alerts go on")
            eventually(tmp_path / "err", 'event="page not served"')
            eventually(tmp_path / "state" / "daemon.json", '"reasons": {}')
            shown = watcher("status", env=busy, cwd=tmp_path)
            assert (shown.returncode, fault in shown.stdout) == (0, True)
            running.send_signal(signal.SIGTERM)
            assert running.wait(5) == 0
    with process("run", env=busy, cwd=tmp_path) as running:
        eventually(tmp_path / "out", "the page is served again")
        running.send_signal(signal.SIGTERM)
        assert running.wait(5) == 0


def test_beyond_this_machine_it_does_not_even_start_without_a_token(tmp_path: Path, env: dict[str, str]) -> None:
    refused = watcher("run", env=env | {"WATCHER_WEB__LISTEN": "0.0.0.0:8780"}, cwd=tmp_path)
    assert refused.returncode == 78
    assert "0.0.0.0:8780 can be reached from other machines: set WATCHER_WEB__TOKEN" in refused.stderr


def test_the_heartbeat_is_heard_while_all_is_well_and_its_failures_are_said_once(
    tmp_path: Path, env: dict[str, str]
) -> None:
    with Webhook(status(200)) as outside:
        beats = {
            "WATCHER_HEARTBEAT__URL": f"http://127.0.0.1:{outside.port}/{CANARY}",
            "WATCHER_HEARTBEAT__EVERY": "100ms",
        }
        with process("run", env=env | beats, cwd=tmp_path) as running:
            eventually(tmp_path / "state" / "daemon.json", '"reasons": {}')
            until(lambda: outside.paths.count(f"GET /{CANARY}") >= 3)
            running.send_signal(signal.SIGTERM)
            assert running.wait(5) == 0
    beats["WATCHER_HEARTBEAT__URL"] = f"http://127.0.0.1:{closed_port()}/{CANARY}"
    with process("run", env=env | beats, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "heartbeat not heard")
        url = _page(tmp_path)
        until(lambda: 'watcher_heartbeats_total{outcome="failed"} 0.0' not in _get(f"{url}/metrics")[1])
        assert _get(f"{url}/readyz")[0] == 200, "it has no effect on anything"
        running.send_signal(signal.SIGTERM)
        assert running.wait(5) == 0
    said = (tmp_path / "err").read_text()
    assert said.count("heartbeat not heard") == 1
    assert CANARY not in said


def test_a_heartbeat_that_is_no_url_is_a_fault_of_the_configuration(tmp_path: Path, env: dict[str, str]) -> None:
    refused = watcher("run", env=env | {"WATCHER_HEARTBEAT__URL": f"ftp://{CANARY}"}, cwd=tmp_path)
    assert refused.returncode == 78
    assert refused.stderr == "WATCHER_HEARTBEAT__URL: it does not begin with http:// or https:// and a host\n"
