"""Trouble that stays: the real daemon, left in it for more than a minute, never writes more than ten lines in one."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from tests.builders import RECORDED
from tests.delivery.receivers import closed_port, listening
from tests.end_to_end.live import environment, eventually, process
from tests.faults.test_disk import Disk, _mount
from tests.upstream.servers import serving
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app

MOST = 10
MINUTE = timedelta(minutes=1)
CHANNELS = [f"channel{number}" for number in range(10)]
MANY = [f"US.S{number}" for number in range(1000)]
OFTEN = '[[rule]]\nname = "{name}"\nsymbols = {symbols}\nwhen = "short_percent > 60"\nnotify = {notify}\n'
SAID = {
    "upstream down": 'event="upstream is left alone"',
    "upstream down, asked often": "troubled=50",
    "upstream hung": 'event="upstream is left alone"',
    "channels down": 'event="not delivered"',
    "disk full": 'event="cycle failed"',
    "rules broken": 'event="rules kept"',
}
EACH_SECOND = {"WATCHER_SCHEDULE__EVERY": "1s"}
Trouble = Callable[[Path], None]


def rules(symbols: list[str], notify: list[str], count: int = 1) -> str:
    """Return rules that often fire and end again."""
    tables = "".join(f"[channels.{name}]\n" for name in notify if name != "console")
    return tables + "".join(OFTEN.format(name=f"r{n}", symbols=symbols, notify=notify) for n in range(count))


@contextmanager
def left_in(
    place: Path, url: str, text: str, trouble: Trouble | None = None, state: str = "state", **more: str
) -> Iterator[Path]:
    """Run a daemon, and get it into trouble once it has begun; yield the file of its log."""
    place.mkdir(exist_ok=True)
    (place / "rules.toml").write_text(text)
    env = environment(url, place / state, **more)
    with process("run", env=env, cwd=place) as running:
        if trouble is not None:
            eventually(place / "err", "event=polled")
            trouble(place)
        yield place / "err"
        assert running.poll() is None, (place / "err").read_text()


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    place.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_no_trouble_that_stays_fills_the_log(tmp_path: Path) -> None:
    """All of them at the same time, for each takes a minute."""
    archive = RecordedArchive(RECORDED, date(2021, 1, 4))
    nobody = f"http://127.0.0.1:{closed_port()}"
    down = {f"WATCHER_CHANNELS__{name.upper()}": f"json://127.0.0.1:{closed_port()}/" for name in CHANNELS}
    few, console = ["US.XRT"], ["console"]
    with ExitStack() as stack:
        url = stack.enter_context(serving(create_app(archive)))
        hung = f"http://127.0.0.1:{stack.enter_context(listening(accept=True))}"
        stack.enter_context(small_disk(tmp_path / "disk full/disk"))

        def misspelt(place: Path) -> None:
            (place / "rules.toml").write_text(rules(few, console, 30).replace("short_percent", "shrot_percent"))

        def full(place: Path) -> None:
            Disk(place / "disk").fill()

        logs = {
            name: stack.enter_context(left_in(tmp_path / name, *what, **more))
            for name, what, more in (
                ("upstream down", (nobody, rules(MANY, console)), {}),
                ("upstream down, asked often", (nobody, rules(MANY[:50], console)), EACH_SECOND),
                ("upstream hung", (hung, rules(MANY, console)), {"WATCHER_UPSTREAM__TIMEOUT": "1s"}),
                ("channels down", (url, rules(few, CHANNELS)), {**EACH_SECOND, **down}),
                ("disk full", (url, rules(few, [*CHANNELS, "console"]), full, "disk"), {**EACH_SECOND, **down}),
                ("rules broken", (url, rules(few, console), misspelt), {}),
            )
        }
        for _ in range(62):
            archive.advance()  # so that there is always something to tell, and to store
            time.sleep(1)
        said = {name: log.read_text() for name, log in logs.items()}
    worst = {name: _most_in_a_minute(text) for name, text in said.items()}
    assert max(worst.values()) <= MOST, (worst, said[max(worst, key=lambda name: worst[name])])
    for name, event in SAID.items():
        assert event in said[name], said[name]


def _most_in_a_minute(log: str) -> int:
    """Return how many lines there are in the minute with the most."""
    lines = log.splitlines()
    times = [datetime.fromisoformat(line.partition("timestamp=")[2].partition(" ")[0]) for line in lines]
    return max(sum(timedelta() <= other - one < MINUTE for other in times) for one in times)
