"""why: what it prints of an alert that fires, of one that does not, and of a date in the past."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.builders import RECORDED
from tests.end_to_end.live import environment, printed, watcher
from tests.upstream.servers import serving
from watcher.rulebook import keep_good, load
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app

RULES = """\
[[rule]]
name = "level"
symbols = ["US.XRT"]
when = "short_percent > 80"
until = "short_percent < 65"
"""


@pytest.fixture(scope="module")
def polled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Path]]:
    """A state to which the session of 2021-04-13, on which the rule opens, came by itself."""
    place = tmp_path_factory.mktemp("why")
    (place / "rules.toml").write_text(RULES)
    archive = RecordedArchive(RECORDED, date(2021, 4, 12))
    with serving(create_app(archive)) as url:
        env = environment(url, place / "state", HOME=str(place))
        assert watcher("poll", env=env, cwd=place).returncode == 0
        archive.advance()
        assert watcher("poll", env=env, cwd=place).returncode == 0
        yield env, place


def test_an_alert_that_opened_is_explained_with_who_was_told(polled: tuple[dict[str, str], Path]) -> None:
    env, place = polled
    done = watcher("why", "level", "US.XRT", env=env, cwd=place)
    assert done.returncode == 0, done.stderr
    *lines, told = done.stdout.splitlines()
    assert lines == [
        "level on US.XRT, row of 2021-04-13",
        "",
        "DATE        SHORT_PERCENT",
        "2021-04-13  86.97 %",
        "",
        "       PART                VALUE",
        "when   short_percent > 80  true",
        "         short_percent     86.97 %",
        "until  short_percent < 65  false",
        "         short_percent     86.97 %",
        "",
        "verdict  fire, by when",
        "before   quiet",
        "after    firing since 2021-04-13",
        "change   opened",
    ]
    assert told.startswith("told     console [")
    assert told.endswith("] sent")


def test_a_date_in_the_past_is_explained_too(polled: tuple[dict[str, str], Path]) -> None:
    env, place = polled
    done = watcher("why", "level", "US.XRT", "--date", "2021-04-11", env=env, cwd=place)
    assert done.stdout.splitlines()[0] == "level on US.XRT, row of 2021-04-09"
    assert done.stdout.splitlines()[-4:] == [
        "",
        "why nothing was told:",
        "- there is no row of 2021-04-11: this is the newest one before it",
        "- this row was there before the rule was taken up, on 2021-04-12: history is folded silently",
    ]


def test_json_has_the_row_the_parts_the_verdict_the_alerts_and_the_reasons(
    polled: tuple[dict[str, str], Path],
) -> None:
    env, place = polled
    found = printed(watcher("why", "level", "US.XRT", "--date", "2021-04-12", "--json", env=env, cwd=place))
    assert isinstance(found, dict)
    assert found["row"]["trade_date"] == "2021-04-12"
    assert found["rows"] == [{"date": "2021-04-12", "short_percent": found["row"]["short_percent"]}]
    assert found["parts"][0] == {
        "condition": "when",
        "depth": 0,
        "text": "short_percent > 80",
        "value": False,
        "unit": None,
    }
    assert (found["verdict"], found["decides"], found["change"], found["told"]) == (False, "when", None, [])
    quiet = {"phase": "quiet", "since": None, "episode": None, "streak": 0, "sessions": 0}
    assert (found["before"], found["after"]) == (quiet, quiet)
    assert [reason["code"] for reason in found["reasons"]] == ["below_the_limit"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["lvel", "US.XRT"], 2, "there is no rule 'lvel' (did you mean 'level'?)", id="no such rule"),
        pytest.param(["level", "XRT"], 2, "'XRT' is not a symbol", id="no symbol"),
        pytest.param(["level", "US.XRT", "--date", "soon"], 2, "soon", id="no date"),
    ],
)
def test_what_is_asked_wrongly_is_said(
    polled: tuple[dict[str, str], Path], arguments: list[str], code: int, said: str
) -> None:
    env, place = polled
    done = watcher("why", *arguments, env=env, cwd=place)
    assert done.returncode == code
    assert said in done.stderr


def test_a_symbol_that_is_not_watched_is_explained(polled: tuple[dict[str, str], Path]) -> None:
    env, place = polled
    done = watcher("why", "level", "US.GME", env=env, cwd=place)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            "level on US.GME",
            "",
            "why nothing was told:",
            "- rule level does not watch US.GME",
            "- there is no row of US.GME",
            "- upstream was never asked for it",
        ],
    )


def test_while_the_rules_have_errors_it_goes_by_the_last_good_ones(polled: tuple[dict[str, str], Path]) -> None:
    env, place = polled
    keep_good(place / "state", load(place / "rules.toml").files)
    (place / "rules.toml").write_text(RULES.replace("short_percent", "short_precent"))
    try:
        done = watcher("why", "level", "US.XRT", env=env, cwd=place)
    finally:
        (place / "rules.toml").write_text(RULES)
    assert done.returncode == 0, done.stderr
    assert "rules.toml has errors, see `watcher check`: this is by the last good rules" in done.stderr
    assert "level on US.XRT, row of 2021-04-13" in done.stdout
