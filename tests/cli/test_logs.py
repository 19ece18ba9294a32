"""What is logged: one line an event, whatever is in it, written for where it goes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from tests.end_to_end.live import environment, watcher
from watcher.cli.logs import Sparing

FORGED = "a\nlevel=error event=forged\r\x1b[2J\u2028\u202eb"
"""A line that begins another, clears a terminal, and is read from right to left."""
PROGRAM = """
import logging, sys, structlog
from watcher.cli.logs import log_to_stderr
from watcher.cli.options import LogForm
log_to_stderr(form=LogForm(sys.argv[1]))
log = structlog.get_logger()
text = sys.argv[2]
log.info("polled", symbols=3, empty="", none=None, yes=True, half=0.5, name="香港")
log.warning(text, said=text)
logging.getLogger("watcher.store").info("backed up", extra={"file": text})
logging.getLogger("another").warning("%s", text)
logging.getLogger("another").info("not for us")
try:
    raise ValueError(text)
except ValueError:
    log.exception("failed")
"""


def logged(tmp_path: Path, form: str, *, to_the_journal: bool = False) -> list[str]:
    """Return the lines that the program writes to standard error, a file that may pass for the journal."""
    path = tmp_path / "err"
    with path.open("w") as err:
        status = os.fstat(err.fileno())
        place = f"{status.st_dev}:{status.st_ino}" if to_the_journal else "1:1"
        env = {**os.environ, "JOURNAL_STREAM": place, "PYTHONIOENCODING": "utf-8"}
        subprocess.run([sys.executable, "-c", PROGRAM, form, FORGED], env=env, stderr=err, check=True)
    return path.read_text("utf-8").split("\n")[:-1]


def test_a_plain_line_has_a_time_and_nothing_begins_a_line_of_its_own(tmp_path: Path) -> None:
    polled, warned, backed_up, another, failed = logged(tmp_path, "auto")
    assert polled.startswith("timestamp=20")
    assert polled.endswith('Z level=info event=polled symbols=3 empty="" none= yes=true half=0.5 name=香港')
    escaped = r'"a\nlevel=error event=forged\r\u001b[2J\u2028\u202eb"'
    assert warned.partition(" ")[2] == f"level=warning event={escaped} said={escaped}"
    assert backed_up.partition(" ")[2] == f'level=info event="backed up" file={escaped}'
    assert another.partition(" ")[2] == f"level=warning event={escaped} logger=another"
    assert r'event=failed exception="Traceback (most recent call last):\n' in failed


def test_a_line_for_the_journal_has_its_priority_and_no_time(tmp_path: Path) -> None:
    lines = logged(tmp_path, "auto", to_the_journal=True)
    assert [line[:3] for line in lines] == ["<6>", "<4>", "<6>", "<4>", "<3>"]
    assert not any("timestamp" in line for line in lines)
    assert lines == logged(tmp_path, "journal"), "as if it had been asked for"


def test_a_line_of_json_has_the_facts_as_they_are(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in logged(tmp_path, "json", to_the_journal=True)]
    assert (lines[0]["event"], lines[0]["symbols"], lines[0]["none"], lines[0]["name"]) == ("polled", 3, None, "香港")
    assert lines[1]["said"] == FORGED
    assert lines[2]["file"] == FORGED


def test_what_cannot_be_written_stops_nothing() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", PROGRAM, "plain", FORGED], stderr=full, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(("to_the_journal", "mark"), [(False, ""), (True, "<3>")])
def test_an_error_that_ends_the_service_is_one_to_the_journal(tmp_path: Path, to_the_journal: bool, mark: str) -> None:
    env = {**environment("http://127.0.0.1:9", tmp_path / "state"), "WATCHER_RATE": "1", "WATCHER_COLOUR": "red"}
    with (tmp_path / "err").open("w") as err:
        status = os.fstat(err.fileno())
        env["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}" if to_the_journal else ""
        command = [sys.executable, "-m", "watcher", "run"]
        assert subprocess.run(command, env=env, cwd=tmp_path, stderr=err, check=False).returncode == 78
    said = (tmp_path / "err").read_text().splitlines()
    assert len(said) == 2
    assert all(line.startswith(f"{mark}WATCHER_") for line in said)


def test_how_to_log_is_an_option_of_run(tmp_path: Path) -> None:
    env = environment("http://127.0.0.1:9", tmp_path / "state")
    assert watcher("run", "--log", "xml", env=env, cwd=tmp_path).returncode == 2


def test_of_an_event_that_comes_too_often_few_lines_a_minute_are_written_and_the_others_counted() -> None:
    now = [0.0]
    sparing = Sparing(lambda: now[0])

    def told(event: str, level: str = "error", **facts: object) -> dict[str, object] | None:
        try:
            return dict(sparing(None, level, {"event": event, **facts}))
        except structlog.DropEvent:
            return None

    assert [told("failed") is not None for _ in range(10)] == [True] * 3 + [False] * 7
    assert [told("polled", "info") is not None for _ in range(10)] == [True] * 4 + [False] * 6
    assert told("another") is not None, "another event is another matter"
    assert all(told("detail", "debug") for _ in range(10)), "who asks for everything gets everything"
    assert [told(f"text {number}", logger="theirs") is not None for number in range(5)].count(True) == 3
    now[0] = 59.9
    assert told("failed") is None
    now[0] = 60.0
    assert told("failed", channel="desk") == {"event": "failed", "channel": "desk", "unsaid": 8}
    assert told("failed") == {"event": "failed"}
