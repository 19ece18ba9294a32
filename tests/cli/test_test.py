"""test: unit tests of rules, with what it prints and the exit codes."""

from pathlib import Path

import pytest

from tests.end_to_end.live import environment, printed, watcher

TOP = Path(__file__).parents[2]
GOOD = """\
[[rule]]
name = "level"
symbols = ["US.XRT"]
when = "short_percent > 50"

[[test]]
name = "a level"
symbol = "US.XRT"
start = 2026-01-05
series.short_percent = "40 60 40"
[[test.expect]]
date = 2026-01-06
kind = "opened"
[[test.expect]]
date = 2026-01-07
kind = "resolved"
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment("http://127.0.0.1:9", tmp_path / "state", HOME=str(tmp_path))


def test_the_example_at_the_top_of_the_repository_passes(env: dict[str, str]) -> None:
    done = watcher("test", "rules_test.toml", env=env, cwd=TOP)
    assert (done.returncode, done.stdout) == (0, "5 passed, 0 failed\n")


def test_a_failure_is_shown_as_a_difference_and_exits_1(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "good.toml").write_text(GOOD)
    (tmp_path / "bad.toml").write_text(GOOD.replace("date = 2026-01-06", "date = 2026-01-07"))
    done = watcher("test", "good.toml", "bad.toml", env=env, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "bad.toml:6: FAILED: a level",
        "    - expected, + told:",
        "    - 2026-01-07 level opened",
        "    + 2026-01-06 level opened",
        "      2026-01-07 level resolved",
        "1 passed, 1 failed",
    ]


def test_a_broken_file_is_shown_as_check_shows_it_and_exits_1(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "t.toml").write_text(GOOD.replace('"40 60 40"', '"40 6o 40"'))
    done = watcher("test", "t.toml", env=env, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == [
        '   10 | series.short_percent = "40 6o 40"',
        "      |                            ^^",
        "0 passed, 0 failed, 1 not to be run: see above",
    ]


def test_json_has_every_test_and_every_problem(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "t.toml").write_text(GOOD)
    assert printed(watcher("test", "t.toml", "--json", env=env, cwd=tmp_path)) == {
        "tests": [{"file": "t.toml", "line": 6, "name": "a level", "passed": True, "diff": []}],
        "problems": [],
    }


def test_without_a_file_it_is_used_wrongly(tmp_path: Path, env: dict[str, str]) -> None:
    assert watcher("test", env=env, cwd=tmp_path).returncode == 2
