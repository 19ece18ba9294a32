"""quarantine: what is refused is listed, and released by a person, with a reason."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.builders import RECORDED
from tests.end_to_end.live import environment, printed, watcher
from tests.upstream.servers import serving
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.scenario import Scenario
from watcher.upstream.server import create_app

RULES = '[[rule]]\nname = "level"\nsymbols = ["US.XRT"]\nwhen = "short_percent > 85"\n'
ODD = {
    "trade_date": "2021-02-12",
    "session": "2021-02-12",
    "values": {"short_percent": 90.0},
}


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    (tmp_path / "rules.toml").write_text(RULES)
    scenario = Scenario.model_validate({"revision": [ODD]})
    with serving(create_app(RecordedArchive(RECORDED, date(2021, 2, 12)), None, scenario)) as url:
        yield environment(url, tmp_path / "state")


def test_a_refused_row_is_listed_released_and_judged(tmp_path: Path, env: dict[str, str]) -> None:
    first = watcher("poll", env=env, cwd=tmp_path)
    assert first.returncode == 0
    assert "quarantined" in first.stdout
    assert "US.XRT: the row of 2021-02-12 is refused as implausible: short_percent is 90 %, but" in first.stdout

    listed = watcher("quarantine", "list", env=env, cwd=tmp_path)
    assert listed.returncode == 0
    assert "US.XRT" in listed.stdout
    assert "shares are 80." in listed.stdout
    (held,) = printed(watcher("quarantine", "list", "--json", env=env, cwd=tmp_path))  # type: ignore[misc]  # a list
    assert (held["symbol"], held["kind"], held["date"], held["state"]) == ("US.XRT", "row", "2021-02-12", "held")
    assert held["values"]["short_percent"] == 90

    released = watcher("quarantine", "release", "US.XRT", "2021-02-12", "--why", "so it was", env=env, cwd=tmp_path)
    assert released.returncode == 0
    assert "is released: the next poll" in released.stdout
    assert watcher("quarantine", "list", env=env, cwd=tmp_path).stdout == "nothing is quarantined\n"
    assert "so it was" in watcher("quarantine", "list", "--all", env=env, cwd=tmp_path).stdout

    second = watcher("poll", env=env, cwd=tmp_path)
    assert "US.XRT 90.00 % > 85" in second.stdout
    again = watcher("quarantine", "release", "US.XRT", "2021-02-12", "--why", "again", env=env, cwd=tmp_path)
    assert again.returncode == 0
    assert "already: so it was" in again.stdout


def test_a_release_as_json_is_the_row_as_it_is_now(tmp_path: Path, env: dict[str, str]) -> None:
    watcher("poll", env=env, cwd=tmp_path)
    arguments = ("quarantine", "release", "US.XRT", "2021-02-12", "--why", "so it was", "--json")
    found = printed(watcher(*arguments, env=env, cwd=tmp_path))
    assert isinstance(found, dict)
    assert (found["state"], found["why"]) == ("released", "so it was")
    assert printed(watcher(*arguments, env=env, cwd=tmp_path)) == found


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["US.XRT", "2021-02-11", "--why", "x"], 1, "nothing of US.XRT of 2021-02-11", id="another date"),
        pytest.param(["US.GME", "2021-02-12", "--why", "x"], 1, "nothing of US.GME", id="another symbol"),
        pytest.param(["XRT", "2021-02-12", "--why", "x"], 2, "MARKET.CODE", id="no symbol"),
        pytest.param(["US.XRT", "2021-02-12", "--why", " "], 2, "say why", id="no reason"),
        pytest.param(["US.XRT", "2021-02-12"], 2, "--why", id="no reason at all"),
    ],
)
def test_what_cannot_be_released_is_said(
    tmp_path: Path, env: dict[str, str], arguments: list[str], code: int, message: str
) -> None:
    watcher("poll", env=env, cwd=tmp_path)
    done = watcher("quarantine", "release", *arguments, env=env, cwd=tmp_path)
    assert done.returncode == code
    assert message in done.stderr
