"""upstream: the endpoint as a process."""

import json
import signal
from pathlib import Path

import pytest

from tests.builders import RECORDED
from tests.end_to_end.live import environment, eventually, process, watcher
from tests.upstream.servers import get
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
