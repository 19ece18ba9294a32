"""poll: one complete cycle, what it prints and how it ends."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.builders import RECORDED
from tests.delivery.receivers import Webhook, closed_port, status
from tests.end_to_end.live import environment, printed, watcher
from tests.upstream.servers import serving
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app

RULES = """
[[rule]]
name = "level"
symbols = ["US.XRT", "HK.00700"]
when = "short_ratio > 70"
"""


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    (tmp_path / "rules.toml").write_text(RULES)
    with serving(create_app(RecordedArchive(RECORDED, date(2021, 2, 12)))) as url:
        yield environment(url, tmp_path / "state")


def test_a_cycle_prints_what_it_tells_and_how_it_stands_with_each_symbol(tmp_path: Path, env: dict[str, str]) -> None:
    done = watcher("poll", env=env, cwd=tmp_path)
    assert done.returncode == 0
    assert "US.XRT 80.20 % > 70" in done.stdout
    assert "no_data" in done.stdout
    status_now = watcher("status", env=env, cwd=tmp_path)
    assert status_now.returncode == 1
    assert "NOT WELL    daemon: no daemon is running; none has run on this state" in status_now.stdout
    assert "2 symbols, 0 of them unanswered" in status_now.stdout
    assert "firing" in status_now.stdout


def test_json_is_the_only_thing_on_standard_output(tmp_path: Path, env: dict[str, str]) -> None:
    found = printed(watcher("poll", "--json", env=env, cwd=tmp_path))
    assert isinstance(found, dict)
    assert [(each["symbol"], each["state"], each["trade_date"]) for each in found["symbols"]] == [
        ("HK.00700", "no_data", None),
        ("US.XRT", "missing", "2021-02-12"),  # as `status` says: the recorded rows are of years ago
    ]
    (notification,) = found["notifications"]
    assert len(notification.pop("id")) == 8
    assert notification == {
        "kind": "opened",
        "rule": "level",
        "symbol": "US.XRT",
        "episode": "2021-02-11",
        "trade_date": "2021-02-12",
        "channel": "console",
        "status": "sent",
    }


def test_a_dry_run_tells_stores_and_sends_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    with Webhook(status(200)) as hook:
        (tmp_path / "rules.toml").write_text(f'[channels.hook]\n{RULES}notify = ["hook"]\n')
        env |= {"WATCHER_CHANNELS__HOOK": hook.url}
        first = printed(watcher("poll", "--dry-run", "--json", env=env, cwd=tmp_path))
        assert isinstance(first, dict)
        assert [each["status"] for each in first["notifications"]] == ["dry_run"]
        assert not (tmp_path / "state").exists()
        assert hook.bodies == []
        assert watcher("poll", env=env, cwd=tmp_path).returncode == 0
        again = printed(watcher("poll", "--dry-run", "--json", env=env, cwd=tmp_path))
        assert isinstance(again, dict)
        assert again["notifications"] == []
        assert len(hook.bodies) == 1


def test_one_symbol_can_be_polled_alone(tmp_path: Path, env: dict[str, str]) -> None:
    found = printed(watcher("poll", "--symbol", "HK.00700", "--json", env=env, cwd=tmp_path))
    assert isinstance(found, dict)
    assert [each["symbol"] for each in found["symbols"]] == ["HK.00700"]
    assert watcher("status", env=env, cwd=tmp_path).returncode == 1, "a complete cycle was not run yet"
    unwatched = watcher("poll", "--symbol", "US.XRTT", env=env, cwd=tmp_path)
    assert (unwatched.returncode, "there is no rule on 'US.XRTT'" in unwatched.stderr) == (2, True)
    assert "US.XRT" in unwatched.stderr, "did you mean"
    refused = watcher("poll", "--symbol", "700", env=env, cwd=tmp_path)
    assert refused.returncode == 2
    assert "MARKET.CODE" in refused.stderr


def test_upstream_that_cannot_be_reached_exits_75(tmp_path: Path, env: dict[str, str]) -> None:
    done = watcher("poll", env=env | {"WATCHER_UPSTREAM__URL": f"http://127.0.0.1:{closed_port()}"}, cwd=tmp_path)
    assert done.returncode == 75
    assert "refuses the connection" in done.stdout


def test_a_failed_send_exits_1_and_is_kept(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "rules.toml").write_text(f'[channels.hook]\n{RULES}notify = ["hook"]\n')
    done = watcher(
        "poll", "--json", env=env | {"WATCHER_CHANNELS__HOOK": f"json://127.0.0.1:{closed_port()}/"}, cwd=tmp_path
    )
    assert done.returncode == 1
    found = printed(done)
    assert isinstance(found, dict)
    assert [each["status"] for each in found["notifications"]] == ["pending"]


def test_without_upstream_it_says_what_to_set(tmp_path: Path, env: dict[str, str]) -> None:
    del env["WATCHER_UPSTREAM__URL"]
    done = watcher("poll", env=env, cwd=tmp_path)
    assert done.returncode == 78
    assert "WATCHER_UPSTREAM__URL" in done.stderr


def test_what_is_watched_no_more_is_shown_no_more_and_a_daemon_that_is_gone_has_no_page(
    tmp_path: Path, env: dict[str, str]
) -> None:
    watcher("poll", env=env, cwd=tmp_path)
    (tmp_path / "rules.toml").write_text(RULES.replace(', "HK.00700"', ""))
    shown = printed(watcher("status", "--json", env=env, cwd=tmp_path))
    assert isinstance(shown, dict)
    assert [each["symbol"] for each in shown["symbols"]] == ["US.XRT"]
    assert (shown["next"], shown["page"]) == (None, {"url": None, "fault": None})


def test_a_state_that_is_a_file_is_none(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "file").touch()
    done = watcher("status", "--state", "file", env=env, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (75, "file is no directory: the state is kept in one\n")
