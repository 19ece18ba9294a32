"""kill -9 at the steps between fetch and settle: told once more at most, with the same id, and marked.

The places are reached through what others do: an upstream that locks the store while it answers holds a process before
its commit or in the middle of it, a receiver that does not accept between claim and connect, one that does not answer
within the request, and one that locks the store before it answers between answer and settle.
"""

import re
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.builders import RECORDED
from tests.conftest import NOW
from tests.delivery.receivers import Webhook, listening, status
from tests.end_to_end.live import environment, process, watcher
from tests.upstream.servers import serving
from tests.waiting import until
from watcher.core.answer import Answered
from watcher.core.market import Symbol
from watcher.store.file import FILE, journal
from watcher.store.store import Store
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.refusal import RetCode
from watcher.upstream.server import create_app

RULES = """
[channels.one]
[channels.two]
[[rule]]
name = "level"
symbols = ["US.XRT"]
when = "short_percent > 60"
notify = ["one", "two"]
"""
_ID = re.compile(r"\[([a-z2-7]{8})\]")


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    (tmp_path / "rules.toml").write_text(RULES)
    with serving(create_app(RecordedArchive(RECORDED, date(2021, 2, 12)))) as url:
        yield environment(url, tmp_path / "state")


def statuses(state: Path) -> dict[str, str]:
    if not (state / FILE).exists():
        return {}
    store = Store.open_beside(state)
    try:
        with store.read() as tx:
            return {each.notification.channel: each.delivery.status.value for each in tx.outbox.entries()}
    finally:
        store.close()


def killed(running: "subprocess.Popen[str]") -> None:
    running.kill()
    assert running.wait() == -9


def heard(hook: Webhook) -> list[tuple[str, bool]]:
    """Return the id of each notification that arrived, and whether it was marked as possibly a repeat."""
    texts = [body["title"] + body["message"] for body in hook.bodies]
    return [(id_, "possibly a repeat" in text) for text in texts for id_ in _ID.findall(text)]


def test_between_claim_and_connect(tmp_path: Path, env: dict[str, str]) -> None:
    with ExitStack() as stack:
        ports = [stack.enter_context(listening(accept=False)) for _ in range(2)]
        deaf = {
            f"WATCHER_CHANNELS__{name}": f"json://127.0.0.1:{port}/"
            for name, port in zip(("ONE", "TWO"), ports, strict=True)
        }
        with process("poll", env=env | deaf, cwd=tmp_path) as running:
            until(lambda: set(statuses(tmp_path / "state").values()) == {"claimed"})
            killed(running)
    with Webhook(status(200)) as one, Webhook(status(200)) as two:
        hooks = {"WATCHER_CHANNELS__ONE": one.url, "WATCHER_CHANNELS__TWO": two.url}
        for _ in range(2):
            assert watcher("poll", env=env | hooks, cwd=tmp_path).returncode == 0
    assert [[marked for _, marked in heard(hook)] for hook in (one, two)] == [[True], [True]]


def test_during_the_request_and_between_two_channels(tmp_path: Path, env: dict[str, str]) -> None:
    """The channel that was told already is not told again."""
    with Webhook(status(200)) as one, Webhook(status(200)) as two:
        two.answers.insert(0, two.hang)
        hooks = {"WATCHER_CHANNELS__ONE": one.url, "WATCHER_CHANNELS__TWO": two.url}
        with process("poll", env=env | hooks, cwd=tmp_path) as running:
            until(lambda: statuses(tmp_path / "state") == {"one": "sent", "two": "claimed"} and len(two.bodies) == 1)
            killed(running)
        for _ in range(2):
            assert watcher("poll", env=env | hooks, cwd=tmp_path).returncode == 0
    assert [marked for _, marked in heard(one)] == [False]
    (first, again) = heard(two)
    assert (first[0], first[1], again[1]) == (again[0], False, True)


def test_between_the_receivers_answer_and_settle(tmp_path: Path, env: dict[str, str]) -> None:
    """The store is locked from before the answer until after the kill, so that the answer cannot be recorded."""
    lock = sqlite3.connect(tmp_path / "lock", check_same_thread=False)
    answered: list[bool] = []

    def lock_and_answer(handler: BaseHTTPRequestHandler) -> None:
        nonlocal lock
        lock = sqlite3.connect(tmp_path / "state" / FILE, check_same_thread=False, timeout=10, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        status(200)(handler)
        answered.append(True)

    (tmp_path / "rules.toml").write_text(RULES.replace(', "two"', "").replace("[channels.two]", ""))
    with Webhook(status(200)) as one:
        one.answers.insert(0, lock_and_answer)
        env |= {"WATCHER_CHANNELS__ONE": one.url}
        with process("poll", env=env, cwd=tmp_path) as running:
            until(lambda: bool(answered))
            time.sleep(0.3)
            killed(running)
        lock.close()
        assert statuses(tmp_path / "state") == {"one": "claimed"}
        for _ in range(2):
            assert watcher("poll", env=env, cwd=tmp_path).returncode == 0
    (first, again) = heard(one)
    assert (first[0], first[1], again[1]) == (again[0], False, True)


class Locking(RecordedArchive):
    """An archive that locks a store before it answers."""

    def __init__(self, store: Path, how: Sequence[str]) -> None:
        super().__init__(RECORDED, date(2021, 2, 12))
        self._store = store
        self._how = how
        self.locks: list[sqlite3.Connection] = []

    def answer(self, symbol: Symbol, count: int) -> Answered | RetCode:
        if not self.locks:
            lock = sqlite3.connect(self._store, check_same_thread=False, isolation_level=None)
            for statement in self._how:
                lock.execute(statement).fetchall()
            self.locks.append(lock)
        return super().answer(symbol, count)


@pytest.mark.parametrize(
    ("how", "begun"),
    [
        pytest.param(["BEGIN IMMEDIATE"], False, id="between fetch and commit: nobody else may begin to write"),
        pytest.param(["BEGIN", "SELECT * FROM meta"], True, id="inside the commit: it waits for the last reader"),
    ],
)
def test_before_the_commit_is_done(tmp_path: Path, how: list[str], begun: bool) -> None:
    """Nothing was recorded, and nothing told; the next poll does it all, and nothing is marked."""
    (tmp_path / "rules.toml").write_text(RULES)
    state = tmp_path / "state"
    Store.open_for_writing(state, "a test", NOW).close()
    archive = Locking(state / FILE, how)
    with serving(create_app(archive)) as url, Webhook(status(200)) as one, Webhook(status(200)) as two:
        env = environment(url, state, WATCHER_CHANNELS__ONE=one.url, WATCHER_CHANNELS__TWO=two.url)
        with process("poll", env=env, cwd=tmp_path) as running:
            until(lambda: bool(archive.locks))
            if begun:
                until(journal(state / FILE).exists)
            time.sleep(0.3)
            assert running.poll() is None
            killed(running)
        archive.locks[0].close()
        assert statuses(state) == {}
        assert (one.bodies, two.bodies) == ([], [])
        for _ in range(2):
            assert watcher("poll", env=env, cwd=tmp_path).returncode == 0
    assert [[marked for _, marked in heard(hook)] for hook in (one, two)] == [[False], [False]]


class Halting(RecordedArchive):
    """An archive that does not answer for one symbol until it is released."""

    def __init__(self, halts_at: str) -> None:
        super().__init__(RECORDED, date(2021, 2, 12))
        self.halts_at = halts_at
        self.released = threading.Event()

    def answer(self, symbol: Symbol, count: int) -> Answered | RetCode:
        if symbol == self.halts_at:
            self.released.wait(20)
        return super().answer(symbol, count)


def test_between_commit_and_claim(tmp_path: Path) -> None:
    """A cycle that upstream holds up has committed, and tells at its end: what was never claimed bears no mark."""
    (tmp_path / "rules.toml").write_text(RULES.replace('["US.XRT"]', '["US.XRT", "US.GME"]'))
    archive = Halting("US.GME")
    with serving(create_app(archive)) as url, Webhook(status(200)) as one, Webhook(status(200)) as two:
        env = environment(url, tmp_path / "state", WATCHER_CHANNELS__ONE=one.url, WATCHER_CHANNELS__TWO=two.url)
        with process("poll", env=env, cwd=tmp_path) as running:
            until(lambda: statuses(tmp_path / "state") == {"one": "pending", "two": "pending"})
            killed(running)
        archive.released.set()
        assert (one.bodies, two.bodies) == ([], [])
        for _ in range(2):
            assert watcher("poll", env=env, cwd=tmp_path).returncode == 0
    assert [[marked for _, marked in heard(hook)] for hook in (one, two)] == [[False], [False]]


def test_pending_sends_are_resumed_within_ten_seconds_of_a_kill(tmp_path: Path, env: dict[str, str]) -> None:
    with Webhook(status(200)) as one, Webhook(status(200)) as two:
        one.answers.insert(0, one.hang)
        env |= {"WATCHER_CHANNELS__ONE": one.url, "WATCHER_CHANNELS__TWO": two.url}
        with process("run", env=env, cwd=tmp_path) as running:
            until(lambda: len(one.bodies) == 1)
            killed(running)
        with process("run", env=env, cwd=tmp_path):
            until(lambda: len(one.bodies) == 2, seconds=10)
