"""The rate is never exceeded, nobody waits longer than that takes, and no slot is ever lost."""

import asyncio
import math
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.upstream.pacing import Pacing, Rate, Usage

T = TypeVar("T")


def paced(rate: Rate, *taken: float) -> Pacing:
    pacing = Pacing(rate, asyncio.get_running_loop().time)
    pacing.resume(Usage(taken))
    return pacing


class _Leaping(selectors.DefaultSelector):
    """Waits for nothing: what would have been waited has passed."""

    passed = 0.0
    patience = 0.0
    """Real seconds in which an event may still come."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(self.patience if timeout else 0)
        if events and self.patience:
            self.passed += 1e-9
            return events
        assert events or timeout is not None, "nothing will ever happen again"
        # a little passes always: asyncio runs what is due within the clock's resolution at once
        self.passed += (timeout or 0.0) + 1e-9
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while everybody sleeps, and then at once."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.passed


def run(work: Coroutine[Any, Any, T]) -> T:  # Any: what a coroutine yields and is sent is asyncio's own
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


async def request(pacing: Pacing, takes: float = 0.0) -> tuple[float, float]:
    """One request; returns when it started and when it was complete."""
    now = asyncio.get_running_loop().time
    async with pacing:
        start = now()
        await asyncio.sleep(takes)
        end = now()
    return start, end


@pytest.mark.parametrize(
    ("text", "limit", "period"),
    [
        pytest.param("30/30s", 30, 30.0, id="the default"),
        pytest.param("5/1m", 5, 60.0, id="minutes"),
        pytest.param("100/h", 100, 3600.0, id="no number means one"),
        pytest.param(" 2/0.5s ", 2, 0.5, id="part of a second, spaces around it"),
    ],
)
def test_a_rate_is_requests_per_time(text: str, limit: int, period: float) -> None:
    assert Rate.parse(text) == Rate(limit, period)


@pytest.mark.parametrize(
    "text", ["", "30", "30/s30", "30/30", "30/30d", "-1/s", "0/30s", "5/0s", "1e3/s", "5 per s", "३/30s", "5/.s"]
)
def test_what_is_no_rate_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"rate|request|time") as refused:
        Rate.parse(text)
    assert repr(text) in str(refused.value)


def test_a_rate_prints_as_it_is_written() -> None:
    assert str(Rate.parse("5/1m")) == "5/60s"


@settings(max_examples=60, deadline=None)
@given(
    limit=st.integers(1, 5),
    period=st.floats(0.1, 30),
    requests=st.lists(
        st.tuples(st.floats(0, 20), st.floats(0, 40), st.floats(0, 1), st.none() | st.floats(0, 20)), max_size=25
    ),
)
def test_no_window_of_the_period_ever_holds_more_than_the_limit(
    limit: int, period: float, requests: list[tuple[float, float, float, float | None]]
) -> None:
    """Wherever between a request's start and its end upstream counts it, and whoever is cancelled meanwhile."""

    async def all_of_them() -> list[float]:
        pacing = paced(Rate(limit, period))
        counted: list[float] = []

        async def one(begins: float, takes: float, counts_at: float) -> None:
            await asyncio.sleep(begins)
            start = end = None
            now = asyncio.get_running_loop().time
            async with pacing:
                start = end = now()
                try:
                    await asyncio.sleep(takes)
                finally:
                    end = now()
                    counted.append(start + counts_at * (end - start))

        tasks = []
        for begins, takes, counts_at, cancelled_after in requests:
            task = asyncio.create_task(one(begins, takes, counts_at))
            tasks.append(task)
            if cancelled_after is not None:
                asyncio.get_running_loop().call_later(cancelled_after, task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        # no slot is lost: once all are free again, as many as the limit start together
        await asyncio.sleep(period + 1e-6)
        before = asyncio.get_running_loop().time()
        starts = [start for start, _ in await asyncio.gather(*(request(pacing) for _ in range(limit)))]
        assert max(starts) < before + 1e-3
        return counted

    counted = sorted(run(all_of_them()))
    for earlier, later in zip(counted, counted[limit:], strict=False):
        assert later - earlier >= period


def test_requests_start_in_the_order_they_came() -> None:
    async def order() -> list[int]:
        pacing = paced(Rate(2, 10))
        started: list[int] = []

        async def one(number: int) -> None:
            async with pacing:
                started.append(number)

        await asyncio.gather(*(one(number) for number in range(9)))
        return started

    assert run(order()) == list(range(9))


def test_a_slot_is_free_a_period_after_the_request_completed_not_after_it_began() -> None:
    async def second_start() -> float:
        pacing = paced(Rate(1, 10))
        (_, end), (start, _) = await asyncio.gather(request(pacing, takes=7), request(pacing))
        return start - end

    assert run(second_start()) == pytest.approx(10, abs=1e-6)


def test_a_burst_is_not_stretched() -> None:
    """The window allows all of them at once; a bucket that drips would not."""

    async def starts() -> list[float]:
        pacing = paced(Rate(30, 30))
        return [start for start, _ in await asyncio.gather(*(request(pacing) for _ in range(31)))]

    started = run(starts())
    assert max(started[:30]) < 1e-3
    assert started[30] == pytest.approx(30, abs=1e-3)


def test_a_hold_reaches_those_who_wait_already_and_is_never_shortened() -> None:
    async def start() -> float:
        pacing = paced(Rate(1, 5))
        await request(pacing)
        waiting = asyncio.create_task(request(pacing))
        await asyncio.sleep(1)
        pacing.hold(100)
        pacing.hold(2)
        pacing.hold(-1)
        pacing.hold(float("inf"))
        pacing.hold(float("nan"))
        return (await waiting)[0]

    assert run(start()) == pytest.approx(101, abs=1e-3)


def test_who_is_slowed_down_leaves_half_of_the_slots_empty_and_gets_one_back_every_period() -> None:
    async def starts() -> list[float]:
        pacing = paced(Rate(8, 10))
        pacing.slow_down()
        pacing.slow_down()
        return [start for start, _ in await asyncio.gather(*(request(pacing) for _ in range(30)))]

    started = run(starts())
    per_period = [sum(period * 10 <= start < (period + 1) * 10 for start in started) for period in range(5)]
    assert per_period == [4, 5, 6, 7, 8]


def test_who_is_refused_again_a_period_later_halves_what_is_left() -> None:
    async def starts() -> list[float]:
        pacing = paced(Rate(8, 10))
        pacing.slow_down()
        await asyncio.sleep(10)
        pacing.slow_down()
        return [start - 10 for start, _ in await asyncio.gather(*(request(pacing) for _ in range(5)))]

    started = run(starts())
    assert sum(start < 9 for start in started) == 3


def test_one_slot_is_always_left() -> None:
    async def start() -> float:
        pacing = paced(Rate(2, 10))
        for _ in range(5):
            pacing.slow_down()
            await asyncio.sleep(10)
        pacing.slow_down()
        (begun, _), (later, _) = await asyncio.gather(request(pacing), request(pacing))
        return later - begun

    assert run(start()) == pytest.approx(10, abs=1e-3)


def test_who_is_slowed_down_while_all_slots_are_out_waits_for_one_to_come_back() -> None:
    async def starts() -> float:
        pacing = paced(Rate(2, 10))
        running = [asyncio.create_task(request(pacing, takes=5)) for _ in range(2)]
        await asyncio.sleep(1)
        pacing.slow_down()
        start, _ = await request(pacing)
        await asyncio.gather(*running)
        return start

    assert run(starts()) == pytest.approx(15, abs=1e-3)


def test_what_an_earlier_process_asked_still_counts() -> None:
    async def starts() -> tuple[tuple[float, ...], list[float]]:
        earlier = paced(Rate(3, 10))
        await asyncio.gather(request(earlier), request(earlier))
        await asyncio.sleep(4)
        running = asyncio.create_task(request(earlier, takes=1))
        await asyncio.sleep(0.5)
        kept = earlier.usage.taken
        now = asyncio.get_running_loop().time()
        later = paced(Rate(3, 10), *kept)
        started = [start - now for start, _ in await asyncio.gather(*(request(later) for _ in range(3)))]
        await running
        return kept, started

    kept, started = run(starts())
    assert kept == pytest.approx((5.5, 5.5, 10), abs=1e-6)
    assert started == pytest.approx(kept, abs=1e-6)


def test_more_taken_than_there_are_slots_and_longer_than_a_period_are_no_matter() -> None:
    async def first() -> float:
        pacing = paced(Rate(2, 10), 1e9, 3, 2, -5, 10)
        return (await request(pacing))[0]

    assert run(first()) == pytest.approx(10, abs=1e-6)


def test_what_may_start_now_and_how_long_the_next_waits() -> None:
    async def run() -> None:
        clock = [0.0]
        pacing = Pacing(Rate(2, 30), lambda: clock[0])
        assert (pacing.available, pacing.wait) == (2, 0)
        async with pacing:
            assert (pacing.available, pacing.wait) == (1, 0)
            async with pacing:
                assert (pacing.available, pacing.wait) == (0, math.inf), "every slot holds a request"
        assert (pacing.available, pacing.wait) == (0, 30)
        clock[0] = 30
        assert (pacing.available, pacing.wait) == (2, 0)
        pacing.hold(7)
        assert (pacing.available, pacing.wait) == (0, 7), "upstream wishes to be left alone"
        clock[0] = 37
        pacing.slow_down()
        assert pacing.available == 1, "half of the slots stay empty"

    asyncio.run(run())
