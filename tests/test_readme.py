"""The README is true: each command in it runs as written, and it names all there is."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from watcher.cli import app
from watcher.core.functions import FUNCTIONS
from watcher.core.metrics import METRICS
from watcher.rulebook.tables import ChannelTable, RulesFile, RuleTable, Table
from watcher.settings import names
from watcher.web import telemetry

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ENDLESS = {
    "scripts/demo": "▲",
    "watcher upstream --simulate 7 --port 8700 &": "http://127.0.0.1:8700",
    "watcher run": "event=started",
}
"""Commands that end when they are told to, and what they print once they are at work."""
EXITS = {"watcher status": 1}
"""By then the daemon has been told to end, and that is not well."""
TESTS = "scripts/test"
"""Is what runs this."""


def commands() -> Iterator[str]:
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S):
        for line in block.splitlines():
            yield line.split("  #")[0].strip()


class Shell:
    """A shell that a person types into; what it prints goes to a file."""

    def __init__(self, home: Path) -> None:
        self.log = home / "printed"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WATCHER_", "XDG_"))}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                ["sh"],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=kept | {"HOME": str(home), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def children(self) -> list[int]:
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in found.split()]

    def prints(self, text: str, after: int, seconds: float = 60) -> str:
        """Wait for a text behind this place of what was printed; return all from there."""
        until = time.monotonic() + seconds  # noqa: TID251 - a test waits in real time
        while time.monotonic() < until:  # noqa: TID251
            printed = self.log.read_bytes()[after:].decode(errors="replace")
            if text in printed:
                return printed
            time.sleep(0.02)
        pytest.fail(f"{text!r} was not printed:\n{self.log.read_bytes()[after:].decode(errors='replace')}")


@contextmanager
def shell(home: Path) -> Iterator[Shell]:
    opened = Shell(home)
    try:
        yield opened
    finally:
        os.killpg(opened.process.pid, signal.SIGKILL)
        opened.process.communicate()


def test_every_command_runs_as_written(tmp_path: Path) -> None:
    """In one shell, from the checkout, one after the other; none may fail."""
    typed = list(commands())
    assert set(ENDLESS) | {TESTS} <= set(typed)
    with shell(tmp_path) as person:
        background: list[int] = []
        for number, line in enumerate(typed):
            if line == TESTS:
                continue
            before = person.log.stat().st_size
            person.type(line)
            if sign := ENDLESS.get(line):
                person.prints(sign, before)
                if line.endswith("&"):
                    background += person.children()
                    continue
                (running,) = set(person.children()) - set(background)
                os.kill(running, signal.SIGINT)
            person.type(f'echo "[{number}: $?]"')
            ended = re.search(rf"\[{number}: (\d+)\]", person.prints(f"[{number}: ", before))
            assert ended is not None
            allowed = {0, 130} if line in ENDLESS else {EXITS.get(line, 0)}
            assert int(ended[1]) in allowed, person.log.read_text()


def test_it_names_every_setting() -> None:
    rows = re.findall(r"^\| (`WATCHER_.*?) \|", README, re.M)
    written = set()
    for row in rows:
        first, *more = re.findall(r"`([A-Z_]+)`", row)
        written |= {first} | {first[: first.rindex("__")] + name for name in more}
    assert written - {"WATCHER_CHANNELS__DESK"} == set(names()) - {"WATCHER_CHANNELS"}


def test_it_names_every_command() -> None:
    click = typer.main.get_command(app)
    written = set(re.findall(r"`(?:watcher )?([a-z-]+)`", "".join(re.findall(r"^\| `watcher .*? \|", README, re.M))))
    assert written == set(click.commands)  # type: ignore[attr-defined]  # it is a group


def test_it_names_every_key_of_the_rules() -> None:
    section = README.split("## Rules")[1].split("Conditions are made of")[0]
    written = set(re.findall(r"`\[*([a-z_]+)", "".join(re.findall(r"^\| .*? \|", section, re.M))))
    assert written == {key for table in (RulesFile, RuleTable, ChannelTable) for key in keys(table)}


def keys(table: type[Table]) -> set[str]:
    return {field.alias or name for name, field in table.model_fields.items()}


def test_its_tables_of_metrics_and_functions_are_those_of_the_language() -> None:
    for metric in METRICS.values():
        row = f"| `{metric.name}` | {metric.unit} | {' '.join(sorted(metric.markets))} | {metric.meaning} |"
        assert row in README
    for function in FUNCTIONS.values():
        assert f"| `{function.signature}` | {function.meaning} | `{function.example}` |" in README
    assert len(re.findall(r"^\| `[a-z_]+` \| \S+ \| [HKUS ]+ \|", README, re.M)) == len(METRICS)


def test_it_names_every_figure_of_the_telemetry() -> None:
    source = Path(telemetry.__file__).read_text()
    suffixes = {"Info": "_info", "counter": "_total"}
    there = {
        name + suffixes.get(kind, "")
        for kind, name in re.findall(r'_?([A-Za-z]+?)(?:MetricFamily)?\(\s*"(watcher_[a-z_]+)"', source)
    }
    assert set(re.findall(r"`(watcher_[a-z_]+)`", README)) == there


def test_the_files_it_points_to_are_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / target).is_file(), target
