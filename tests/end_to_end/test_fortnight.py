"""A fortnight of two markets over real HTTP: how little is asked, and that nothing is missed for it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bench.requests import Fortnight, fortnight
from watcher.core.alert import Kind
from watcher.core.answer import DataState

SYMBOLS = 60


@pytest.fixture(scope="module")
def found() -> Iterator[Fortnight]:
    with TemporaryDirectory() as state:
        yield asyncio.run(fortnight(SYMBOLS, Path(state)))


def test_every_session_of_every_symbol_is_stored(found: Fortnight) -> None:
    assert found.missing == []
    assert found.states == {DataState.OK: SYMBOLS - 2, DataState.NO_DATA: 2}


def test_a_symbols_first_answer_is_one_request(found: Fortnight) -> None:
    assert found.first == SYMBOLS


def test_a_session_of_a_symbol_is_a_request_and_hardly_more(found: Fortnight) -> None:
    """Probes come on top, and what met the outage: of a thousand symbols that is nothing, of sixty it is some."""
    assert found.answered <= 1.05 * found.wanted + found.sentinels
    assert found.in_vain < 100


def test_closed_days_cost_nothing(found: Fortnight) -> None:
    assert found.closed == 0


def test_restarts_cost_nothing(found: Fortnight) -> None:
    assert found.restarted == 0


def test_it_is_a_small_part_of_what_an_hourly_loop_asks(found: Fortnight) -> None:
    assert 20 * sum(found.requests.values()) <= found.hourly


def test_the_operator_is_told_once_of_the_outage_and_once_of_its_end(found: Fortnight) -> None:
    assert found.notices == [(Kind.OPENED, "upstream"), (Kind.RESOLVED, "upstream")]
