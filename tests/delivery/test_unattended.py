"""Work in a thread that nobody has to wait for."""

import asyncio
import threading

import pytest

from watcher.delivery.unattended import Abandoned, unattended


def test_what_the_work_returns_is_returned() -> None:
    assert asyncio.run(unattended(lambda: 42, 5, "work")) == 42


def test_what_the_work_raises_is_raised() -> None:
    def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(unattended(work, 5, "work"))


def test_work_that_takes_too_long_is_abandoned_and_its_result_is_nobodys() -> None:
    release, finished = threading.Event(), threading.Event()

    def work() -> int:
        release.wait(10)
        finished.set()
        return 42

    async def abandoned_and_released() -> None:
        with pytest.raises(Abandoned):
            await unattended(work, 0.05, "work")
        release.set()
        await asyncio.sleep(0.1)

    asyncio.run(abandoned_and_released())
    assert finished.wait(5)


def test_a_result_that_comes_after_the_loop_is_closed_is_nobodys_either() -> None:
    release = threading.Event()

    async def left_behind() -> None:
        with pytest.raises(Abandoned):
            await unattended(lambda: release.wait(10), 0.05, "left behind")

    asyncio.run(left_behind())
    release.set()
    for thread in threading.enumerate():
        if thread.name == "left behind":
            thread.join(5)
    assert not any(each.name == "left behind" for each in threading.enumerate())
