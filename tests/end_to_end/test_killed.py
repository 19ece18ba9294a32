"""kill -9 at any moment of a cycle: nothing is lost, and what is told twice is told with the same id."""

import random
import re
import subprocess
import sys
import time
from collections import Counter
from datetime import date
from pathlib import Path

from tests.builders import RECORDED
from tests.delivery.receivers import Webhook, status
from tests.end_to_end.live import environment, printed, watcher
from tests.upstream.servers import serving
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app

KILLS = 50
RULES = """
[channels.one]
[channels.two]
[[rule]]
name = "often"
symbols = ["US.XRT"]
when = "short_percent > 60"
notify = ["one", "two"]
"""
_ID = re.compile(r"\[([a-z2-7]{8})\]")


def test_fifty_kills_lose_nothing_and_repeat_at_most_once_each(tmp_path: Path) -> None:
    """A kill falls anywhere from the start of the interpreter to the exit, so each cycle sees others of its steps."""
    (tmp_path / "rules.toml").write_text(RULES)
    chance = random.Random(20210104)
    archive = RecordedArchive(RECORDED, date(2021, 1, 4))
    kills = 0
    with serving(create_app(archive)) as url, Webhook(status(200)) as one, Webhook(status(200)) as two:
        env = environment(url, tmp_path / "state", WATCHER_CHANNELS__ONE=one.url, WATCHER_CHANNELS__TWO=two.url)
        began = time.perf_counter()
        assert watcher("poll", env=env, cwd=tmp_path).returncode == 0
        whole = time.perf_counter() - began
        for _ in range(KILLS):
            archive.advance()
            began = time.perf_counter()
            running = subprocess.Popen(
                [sys.executable, "-m", "watcher", "poll"],
                env=env,
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                running.wait(chance.uniform(0.3, 1.05) * whole)
                whole = time.perf_counter() - began  # how long a cycle takes depends on who else is at work here
            except subprocess.TimeoutExpired:
                running.kill()
                kills += running.wait() == -9
        done = watcher("poll", "--json", env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        status_now = printed(watcher("status", "--json", env=env, cwd=tmp_path))
    assert isinstance(status_now, dict)
    assert set(status_now["outbox"]) == {"sent"}, "nothing is left behind"
    backtested = printed(watcher("backtest", "--json", env=env, cwd=tmp_path))
    assert isinstance(backtested, list)
    transitions = sum(1 + (each["resolved"] is not None) for each in backtested)
    assert transitions > 10
    for hook in (one, two):
        ids = Counter(id_ for body in hook.bodies for id_ in set(_ID.findall(body["message"])))
        assert len(ids) == transitions, "each transition has an id of its own, and none is missing"
        repeats = sum(count - 1 for count in ids.values())
        assert repeats <= kills
        assert max(ids.values()) <= 2 + 1, ids
    assert kills > KILLS / 2, "most cycles were killed before their end"
