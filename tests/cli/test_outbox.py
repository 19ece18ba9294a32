"""outbox, history, silence, ack and send-test: what a person does beside a daemon that runs."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.builders import RECORDED
from tests.delivery.receivers import Webhook, closed_port, status
from tests.end_to_end.live import environment, eventually, printed, process, watcher
from tests.upstream.servers import serving
from tests.waiting import until
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app

RULES = """
[channels.hook]
[channels.down]
[[rule]]
name = "level"
symbols = ["US.XRT"]
when = "short_percent > 60"
notify = ["hook", "down"]
"""


@pytest.fixture
def archive() -> RecordedArchive:
    return RecordedArchive(RECORDED, date(2021, 2, 12))


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with Webhook(status(200)) as hook:
        yield hook


@pytest.fixture
def env(tmp_path: Path, archive: RecordedArchive, hook: Webhook) -> Iterator[dict[str, str]]:
    (tmp_path / "rules.toml").write_text(RULES)
    with serving(create_app(archive)) as url:
        yield environment(
            url,
            tmp_path / "state",
            WATCHER_SCHEDULE__EVERY="100ms",
            WATCHER_CHANNELS__HOOK=hook.url,
            WATCHER_CHANNELS__DOWN=f"json://127.0.0.1:{closed_port()}/",
        )


def listed(*arguments: str, env: dict[str, str], cwd: Path) -> list[dict[str, object]]:
    done = watcher(*arguments, "--json", env=env, cwd=cwd)
    assert done.returncode == 0, done.stderr
    found = printed(done)
    assert isinstance(found, list)
    return found


def test_what_waits_is_listed_retried_and_dropped(tmp_path: Path, env: dict[str, str], hook: Webhook) -> None:
    assert watcher("poll", env=env, cwd=tmp_path).returncode == 1
    (waiting,) = listed("outbox", "list", env=env, cwd=tmp_path)
    assert (waiting["channel"], waiting["status"], waiting["attempts"]) == ("down", "pending", 1)
    assert waiting["reason"] == "the connection was refused"
    assert len(listed("outbox", "list", "--all", env=env, cwd=tmp_path)) == 2
    assert listed("outbox", "list", "--channel", "hook", env=env, cwd=tmp_path) == []

    id_ = str(waiting["id"])
    env |= {"WATCHER_CHANNELS__DOWN": hook.url}
    assert [each["id"] for each in listed("outbox", "retry", f"[{id_}]", env=env, cwd=tmp_path)] == [id_]
    watcher("poll", env=env, cwd=tmp_path)
    assert len(hook.bodies) == 2
    assert watcher("outbox", "list", env=env, cwd=tmp_path).stdout == "nothing waits to be told\n"
    refused = watcher("outbox", "drop", id_, env=env, cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stdout == "there was nothing to change\n"
    assert f"unknown, sent or on their way: {id_}" in refused.stderr


def test_what_is_dropped_is_never_told(tmp_path: Path, env: dict[str, str], hook: Webhook) -> None:
    watcher("poll", env=env, cwd=tmp_path)
    done = watcher("outbox", "drop", "--channel", "down", env=env, cwd=tmp_path)
    assert (done.returncode, "dropped by hand" in done.stdout) == (0, True)
    assert watcher("poll", env=env | {"WATCHER_CHANNELS__DOWN": hook.url}, cwd=tmp_path).returncode == 0
    assert len(hook.bodies) == 1
    assert watcher("outbox", "drop", env=env, cwd=tmp_path).returncode == 2


def test_history_shows_episodes_and_every_attempt(
    tmp_path: Path, env: dict[str, str], archive: RecordedArchive
) -> None:
    watcher("poll", env=env, cwd=tmp_path)
    (episode,) = listed("history", "--symbol", "US.XRT", "--rule", "level", "--since", "1d", env=env, cwd=tmp_path)
    (opened,) = episode["transitions"]  # type: ignore[misc]  # JSON
    assert (episode["rule"], episode["symbol"], opened["kind"]) == ("level", "US.XRT", "opened")
    told = {each["channel"]: each for each in opened["notifications"]}
    assert [each["outcome"] for each in told["hook"]["attempts"]] == ["sent"]
    assert [each["outcome"] for each in told["down"]["attempts"]] == ["failed"]
    shown = watcher("history", env=env, cwd=tmp_path).stdout
    assert re.search(r"down: pending, the connection was refused\n +attempt 1 .* UTC: failed", shown)
    assert watcher("history", "--since", "2100-01-01", env=env, cwd=tmp_path).stdout == "nothing was recorded\n"
    assert watcher("history", "--since", "soon", env=env, cwd=tmp_path).returncode == 2


def test_a_silence_beside_a_daemon_holds_what_comes_and_tells_it_when_it_is_ended(
    tmp_path: Path, env: dict[str, str], archive: RecordedArchive, hook: Webhook
) -> None:
    (tmp_path / "rules.toml").write_text(
        RULES.replace("> 60", "> 80").replace(', "down"', "").replace("[channels.down]", "")
    )
    archive.advance()
    with process("run", env=env, cwd=tmp_path):
        eventually(tmp_path / "err", "event=polled")
        arguments = ("--symbol", "US.*", "--rule", "level", "--severity", "warning", "--for", "3d", "--why", "known")
        done = watcher("silence", "add", *arguments, env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        (silence,) = listed("silence", "list", env=env, cwd=tmp_path)
        id_ = str(silence["id"])
        assert (id_ in done.stdout, silence["why"]) == (True, "known")
        before = len(hook.bodies)

        def published() -> list[dict[str, object]]:
            archive.advance()
            return listed("outbox", "list", env=env, cwd=tmp_path)

        (held,) = until(published)
        assert (held["status"], held["held"]) == ("held", "silence")
        assert len(hook.bodies) == before
        assert watcher("silence", "end", id_, env=env, cwd=tmp_path).returncode == 0
        eventually(tmp_path / "err", f"message={held['id']}", seconds=3)
        assert len(hook.bodies) == before + 1
        assert watcher("ack", "level", "US.XRT", env=env, cwd=tmp_path).returncode == 0
    assert watcher("silence", "list", env=env, cwd=tmp_path).stdout == "nothing is silenced\n"
    assert id_ in watcher("silence", "list", "--all", env=env, cwd=tmp_path).stdout
    assert watcher("silence", "end", id_, env=env, cwd=tmp_path).returncode == 1
    early = watcher("silence", "add", "--rule", "tomorrow", "--for", "1h", "--why", "x", env=env, cwd=tmp_path)
    assert (early.returncode, "there is no rule 'tomorrow' now" in early.stderr) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("silence", "add", "--symbol", "US.XRT", "--why", "x"), "--for", id="an expiry is required"),
        pytest.param(("silence", "add", "--symbol", "US.XRT", "--for", "3d"), "--why", id="and a reason"),
        pytest.param(("silence", "add", "--rule", "r", "--for", "31d", "--why", "x"), "30 days", id="30 days at most"),
        pytest.param(("silence", "add", "--for", "3d", "--why", "x"), "Name a symbol", id="and what it is about"),
        pytest.param(("silence", "add", "--severity", "loud", "--for", "3d", "--why", "x"), "loud", id="no severity"),
        pytest.param(("ack", "level", "XRT"), "MARKET.CODE", id="no symbol"),
    ],
)
def test_what_cannot_be_asked_for_is_a_fault_of_usage(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = watcher(*arguments, env=environment("http://127.0.0.1:1", tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


def test_what_does_not_fire_cannot_be_acknowledged(tmp_path: Path, env: dict[str, str]) -> None:
    watcher("poll", env=env, cwd=tmp_path)
    done = watcher("ack", "other", "US.XRT", env=env, cwd=tmp_path)
    assert done.returncode == 1
    assert "other does not fire on US.XRT" in done.stderr
    assert watcher("ack", "level", "US.XRT", "--json", env=env, cwd=tmp_path).returncode == 0


def test_what_quiet_hours_hold_is_held_and_no_failure(tmp_path: Path, env: dict[str, str]) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - quiet hours are of the real clock here
    hours = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=2):%H:%M} UTC"
    (tmp_path / "rules.toml").write_text(
        RULES.replace("[channels.hook]", f'[channels.hook]\nquiet = "{hours}"')
        .replace(', "down"', "")
        .replace("[channels.down]", "")
    )
    done = watcher("poll", "--json", env=env, cwd=tmp_path)
    assert done.returncode == 0
    found = printed(done)
    assert isinstance(found, dict)
    assert [each["status"] for each in found["notifications"]] == ["held"]
    counted = printed(watcher("status", "--json", env=env, cwd=tmp_path))
    assert isinstance(counted, dict)
    assert counted["outbox"] == {"held": 1}
    assert "quiet hours" in watcher("outbox", "list", env=env, cwd=tmp_path).stdout


def test_a_sample_is_sent_and_says_that_it_is_one(tmp_path: Path, env: dict[str, str], hook: Webhook) -> None:
    done = watcher("send-test", "hook", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout.startswith("hook took it, in ")) == (0, True)
    (body,) = hook.bodies
    assert "this is a test of the channel" in body["message"]
    assert "15.42 % > 15" in body["title"] + body["message"]
    assert "nothing happened" in watcher("send-test", "console", env=env, cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        pytest.param(status(404), "failed", "HTTP 404 Not Found", id="refused"),
        pytest.param(status(302), "failed", "redirects are not followed", id="sent elsewhere"),
        pytest.param(None, "failed", "the connection was refused", id="nobody there"),
    ],
)
def test_a_sample_that_fails_says_why(
    tmp_path: Path, env: dict[str, str], hook: Webhook, answer: object, outcome: str, reason: str
) -> None:
    hook.answers[:] = [answer or status(200)]  # type: ignore[list-item]  # one of the answers above
    name = "hook" if answer else "down"
    done = watcher("send-test", name, "--json", env=env, cwd=tmp_path)
    assert done.returncode == 1
    found = printed(done)
    assert isinstance(found, dict)
    assert (found["channel"], found["outcome"]) == (name, outcome)
    assert reason in found["reason"]
    assert reason in watcher("send-test", name, env=env, cwd=tmp_path).stderr


def test_a_sample_for_a_channel_that_is_none_is_a_fault_of_configuration(tmp_path: Path, env: dict[str, str]) -> None:
    done = watcher("send-test", "desk", env=env, cwd=tmp_path)
    assert (done.returncode, "there are console, down, hook" in done.stderr) == (78, True)
    del env["WATCHER_CHANNELS__DOWN"]
    assert watcher("send-test", "hook", env=env, cwd=tmp_path).returncode == 0, "one that is broken breaks no other"
    assert watcher("send-test", "down", env=env, cwd=tmp_path).returncode == 78
