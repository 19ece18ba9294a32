"""Upstream as a whole: several symbols in vain open the circuit, one answer closes it."""

from datetime import datetime, timedelta

import pytest

from tests.core.timetables import at
from watcher.core.answer import Answer, Answered, DataState, Refused
from watcher.core.circuit import Circuit, jittered
from watcher.core.market import Symbol

NOW = at("01-12 08:30")
MANY = 1000
A, B, C, D = (Symbol(f"HK.0000{n}") for n in range(1, 5))


def failed(symbol: Symbol, state: DataState = DataState.ERROR, retry_after: float | None = None) -> Refused:
    return Refused(symbol, state, f"{symbol}: no answer", retry=True, retry_after=retry_after)


def after(*answers: Answer, watched: int = MANY, now: datetime = NOW) -> Circuit:
    circuit = Circuit()
    for answer in answers:
        circuit = circuit.after(answer, watched, now)
    return circuit


def down() -> Circuit:
    """Return a circuit that has been open for a while, and whose probe failed."""
    return after(failed(A), failed(B), failed(C)).after(failed(D), MANY, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("answers", "watched", "is_open"),
    [
        pytest.param([failed(A), failed(B), failed(C)], MANY, True, id="three symbols in a row"),
        pytest.param([failed(A), failed(B), failed(C, DataState.DENIED)], MANY, True, id="denied counts as well"),
        pytest.param([failed(A)] * 9, MANY, False, id="one symbol may fail for ever"),
        pytest.param([failed(A), failed(B)] * 5, MANY, False, id="two may"),
        pytest.param([failed(A), failed(B), Answered(D, ()), failed(C)], MANY, False, id="an answer between them"),
        pytest.param(
            [failed(A), failed(B), Refused(D, DataState.NO_DATA, "none"), failed(C)], MANY, False, id="a refusal is one"
        ),
        pytest.param([failed(A)], 1, True, id="of a single symbol that is watched, itself"),
    ],
)
def test_when_the_fault_is_not_the_symbols(answers: list[Answer], watched: int, is_open: bool) -> None:
    assert after(*answers, watched=watched).open is is_open


def test_an_answer_closes_it_at_once() -> None:
    assert down().after(Answered(A, ()), MANY, NOW + timedelta(hours=2)) == Circuit(back=NOW + timedelta(hours=2))


def test_a_short_trouble_is_none_that_is_told() -> None:
    """Requests that were under way when it opened fail too, and tell nothing new."""
    soon = after(failed(A), failed(B), failed(C), failed(D))
    assert soon.open
    assert not soon.down
    assert soon.after(Answered(A, ()), MANY, NOW) == Circuit()


def test_it_is_down_when_a_probe_after_a_while_failed_as_well() -> None:
    assert down().down
    assert down().since == NOW
    assert down().reason == "HK.00004: no answer"


def test_the_gaps_between_probes_grow_up_to_half_an_hour() -> None:
    circuit, now, gaps = after(failed(A), failed(B), failed(C)), NOW, []
    for _ in range(40):
        gaps.append(circuit.free_at(now) - now)
        now = circuit.free_at(now)
        circuit = circuit.after(failed(D), MANY, now)
    assert all(gap <= timedelta(seconds=30) * 2**number for number, gap in enumerate(gaps[:6]))
    assert max(gaps) <= timedelta(minutes=30)
    assert sum(gaps[10:], timedelta()) / 30 > timedelta(minutes=10), "half of it on average: full jitter"


@pytest.mark.parametrize("moment", [NOW, NOW + timedelta(seconds=7), NOW + timedelta(days=1)])
def test_jitter_is_the_same_whenever_it_is_worked_out_and_another_for_each_symbol(moment: datetime) -> None:
    gap = timedelta(minutes=10)
    drawn = [jittered(gap, symbol, moment) for symbol in (A, B, C, D)]
    assert drawn == [jittered(gap, symbol, moment) for symbol in (A, B, C, D)]
    assert len(set(drawn)) == 4
    assert all(timedelta(seconds=1) <= each <= gap for each in drawn)


def test_upstream_is_left_alone_for_as_long_as_it_asks() -> None:
    held = after(failed(A, retry_after=600.0))
    assert not held.open
    assert held.free_at(NOW) == NOW + timedelta(minutes=10)
    assert held.blocks(NOW)
    assert not held.blocks(NOW + timedelta(minutes=10))
    assert held.after(failed(B, retry_after=1.0), MANY, NOW).free_at(NOW) == NOW + timedelta(minutes=10)


def test_a_clock_that_was_set_back_holds_nobody() -> None:
    assert down().free_at(NOW - timedelta(days=365)) == NOW - timedelta(days=365)
    assert after(failed(A, retry_after=600.0)).free_at(NOW - timedelta(days=1)) == NOW - timedelta(days=1)


@pytest.mark.parametrize("circuit", [Circuit(), down(), after(failed(A, retry_after=5.0)), Circuit(back=NOW)])
def test_it_is_kept_as_a_text(circuit: Circuit) -> None:
    assert Circuit.of_text(circuit.to_text()) == circuit
    assert all(isinstance(symbol, Symbol) for symbol in Circuit.of_text(circuit.to_text()).failing)


def test_without_a_text_it_is_closed() -> None:
    assert Circuit.of_text(None) == Circuit()
