"""Outages: one trouble while upstream answers nobody, one for each symbol it does not answer while it does others."""

from datetime import timedelta

import pytest

from tests.core.test_circuit import down
from tests.core.timetables import at
from watcher.core.answer import DataState, SymbolState
from watcher.core.circuit import Circuit
from watcher.core.market import Symbol
from watcher.core.outage import Began, Ended, outages

NOW = at("01-12 09:30")
HK = Symbol("HK.00700")
UP = Circuit()


def _state(state: DataState | str, minutes_ago: int = 0) -> SymbolState:
    return SymbolState(HK, DataState(state), NOW - timedelta(minutes=minutes_ago), f"{HK}: {state}")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(None, _state("ok"), [], id="an answer is none"),
        pytest.param(None, _state("no_data"), [], id="no data is a state, no trouble"),
        pytest.param(
            _state("ok", 60), _state("invalid"), [Began("symbol HK.00700", "HK.00700: invalid")], id="invalid"
        ),
        pytest.param(
            None, _state("unsupported"), [Began("symbol HK.00700", "HK.00700: unsupported")], id="unsupported"
        ),
        pytest.param(_state("invalid", 60), _state("invalid", 60), [], id="told once"),
        pytest.param(_state("ok", 60), _state("error"), [], id="an error comes and goes"),
        pytest.param(_state("error", 9), _state("error", 9), [], id="for nine minutes"),
        pytest.param(
            _state("error", 10), _state("error", 10), [Began("symbol HK.00700", "HK.00700: error")], id="or stays"
        ),
        pytest.param(
            _state("denied", 20), _state("denied", 20), [Began("symbol HK.00700", "HK.00700: denied")], id="denied"
        ),
        pytest.param(
            _state("denied", 60),
            _state("ok"),
            [Ended("symbol HK.00700", "HK.00700: upstream answers for it again")],
            id="back",
        ),
    ],
)
def test_the_troubles_of_one_symbol(before: SymbolState | None, after: SymbolState, told: list[Began | Ended]) -> None:
    assert outages([(before, after)], UP, UP, NOW) == told


def test_while_upstream_answers_nobody_that_is_the_one_trouble() -> None:
    opening = Circuit(open=True, since=NOW, last=NOW)
    error = (_state("error", 60), _state("error", 60))
    assert outages([error] * 3, opening, down(), NOW) == [
        Began("upstream", "upstream gives no usable answer; the last one was: HK.00004: no answer")
    ]
    assert outages([error], down(), down(), NOW) == []


def test_its_end_is_told_with_when_it_began() -> None:
    ended = outages([(_state("ok"), _state("ok"))], down(), Circuit(back=NOW), NOW)
    assert ended == [Ended("upstream", "upstream answers again; it had not since 2026-01-12 08:30 UTC")]
