"""backtest and check over stored rows, and over rows fetched for the purpose: what each prints."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.builders import RECORDED
from tests.end_to_end.live import environment, printed, watcher
from tests.upstream.servers import serving
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app

RULES = """\
[[rule]]
name = "level"
symbols = ["US.XRT"]
when = "short_percent > 80"

[[rule]]
name = "streak"
symbols = ["US.XRT", "US.GME"]
when = "streak(short_percent > 60) >= 2"
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(create_app(RecordedArchive(RECORDED, date(2021, 4, 13)))) as url:
        yield url


@pytest.fixture
def env(tmp_path: Path, url: str) -> dict[str, str]:
    (tmp_path / "rules.toml").write_text(RULES)
    return environment(url, tmp_path / "state", HOME=str(tmp_path))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, url: str) -> Path:
    """A directory with rules, and a state of all there is: nothing of what is tested here changes it."""
    directory = tmp_path_factory.mktemp("polled")
    (directory / "rules.toml").write_text(RULES)
    assert watcher("poll", env=environment(url, directory / "state"), cwd=directory).returncode in {0, 1}
    return directory


@pytest.fixture
def polled(place: Path, url: str) -> dict[str, str]:
    return environment(url, place / "state")


def test_the_table_has_a_chart_for_each_episode_and_what_each_channel_hears(
    place: Path, polled: dict[str, str]
) -> None:
    done = watcher("backtest", "--symbol", "US.XRT", env=polled, cwd=place)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["RULE", "SYMBOL", "OPENED", "RESOLVED", "SESSIONS"]
    assert lines[1] == "level   US.XRT  2021-02-12  2021-02-16  1         ▃▇▃▁▅│█│▄"
    assert "level   US.XRT  2021-04-13  firing      1         ▇▆▆▁▄│█" in lines
    assert "level   1        64     0        5       0           5         1" in lines
    assert "sessions by phase, from 2021-01-04 to 2021-04-13" in lines
    assert lines[-2].split() == ["CHANNEL", "MESSAGES", "A", "WEEK", "MESSAGES", "NOTIFICATIONS"]
    assert lines[-1] == "console  1.8              26        28"


def test_json_is_a_list_of_episodes_and_nothing_else(place: Path, polled: dict[str, str]) -> None:
    found = printed(watcher("backtest", "--json", "--symbol", "US.XRT", env=polled, cwd=place))
    assert isinstance(found, list)
    assert all(set(each) == {"rule", "symbol", "opened", "resolved"} for each in found)
    assert found[0] == {"rule": "level", "symbol": "US.XRT", "opened": "2021-02-12", "resolved": "2021-02-16"}
    assert found[4] == {"rule": "level", "symbol": "US.XRT", "opened": "2021-04-13", "resolved": None}


def test_fetch_needs_no_state_and_leaves_none(tmp_path: Path, env: dict[str, str]) -> None:
    done = watcher("backtest", "--fetch", "--json", env=env, cwd=tmp_path)
    assert done.returncode == 0
    assert "US.GME: invalid: US.GME: upstream knows no such symbol" in done.stderr
    assert len(json.loads(done.stdout)) > 6
    assert not (tmp_path / "state").exists()


def test_fetch_adds_to_a_copy_of_the_state(place: Path, polled: dict[str, str]) -> None:
    before = (place / "state" / "watcher.db").read_bytes()
    assert watcher("backtest", "--fetch", env=polled, cwd=place).returncode == 0
    assert (place / "state" / "watcher.db").read_bytes() == before


def test_fetch_from_nowhere_exits_75(tmp_path: Path, env: dict[str, str]) -> None:
    done = watcher("backtest", "--fetch", env=env | {"WATCHER_UPSTREAM__URL": "http://127.0.0.1:9"}, cwd=tmp_path)
    assert done.returncode == 75
    assert "there is no row of any symbol" in done.stderr


def test_channels_need_no_url_for_a_backtest(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "rules.toml").write_text(RULES + 'notify = ["desk"]\n[channels.desk]\n')
    assert watcher("backtest", "--fetch", env=env, cwd=tmp_path).returncode == 0


def test_two_sets_of_rules_are_compared(place: Path, polled: dict[str, str]) -> None:
    (place / "other.toml").write_text(RULES.replace("> 80", "> 82"))
    done = watcher("backtest", "--compare", "other.toml", "--symbol", "US.XRT", env=polled, cwd=place)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[:2] == ["- rules.toml", "+ other.toml"]
    changed = [line.split()[:5] for line in lines if line.startswith(("-  ", "+  "))]
    assert changed == [
        ["-", "level", "US.XRT", "2021-02-12", "2021-02-16"],
        ["-", "level", "US.XRT", "2021-04-06", "2021-04-07"],
    ]
    assert "13 episodes are the same in both" in lines
    assert [line.split()[-1] for line in lines if line.startswith("console")] == ["rules.toml", "other.toml"]
    found = printed(
        watcher("backtest", "--compare", "other.toml", "--json", "--symbol", "US.XRT", env=polled, cwd=place)
    )
    assert isinstance(found, list)
    assert {each["change"] for each in found} == {"same", "removed"}


def test_rules_that_are_compared_must_be_in_order(place: Path, polled: dict[str, str]) -> None:
    (place / "other.toml").write_text(RULES.replace("short_percent", "short_precent"))
    done = watcher("backtest", "--compare", "other.toml", env=polled, cwd=place)
    assert done.returncode == 78
    assert "other.toml:4:9: error: unknown metric 'short_precent'" in done.stderr


def test_check_says_on_how_many_symbols_a_rule_would_be_firing_now(place: Path, polled: dict[str, str]) -> None:
    done = watcher("check", env=polled, cwd=place)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "rules.toml: 2 rules on 2 symbols",
        "  level would be firing now on 1 of 1 symbols",
        "  streak would be firing now on 1 of 2 symbols, of 1 there are no rows",
    ]
    found = printed(watcher("check", "--json", env=polled, cwd=place))
    assert isinstance(found, dict)
    assert found == {
        "problems": [],
        "standing": [
            {"rule": "level", "symbols": 1, "firing": ["US.XRT"], "without_rows": 0},
            {"rule": "streak", "symbols": 2, "firing": ["US.XRT"], "without_rows": 1},
        ],
    }


def test_check_does_not_fail_for_a_state_that_cannot_be_read(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "watcher.db").write_bytes(b"nonsense" * 1000)
    done = watcher("check", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "rules.toml: 2 rules on 2 symbols\n")
