"""upstream: the endpoint as a process."""

import json
import signal
from pathlib import Path

import pytest

from tests.builders import RECORDED
from tests.end_to_end.live import environment, eventually, process, watcher
from tests.upstream.servers import get
from watcher.upstream.scenario import Broken, read
from watcher.upstream.server import PATH


@pytest.mark.parametrize(
    ("arguments", "symbol", "newest"),
    [
        pytest.param(["--rows", str(RECORDED), "--as-of", "2021-02-12"], "US.XRT", "2021-02-12", id="recorded"),
        pytest.param(["--simulate", "7", "--as-of", "2025-07-03"], "US.TSLA", "2025-07-03", id="simulated"),
    ],
)
def test_it_serves_rows_up_to_a_date(tmp_path: Path, arguments: list[str], symbol: str, newest: str) -> None:
    env = environment("http://127.0.0.1:9", tmp_path)
    with process("upstream", "--port", "0", *arguments, env=env, cwd=tmp_path) as running:
        url = eventually(tmp_path / "out", "\n").strip()
        status, body = get(url + PATH.format(symbol=symbol) + "?count=2")
        assert status == 200
        items = json.loads(body)["data"]["items"]
        assert len(items) == 2
        assert items[0]["timestamp_str"] == newest
        running.send_signal(signal.SIGTERM)
        assert running.wait(5) == 0


def test_it_publishes_a_session_so_often(tmp_path: Path) -> None:
    arguments = ["--rows", str(RECORDED), "--as-of", "2021-02-12", "--advance", "50ms"]
    with process("upstream", "--port", "0", *arguments, env=environment("http://x", tmp_path), cwd=tmp_path):
        eventually(tmp_path / "err", "2021-02-18")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param({}, "no recorded answer", id="an empty directory"),
        pytest.param({"US.XRT.json": "{"}, "US.XRT.json", id="a broken file"),
    ],
)
def test_what_cannot_be_served_is_named(tmp_path: Path, content: dict[str, str], message: str) -> None:
    (tmp_path / "rows").mkdir()
    for name, text in content.items():
        (tmp_path / "rows" / name).write_text(text)
    done = watcher("upstream", "--rows", "rows", env=environment("http://x", tmp_path), cwd=tmp_path)
    assert done.returncode == 78
    assert message in done.stderr


def test_it_misbehaves_as_a_scenario_says_and_refuses_who_asks_too_often(tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").write_text('[[fault]]\nsymbols = ["US.XRT"]\nret_code = -8\n')
    arguments = ["--rows", str(RECORDED), "--scenario", "scenario.toml", "--rate", "2/1h"]
    env = environment("http://127.0.0.1:9", tmp_path)
    with process("upstream", "--port", "0", *arguments, env=env, cwd=tmp_path):
        url = eventually(tmp_path / "out", "\n").strip()
        answers = [json.loads(get(url + PATH.format(symbol=each))[1]) for each in ("US.XRT", "HK.00700", "HK.00700")]
    assert [answer["ret_code"] for answer in answers] == [-8, 0, -11]
    assert answers[2]["error"]["message"].startswith("rate limited, retry after 3")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["--scenario", "none.toml"], 78, "none.toml", id="no scenario"),
        pytest.param(["--scenario", "bad.toml"], 78, "bad.toml: fault[0].statsu: there is no such", id="broken"),
        pytest.param(["--rate", "often"], 2, "'often' is not a rate", id="no rate"),
        pytest.param(["--advance", "often"], 2, "a duration is written", id="no duration"),
        pytest.param(["--simulate", "7"], 2, "either --rows DIR or --simulate SEED", id="two markets"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    (tmp_path / "bad.toml").write_text("[[fault]]\nstatsu = 503\n")
    done = watcher("upstream", "--rows", str(RECORDED), *arguments, env=environment("http://x", tmp_path), cwd=tmp_path)
    assert done.returncode == code
    assert message in " ".join(done.stderr.split())


def test_the_help_shows_what_a_scenario_can_say(tmp_path: Path) -> None:
    shown = watcher("upstream", "--help", env=environment("http://x", tmp_path), cwd=tmp_path).stdout
    example = shown[shown.index("[[fault]]") :]
    one_body = "\n".join(line for line in example.splitlines() if not line.strip().startswith(("body", "broken")))
    (tmp_path / "scenario.toml").write_text(one_body)
    scenario = read(tmp_path / "scenario.toml")
    assert (len(scenario.fault), len(scenario.revision), len(scenario.late)) == (1, 1, 1)
    assert all(f" {broken}" in example or f'"{broken}"' in example for broken in Broken)
