"""Random kills of whole cycles, against a real web hook and a real mail server, beside a twin that is never killed.

Each life is a process that polls, judges, commits and delivers, with everything loaded before it begins, so that the
kills fall on the steps of the work and not on the start of the interpreter. What the twin is told, over the same
sessions, is what there is to be told. Now and then a life is left to end: one that never comes to settle repeats all
that waits, kill after kill, as it has to, and meets no other step.
"""

import asyncio
import os
import random
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory

import trustme

from bench.receivers import Receivers, receiving
from bench.server import Server
from watcher.core.answer import Answered
from watcher.core.book import RuleBook
from watcher.core.market import Symbol, UsRow
from watcher.core.outbox import Status
from watcher.delivery.channels import validate_url
from watcher.jobs.deliver import deliver
from watcher.jobs.poll import poll
from watcher.jobs.take_up import take_up
from watcher.rulebook import read
from watcher.serving import served
from watcher.settings import Settings, UpstreamSettings
from watcher.store.store import Store
from watcher.upstream.refusal import RetCode
from watcher.upstream.server import create_app
from watcher.wiring import live

KILLS = 1000
KILLS_A_SESSION = 2
SESSIONS_A_REST = 5
SETTLING = 0.05
"""Seconds from the receipt of a message to the end of the commit that says so, at most."""
SYMBOLS = [Symbol(f"US.S{number}") for number in range(10)]
RULES = ("short_percent > 50", "short_percent > 70", "change(short_percent) > 20", "mean(short_percent, 3) > 60")


class Restless:
    """An archive in which every symbol crosses limits in every other session, for ever."""

    def __init__(self) -> None:
        self.as_of = date(2000, 1, 3)

    def answer(self, symbol: Symbol, count: int) -> Answered | RetCode:
        dates = [self.as_of - timedelta(days=back) for back in reversed(range(min(count, 90)))]
        rows = (UsRow(each, short_percent=random.Random(f"{symbol} {each}").uniform(0, 100)) for each in dates)
        return Answered(symbol, tuple(rows))

    def advance(self) -> date | None:
        self.as_of += timedelta(days=1)
        return self.as_of


@contextmanager
def serving() -> Iterator[Server]:
    """Serve it in a process of its own: this one forks, and must have no threads."""
    with Popen([sys.executable, "-m", "bench.crash"], stdin=PIPE, stdout=PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


async def serve() -> None:
    archive = Restless()
    async with served(create_app(archive), "127.0.0.1", 0) as url:
        print(url, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(archive.advance(), flush=True)


def book() -> RuleBook:
    names = ", ".join(f'"{symbol}"' for symbol in SYMBOLS)
    text = "[channels.hook]\n[channels.mail]\n" + "".join(
        f'[[rule]]\nname = "rule-{n}"\nsymbols = [{names}]\nwhen = "{when}"\nnotify = ["hook", "mail"]\n'
        for n, when in enumerate(RULES)
    )
    loaded = read({"bench.toml": text.encode()})
    assert loaded.book is not None, loaded.problems
    return loaded.book


def settings(server: Server, receivers: Receivers, state: Path) -> Settings:
    return Settings(
        upstream=UpstreamSettings(url=server.url, rate="100000/1s"),
        state=state,
        channels={"hook": receivers.hook, "mail": receivers.mail},  # type: ignore[dict-item]  # pydantic's secrets
    )


async def cycle(configured: Settings, rules: RuleBook) -> None:
    async with live(configured, rules, StringIO()) as parts:
        await parts.writer(lambda: take_up(parts.store, rules, parts.clock.now()))
        await poll(list(rules.by_symbol), parts.current_book, parts.upstream, parts.store, parts.writer, parts.clock)
        await deliver(parts.store, parts.channels, parts.current_book, parts.writer, parts.clock, random.random)


def begun(work: Callable[[], None]) -> int:
    """The process that does the work, just begun."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with redirect_stderr(StringIO()):
            work()
        code = 0
    finally:
        os._exit(code)


def ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def told(state: Path) -> tuple[Counter[tuple[str, ...]], dict[str, set[str]], set[Status]]:
    """What was to be told, the ids of it by channel, and the statuses it is in."""
    store = Store.open_beside(state)
    with store.read() as tx:
        entries = tx.outbox.entries()
    store.close()
    notes = [entry.notification for entry in entries]
    what = Counter((n.rule, n.symbol, n.kind.value, str(n.episode), str(n.trade_date), n.channel) for n in notes)
    ids = {name: {n.id for n in notes if n.channel == name} for name in ("hook", "mail")}
    return what, ids, {entry.delivery.status for entry in entries}


class Ledger:
    """What arrived, life by life."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers
        self._life: dict[str, list[str]] = {"hook": [], "mail": []}
        self.arrived = {"hook": Counter[str](), "mail": Counter[str]()}
        self.lives_with_two = 0

    def wait_for_arrival(self, child: int, seconds: float) -> None:
        """Return when something arrives, which puts the kill between that and settle, or after so many seconds."""
        until = time.perf_counter() + seconds
        while not self._look() and time.perf_counter() < until and not ended(child):
            time.sleep(0.002)

    def end_life(self) -> None:
        self._look()
        for channel, ids in self._life.items():
            self.arrived[channel].update(ids)
            self.lives_with_two += len(ids) != len(set(ids))
            ids.clear()

    def _look(self) -> bool:
        arrived = self._receivers.arrived()
        for channel, ids in arrived.items():
            self._life[channel] += ids
        return any(arrived.values())


def main(kills: int = KILLS) -> None:
    chance = random.Random(7)
    rules = book()
    validate_url("json://127.0.0.1")  # loads apprise, for all lives
    with (
        TemporaryDirectory(prefix="watcher-bench-") as place,
        serving() as server,
        receiving() as receivers,
        receiving() as twins,
    ):
        killed, twin, authority = Path(place, "killed"), Path(place, "twin"), Path(place, "ca.pem")
        # to read all that a machine trusts takes as long as a mail, and nothing here is encrypted
        trustme.CA().cert_pem.write_to_path(str(authority))
        os.environ["SSL_CERT_FILE"] = str(authority)
        ours, theirs = settings(server, receivers, killed), settings(server, twins, twin)

        def live_on(configured: Settings) -> float:
            began = time.perf_counter()
            child = begun(lambda: asyncio.run(cycle(configured, rules)))
            assert os.waitpid(child, 0)[1] == 0
            return time.perf_counter() - began

        live_on(ours), live_on(theirs)
        server.advance()
        whole = live_on(theirs)
        ledger = Ledger(receivers)
        died = sessions = 0
        while died < kills:
            for n in range(KILLS_A_SESSION):
                child = begun(lambda: asyncio.run(cycle(ours, rules)))
                if n % 2:
                    time.sleep(chance.uniform(0.02, 1.1) * whole)
                else:
                    ledger.wait_for_arrival(child, 2 * whole)
                    time.sleep(chance.uniform(0, SETTLING))
                os.kill(child, signal.SIGKILL)
                died += os.waitpid(child, 0)[1] == signal.SIGKILL
                ledger.end_life()
            server.advance()
            sessions += 1
            if sessions % SESSIONS_A_REST == 0:
                live_on(ours)
                ledger.end_life()
            whole = (whole + live_on(theirs)) / 2
        live_on(ours), live_on(theirs)
        ledger.end_life()
        mine, ids, statuses = told(killed)
        all_there, _, _ = told(twin)
        lost = (all_there - mine).total() + sum(len(ids[name] - ledger.arrived[name].keys()) for name in ids)
        repeats = [each - 1 for counts in ledger.arrived.values() for each in counts.values()]
        clean = Counter(id_ for ids_ in twins.arrived().values() for id_ in ids_)
    print(f"crash: {died} kills at random in {len(SYMBOLS)} symbols x {len(RULES)} rules, a web hook and a mail server")
    print(f"  to be told       {all_there.total():8d}   (by the twin, which is never killed)")
    print(f"  lost             {lost:8d}   (aim: 0)")
    print(f"  told beyond that {(mine - all_there).total():8d}   (aim: 0)")
    print(f"  repeated         {sum(repeats):8d}   in all; twin: {sum(clean.values()) - len(clean)}")
    print(f"  one of them      {max(repeats):8d}   times at most; the median {statistics.median(repeats):.0f}")
    print(f"  within one life  {ledger.lives_with_two:8d}   lives that told something twice (aim: 0)")
    print(f"  left behind      {len(statuses - {Status.SENT}):8d}   (aim: 0)")


if __name__ == "__main__":
    asyncio.run(serve())
