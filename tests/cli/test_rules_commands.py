"""check, init, metrics, schema, backtest: what each prints, and with which exit code it ends."""

import json
from pathlib import Path

import pytest

from tests.end_to_end.live import environment, printed, watcher

BROKEN = """\
[[rule]]
name = "level"
symbols = ["US.XRT"]
when = "short_precent > 80"

[[rule]]
name = "average"
symbols = ["US.XRT"]
when = "daily_trade_avg_ratio > 67"
untill = "daily_trade_avg_ratio < 65"
for = "two"
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment("http://127.0.0.1:9", tmp_path / "state", HOME=str(tmp_path))


def test_check_prints_every_problem_with_line_and_column_and_exits_1(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "rules.toml").write_text(BROKEN)
    done = watcher("check", env=env, cwd=tmp_path)
    assert done.returncode == 1
    heads = [line for line in done.stdout.splitlines() if line.startswith("rules.toml:")]
    assert [head.split(" error: ")[0] for head in heads] == ["rules.toml:4:9:", "rules.toml:10:1:", "rules.toml:11:7:"]
    assert "did you mean 'short_percent'" in heads[0]
    assert "did you mean 'until'" in heads[1]
    found = printed(watcher("check", "--json", env=env, cwd=tmp_path))
    assert isinstance(found, dict)
    assert [(each["line"], each["column"], each["severity"]) for each in found["problems"]] == [
        (4, 9, "error"),
        (10, 1, "error"),
        (11, 7, "error"),
    ]
    assert set(found["problems"][0]) == {"file", "line", "column", "severity", "message", "suggestion"}


@pytest.mark.parametrize("command", ["run", "poll", "backtest"])
def test_broken_rules_end_every_other_command_with_78(tmp_path: Path, env: dict[str, str], command: str) -> None:
    (tmp_path / "rules.toml").write_text(BROKEN)
    done = watcher(command, env=env, cwd=tmp_path)
    assert done.returncode == 78
    assert "rules.toml:4:9: error: unknown metric 'short_precent'" in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_warning_is_no_failure(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "rules.toml").write_text(
        '[channels.desk]\n[[rule]]\nname = "r"\nsymbols = ["US.XRT"]\nwhen = "short_percent > 1"\nnotify = ["desk"]\n'
    )
    done = watcher("check", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "rules.toml:1:1: warning: channel 'desk' has no URL" in done.stdout
    refused = watcher("poll", env=env, cwd=tmp_path)
    assert refused.returncode == 78
    assert "WATCHER_CHANNELS__DESK" in refused.stderr


def test_init_writes_rules_that_are_in_order_and_overwrites_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    assert watcher("init", env=env, cwd=tmp_path).returncode == 0
    done = watcher("check", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "rules.toml: 4 rules on 6 symbols\n")
    assert json.loads((tmp_path / "rules.schema.json").read_text())["title"]
    (tmp_path / "rules.toml").write_text("# mine\n")
    in_the_way = watcher("init", "rules.toml", env=env, cwd=tmp_path)
    assert (in_the_way.returncode, in_the_way.stderr) == (1, "rules.toml is a file, not a directory\n")
    again = watcher("init", env=env, cwd=tmp_path)
    assert again.returncode == 1
    assert "exists already" in again.stderr
    assert (tmp_path / "rules.toml").read_text() == "# mine\n"


def test_the_rules_at_the_top_of_the_repository_work() -> None:
    top = Path(__file__).parents[2]
    done = watcher("check", env=environment("http://127.0.0.1:9", top / "none"), cwd=top)
    assert done.returncode == 0
    assert "warning" not in done.stdout


def test_metrics_and_schema_print_text_and_json(tmp_path: Path, env: dict[str, str]) -> None:
    text = watcher("metrics", env=env, cwd=tmp_path).stdout
    assert "short_vs_average" in text
    assert "crosses_above(x, y)" in text
    found = printed(watcher("metrics", "--json", env=env, cwd=tmp_path))
    assert isinstance(found, dict)
    assert {each["name"]: each["markets"] for each in found["metrics"]}["short_percent"] == ["US"]
    schema = printed(watcher("schema", env=env, cwd=tmp_path))
    assert isinstance(schema, dict)
    assert schema == json.loads((Path(__file__).parents[2] / "rules.schema.json").read_text())


def test_a_setting_that_is_none_is_named(tmp_path: Path, env: dict[str, str]) -> None:
    done = watcher("check", env=env | {"WATCHER_UPSTREAM__TIMEOT": "1s"}, cwd=tmp_path)
    assert done.returncode == 78
    assert "WATCHER_UPSTREAM__TIMEOT is no setting (did you mean WATCHER_UPSTREAM__TIMEOUT?)" in done.stderr


def test_without_state_status_and_backtest_say_how_to_get_some(tmp_path: Path, env: dict[str, str]) -> None:
    assert watcher("init", env=env, cwd=tmp_path).returncode == 0
    for command in ("status", "backtest"):
        done = watcher(command, env=env, cwd=tmp_path)
        assert done.returncode == 75
        assert "there is no state yet" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["poll", "--nonsense"], ["demo", "--advance", "soon"], ["upstream"]]
)
def test_wrong_usage_exits_2(tmp_path: Path, env: dict[str, str], arguments: list[str]) -> None:
    assert watcher(*arguments, env=env, cwd=tmp_path).returncode == 2


def test_a_url_that_no_service_has_is_an_error_and_its_secret_is_not_said(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "rules.toml").write_text(
        '[channels.desk]\n[[rule]]\nname = "r"\nsymbols = ["US.XRT"]\nwhen = "short_percent > 1"\nnotify = ["desk"]\n'
    )
    done = watcher("check", env=env | {"WATCHER_CHANNELS__DESK": "foo://of-no-service"}, cwd=tmp_path)
    assert done.returncode == 1
    assert "rules.toml:1:1: error: the URL of channel 'desk' is unusable" in done.stdout
    assert "of-no-service" not in done.stdout + done.stderr
    assert watcher("check", env=env | {"WATCHER_CHANNELS__DESK": "json://127.0.0.1"}, cwd=tmp_path).returncode == 0


def test_the_schema_is_json_also_when_asked_for_as_json(tmp_path: Path, env: dict[str, str]) -> None:
    assert printed(watcher("schema", "--json", env=env, cwd=tmp_path)) == printed(
        watcher("schema", env=env, cwd=tmp_path)
    )
