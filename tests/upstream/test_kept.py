"""The rate holds across restarts: what one process used, the next one knows, and who died used everything."""

import asyncio
import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.upstream.answers import US
from tests.upstream.servers import Raw, http, us_body
from tests.upstream.test_pacing import VirtualLoop
from watcher.core.answer import Answered
from watcher.upstream.client import Client
from watcher.upstream.kept import Moment, keep, usage_at
from watcher.upstream.pacing import Pacing, Rate, Usage

NOW = datetime(2026, 6, 6, 12, tzinfo=UTC)
RATE = Rate(3, 30)
EVERYTHING = Usage((30, 30, 30))
USED = Usage((5.0, 20.0), 12.0)


def at(uptime: float, passed: float | None = None) -> Moment:
    """Return the moment at which the machine is up so long; so much has passed by the wall clock since it was 1000."""
    return Moment(uptime, NOW + timedelta(seconds=uptime - 1000 if passed is None else passed))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "pacing.json"
    keep(file, USED, at(1000))
    return file


@pytest.mark.parametrize(
    ("moment", "usage"),
    [
        pytest.param(at(1000), USED, id="at once"),
        pytest.param(at(1007), Usage((13.0,), 5.0), id="after seven seconds"),
        pytest.param(at(1100), Usage(), id="long after"),
        pytest.param(at(999), EVERYTHING, id="the machine was started again"),
        pytest.param(at(1007, passed=2), Usage((3.0, 18.0), 10.0), id="the wall clock says less"),
        pytest.param(at(1007, passed=9999), Usage((13.0,), 5.0), id="the wall clock was set forward"),
        pytest.param(at(1007, passed=-3600), EVERYTHING, id="the wall clock was set back"),
    ],
)
def test_what_was_used_is_used_until_its_time_is_over(path: Path, moment: Moment, usage: Usage) -> None:
    assert usage_at(path, RATE, moment, first=False) == usage


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="broken"),
        pytest.param("[" * 100_000, id="nested"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="nothing"),
        pytest.param('{"taken":[1],"held":0,"uptime":1000,"now":"soon"}', id="no time"),
        pytest.param('{"taken":[1],"held":0,"uptime":1000,"now":"2026-06-06T12:00:00"}', id="a time without a zone"),
        pytest.param('{"taken":[NaN],"held":0,"uptime":1000,"now":"2026-06-06T12:00:00+00:00"}', id="NaN"),
        pytest.param('{"taken":[],"held":0,"uptime":NaN,"now":"2026-06-06T12:00:00+00:00"}', id="up for NaN"),
        pytest.param('{"taken":[],"held":1e999,"uptime":1000,"now":"2026-06-06T12:00:00+00:00"}', id="for ever"),
        pytest.param('{"taken":["x"],"held":0,"uptime":1000,"now":"2026-06-06T12:00:00+00:00"}', id="a word"),
    ],
)
def test_a_file_that_says_nothing_is_everything_used(path: Path, content: str) -> None:
    path.write_text(content)
    assert usage_at(path, RATE, at(1000), first=False) == EVERYTHING
    assert usage_at(path, RATE, at(1000), first=True) == EVERYTHING


def test_without_a_file_the_last_process_died_but_for_the_first_there_ever_was(tmp_path: Path) -> None:
    assert usage_at(tmp_path / "none", RATE, at(1000), first=False) == EVERYTHING
    assert usage_at(tmp_path / "none", RATE, at(1000), first=True) == Usage()


def test_the_file_is_of_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keep(tmp_path / "pacing.json", USED, at(1000))
        keep(tmp_path / "pacing.json", USED, at(1001))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "pacing.json").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["pacing.json"]


def test_where_it_cannot_be_written_nothing_is_left(tmp_path: Path) -> None:
    keep(tmp_path / "no such directory" / "pacing.json", USED, at(1000))
    assert list(tmp_path.iterdir()) == []


def test_a_hold_is_kept_as_well() -> None:
    async def held() -> tuple[Usage, float]:
        now = asyncio.get_running_loop().time
        earlier = Pacing(RATE, now)
        earlier.hold(100)
        await asyncio.sleep(40)
        later = Pacing(RATE, now)
        later.resume(earlier.usage)
        async with later:
            return earlier.usage, now()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        usage, began = runner.run(held())
    assert usage.held == 0.0
    assert began == pytest.approx(100, abs=1e-3)


class PatientLoop(VirtualLoop):
    """A virtual loop for real sockets: before time leaps, what is on its way through the kernel may arrive."""

    def __init__(self) -> None:
        super().__init__()
        self._leaping.patience = 0.002


def most_in_a_window(arrivals: Sequence[float], seconds: float) -> int:
    first, most = 0, 0
    for last, arrived in enumerate(arrivals):
        while arrived - arrivals[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_by_the_servers_own_log_the_rate_holds_over_half_an_hour_with_three_restarts(tmp_path: Path) -> None:
    """Two clean restarts and a crash, with work waiting all the time: never above the rate, and hardly below it."""
    minutes, rate, kept = 30, Rate.parse("30/30s"), tmp_path / "pacing.json"
    arrivals: list[float] = []

    async def half_an_hour() -> None:
        loop = asyncio.get_running_loop()

        async def reply(writer: asyncio.StreamWriter) -> None:
            arrivals.append(loop.time())
            await asyncio.sleep(0.15)
            writer.write(http(us_body()))

        def moment() -> Moment:
            return Moment(loop.time(), NOW + timedelta(seconds=loop.time()))

        async def process(url: str, until: float, *, first: bool = False, dies: bool = False) -> None:
            pacing = Pacing(rate, loop.time)
            pacing.resume(usage_at(kept, rate, moment(), first=first))
            kept.unlink(missing_ok=True)
            async with Client(url, pacing=pacing, now=lambda: NOW) as client:

                async def work() -> None:
                    while True:
                        assert isinstance(await client.ask(US, 30), Answered)

                working = [asyncio.create_task(work()) for _ in range(8)]
                await asyncio.sleep(until - loop.time())
                for task in working:
                    task.cancel()
                await asyncio.gather(*working, return_exceptions=True)
            if not dies:
                keep(kept, pacing.usage, moment())

        began = loop.time()
        async with Raw(reply).running() as server:
            await process(server.url, began + 7 * 60 + 11, first=True)
            await asyncio.sleep(4)
            await process(server.url, began + 16 * 60 + 1, dies=True)
            await process(server.url, began + 23 * 60 + 29)
            await asyncio.sleep(2)
            await process(server.url, began + minutes * 60)

    with asyncio.Runner(loop_factory=PatientLoop) as runner:
        runner.run(half_an_hour())
    allowance = minutes * 60 / rate.period * rate.limit
    assert most_in_a_window(arrivals, rate.period) == rate.limit
    assert len(arrivals) >= 0.95 * allowance
