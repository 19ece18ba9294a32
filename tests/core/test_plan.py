"""The plan: who is asked for what, when, and in which order; and who is not."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from tests.builders import day
from tests.core.test_circuit import down, failed
from tests.core.timetables import at, timetable
from watcher.core.answer import DataState, SymbolState
from watcher.core.circuit import Circuit
from watcher.core.market import Market, Symbol
from watcher.core.plan import Plan, plan
from watcher.core.sessions import Due
from watcher.core.watched import Ask, Gaps, Watched, missed

GAPS = Gaps(
    probes=tuple(timedelta(minutes=minutes) for minutes in (5, 10, 60)),
    stragglers=tuple(timedelta(hours=hours) for hours in (1, 4)),
)
TIMETABLES = {market: timetable(market) for market in Market}
# Monday 12th, Tuesday 13th: due at 08:30 in Hong Kong, at 21:30 in New York; the next one opens at 01:30, at 14:30
MON, TUE, WED, FRI = "2026-01-12", "2026-01-13", "2026-01-14", "2026-01-16"
DUE = at("01-13 08:30")


def hk(number: int) -> str:
    return f"HK.{number:05}"


def known(
    symbol: str,
    judged: str | None = MON,
    state: str = "ok",
    asked: datetime | None = None,
    misses: int = 1,
    *,
    loud: bool = False,
) -> Watched:
    """Return a symbol that was asked for before, in vain at `asked`."""
    found = SymbolState(Symbol(symbol), DataState(state), at("01-05 09:00"), None, day(judged) if judged else None)
    return Watched(Symbol(symbol), found, Ask(Symbol(symbol), asked, misses) if asked else None, loud)


def planned(watched: Sequence[Watched], now: datetime, circuit: Circuit | None = None, lookback: int = 1) -> Plan:
    return plan(watched, TIMETABLES, circuit or Circuit(), GAPS, lookback, now)


def asked(found: Plan) -> list[str]:
    return [str(request.symbol) for request in found.requests]


# nothing to do


@pytest.mark.parametrize(
    ("watched", "now", "wake"),
    [
        pytest.param([known(hk(1), TUE)], at("01-13 12:00"), at("01-13 21:30"), id="the newest row is here"),
        pytest.param([known(hk(1))], at("01-13 08:29"), DUE, id="the session is not due"),
        pytest.param([known(hk(1), FRI)], at("01-18 12:00"), at("01-19 08:30"), id="on closed days"),
        pytest.param([], at("01-18 12:00"), at("01-19 08:30"), id="without symbols"),
        pytest.param([known(hk(1), "2026-03-02")], at("01-13 12:00"), at("01-13 21:30"), id="the clock was set back"),
    ],
)
def test_nothing_is_asked_and_the_next_look_is_planned(
    watched: Sequence[Watched], now: datetime, wake: datetime
) -> None:
    assert planned(watched, now) == Plan((), wake)


# sentinels


def test_one_symbol_is_asked_whether_the_session_is_there() -> None:
    found = planned([known(hk(n)) for n in range(9)] + [known("US.A")], DUE)
    assert len(found.requests) == 1
    assert found.requests[0].symbol.market is Market.HK


def test_sentinels_are_taken_in_turn_session_by_session_and_probe_by_probe() -> None:
    watched = [known(hk(n)) for n in range(3)]
    (first,) = asked(planned(watched, DUE))
    watched = [known(hk(n), asked=DUE if hk(n) == first else None) for n in range(3)]
    (second,) = asked(planned(watched, DUE + timedelta(minutes=5)))
    (other,) = asked(planned([known(hk(n), TUE) for n in range(3)], at("01-14 08:30")))
    assert first not in {second, other}


def test_who_had_no_row_lately_is_no_sentinel() -> None:
    watched = [known(hk(1), "2026-01-09", asked=at("01-12 10:00")), known(hk(2)), known(hk(3), state="no_data")]
    assert asked(planned(watched, DUE)) == [hk(2)]


@pytest.mark.parametrize(
    ("probes", "now", "wake"),
    [
        pytest.param([DUE], at("01-13 08:34"), at("01-13 08:35"), id="the first gap"),
        pytest.param([DUE, at("01-13 08:35")], at("01-13 08:36"), at("01-13 08:45"), id="a longer one"),
        pytest.param([DUE] * 4, at("01-13 08:36"), at("01-13 09:30"), id="the longest goes on"),
    ],
)
def test_the_gaps_between_probes_grow(probes: Sequence[datetime], now: datetime, wake: datetime) -> None:
    watched = [known(hk(n), asked=probes[n] if n < len(probes) else None) for n in range(6)]
    assert planned(watched, now) == Plan((), wake)
    assert len(planned(watched, wake).requests) == 1


def test_probing_ends_when_the_next_session_opens() -> None:
    watched = [known(hk(1), asked=at("01-14 00:31"), misses=9), known(hk(2))]
    assert planned(watched, at("01-14 01:31")) == Plan((), at("01-14 08:30"))


def test_probing_does_not_end_before_anybody_was_asked() -> None:
    """After a night out, a session is asked for that is due no more, and nobody asked for."""
    assert len(planned([known(hk(1)), known(hk(2))], at("01-14 05:00")).requests) == 1


def test_a_symbol_alone_in_its_market_is_its_own_sentinel() -> None:
    alone = [known(hk(1), asked=DUE, misses=2)]
    assert planned(alone, at("01-13 08:36")).wake == at("01-13 08:40")
    assert asked(planned(alone, at("01-13 08:40"))) == [hk(1)]


# the sweep, and who is late


def test_as_soon_as_one_has_the_session_all_others_are_asked() -> None:
    watched = [known(hk(1), TUE), *(known(hk(n)) for n in range(2, 9)), known(hk(9), None, "no_data")]
    assert asked(planned(watched, at("01-13 09:00"))) == [hk(n) for n in range(2, 10)]


@pytest.mark.parametrize(
    ("ask", "misses", "now", "wake"),
    [
        pytest.param(at("01-13 09:00"), 1, at("01-13 09:01"), at("01-13 10:00"), id="after an hour"),
        pytest.param(at("01-13 10:00"), 2, at("01-13 10:01"), at("01-13 14:00"), id="after four"),
        pytest.param(at("01-13 14:00"), 3, at("01-13 14:01"), at("01-13 18:00"), id="and four again"),
    ],
)
def test_a_straggler_is_asked_again_with_growing_gaps(
    ask: datetime, misses: int, now: datetime, wake: datetime
) -> None:
    watched = [known(hk(1), TUE), known(hk(2), asked=ask, misses=misses)]
    assert planned(watched, now) == Plan((), wake)
    assert asked(planned(watched, wake)) == [hk(2)]


def test_a_straggler_is_left_alone_when_the_next_session_opens() -> None:
    watched = [known(hk(1), TUE), known(hk(2), asked=at("01-13 22:00"), misses=4)]
    assert asked(planned(watched, at("01-14 03:00"))) == []


def test_a_straggler_is_not_asked_for_on_closed_days_but_once_more_before_the_next_opening() -> None:
    watched = [known(hk(1), FRI), known(hk(2), "2026-01-15", asked=at("01-16 14:00"), misses=4)]
    assert planned(watched, at("01-17 12:00")).wake == at("01-18 16:00"), "Monday's first minute in Hong Kong"
    assert asked(planned(watched, at("01-18 16:00"))) == [hk(2)]


def test_an_ask_of_an_earlier_session_does_not_count() -> None:
    watched = [known(hk(1), TUE), known(hk(2), asked=at("01-12 20:00"), misses=7)]
    assert asked(planned(watched, at("01-13 09:00"))) == [hk(2)]


def test_an_ask_of_the_future_does_not_count() -> None:
    """The clock was a year ahead, and set back."""
    watched = [known(hk(1), TUE), known(hk(2), asked=at("12-12 20:00"), misses=7)]
    assert asked(planned(watched, at("01-13 09:00"))) == [hk(2)]


def test_a_symbol_whose_rows_are_refused_is_asked_for_like_one_that_is_late() -> None:
    watched = [known(hk(1), TUE), known(hk(2), state="quarantined", asked=at("01-13 09:00"))]
    assert planned(watched, at("01-13 09:01")).wake == at("01-13 10:00")


def test_after_days_off_everyone_is_asked_once_for_what_there_is_while_one_finds_out_about_the_newest() -> None:
    """Wednesday is due and nobody has it yet; one symbol, asked a minute ago, brought Tuesday."""
    asked_at = at("01-14 08:31")
    watched = [known(hk(1), TUE, asked=asked_at), *(known(hk(n), "2026-01-08") for n in range(2, 5))]
    assert asked(planned(watched, at("01-14 08:32"))) == [hk(2), hk(3), hk(4)]
    swept = [known(hk(n), TUE, asked=asked_at) for n in range(1, 4)] + [known(hk(4), "2026-01-08", asked=asked_at)]
    assert asked(planned(swept, at("01-14 08:33"))) == []


# symbols that are no ordinary ones


@pytest.mark.parametrize(
    ("symbol", "now", "is_asked"),
    [
        pytest.param(Watched(Symbol(hk(1))), at("01-18 12:00"), True, id="one never asked for, at once, on a Sunday"),
        pytest.param(known(hk(1), None, "no_data"), DUE, True, id="no data: at the next session"),
        pytest.param(known(hk(1), None, "no_data", DUE), at("01-13 20:00"), False, id="no data: once a session"),
        pytest.param(known(hk(1), None, "invalid", at("01-07 09:00")), DUE, False, id="invalid: not for a week"),
        pytest.param(known(hk(1), None, "invalid", at("01-06 08:00")), DUE, True, id="invalid: after a week"),
        pytest.param(known(hk(1), None, "unsupported", at("01-07 09:00")), DUE, False, id="unsupported: the same"),
        pytest.param(known(hk(1), None, "unsupported"), DUE, True, id="unsupported, and named anew: at once"),
        pytest.param(
            known(hk(1), MON, "error", at("01-13 08:31")), at("01-13 08:32"), True, id="an error: in a minute"
        ),
        pytest.param(
            known(hk(1), MON, "error", at("01-13 08:31"), 30), at("01-13 12:31"), True, id="an old one: in four hours"
        ),
        pytest.param(
            known(hk(1), "2026-01-09", "error"), at("01-13 08:00"), True, id="an error that nobody remembers: at once"
        ),
        pytest.param(known(hk(1), MON, "denied", at("01-12 09:00"), 30), DUE, True, id="denied: with the next session"),
        pytest.param(known(hk(1), TUE, "error", DUE), at("01-13 20:00"), False, id="an error, but its row is here"),
    ],
)
def test_when_a_symbol_is_asked_for(symbol: Watched, now: datetime, is_asked: bool) -> None:
    other = known(hk(2), FRI if now > at("01-16 08:30") else TUE)
    assert asked(planned([other, symbol], now)) == ([hk(1)] if is_asked else [])


def test_before_there_is_any_session_only_new_symbols_are_asked_for() -> None:
    watched = [Watched(Symbol(hk(1))), known(hk(2), None, "no_data"), known(hk(3), None, "error", at("01-05 08:00"))]
    found = plan(watched, TIMETABLES, Circuit(), GAPS, 1, at("01-05 08:10"))
    assert asked(found) == [hk(3), hk(1)]


# how much, and in which order


@pytest.mark.parametrize(
    ("judged", "lookback", "count"),
    [
        pytest.param(None, 1, 90, id="a symbol's first answer"),
        pytest.param(MON, 1, 30, id="what may be revised, at least"),
        pytest.param(MON, 60, 60, id="what the rules look back on"),
        pytest.param(MON, 250, 90, id="never more than upstream gives"),
        pytest.param("2026-01-05", 1, 55, id="a gap, and what may be revised before it"),
        pytest.param("2025-09-02", 1, 90, id="a gap of any length is one request"),
    ],
)
def test_how_many_rows_are_asked_for(judged: str | None, lookback: int, count: int) -> None:
    now = at("02-20 12:00")
    timetables = {market: timetable(market, 130, "2025-09-01") for market in Market}
    behind = known(hk(2), judged) if judged else Watched(Symbol(hk(2)))
    current = known(hk(1), "2026-02-20")
    if judged == MON:
        now, current = DUE, known(hk(1), TUE)
    (request,) = plan([current, behind], timetables, Circuit(), GAPS, lookback, now).requests
    assert request.count == count


def test_markets_whose_session_is_due_come_first_and_loud_symbols_before_quiet_ones() -> None:
    now = at("01-14 02:00")
    watched = [
        Watched(Symbol("US.NEW")),
        known("US.HAS", TUE),
        known("US.QUIET"),
        known("US.LOUD", loud=True),
        known("US.FAILS", state="error", asked=at("01-13 22:00")),
        known(hk(1), TUE),
        known(hk(2)),
        known(hk(3), loud=True),
    ]
    assert asked(planned(watched, now)) == [hk(3), hk(2), "US.LOUD", "US.QUIET", "US.FAILS", "US.NEW"]


def test_a_request_says_since_when_it_was_wanted() -> None:
    (request,) = planned([known(hk(1), TUE), known(hk(2))], at("01-13 12:00")).requests
    assert request.since == DUE


# upstream as a whole


def test_while_upstream_is_down_one_symbol_at_a_time_finds_out_and_the_others_wait() -> None:
    watched = [known(hk(1), TUE), *(known(hk(n)) for n in range(2, 50))]
    circuit = down()
    found = planned(watched, DUE, circuit)
    assert (len(found.requests), found.waiting) == (1, 48)
    again = circuit.after(failed(Symbol(hk(9))), 50, DUE)
    assert planned(watched, DUE, again) == Plan((), again.free_at(DUE), 48)


def test_the_probe_is_a_symbol_that_is_not_known_to_fail_of_another_market_if_there_is_one() -> None:
    failing = [known(hk(n), state="error", asked=at("01-13 08:40")) for n in range(1, 5)]
    healthy = [known(hk(9)), known("US.A", MON)]
    now = at("01-13 12:00")
    assert asked(planned([*failing, *healthy], now, down())) == ["US.A"]
    assert asked(planned([*failing, healthy[0]], now, down())) == [hk(9)]
    oldest = known(hk(5), state="error", asked=at("01-13 08:39"))
    assert asked(planned([*failing, oldest], now, down())) == [hk(5)]


def test_with_nothing_to_ask_for_only_an_outage_that_was_told_is_probed() -> None:
    watched = [known(hk(n), TUE) for n in range(1, 9)]
    now = at("01-13 12:00")
    assert len(planned(watched, now, down()).requests) == 1
    silent = Circuit(open=True, failing=down().failing, since=DUE, last=DUE)
    assert planned(watched, now, silent).requests == ()
    assert planned([], now, down()).requests == ()


def test_while_upstream_asks_to_be_left_alone_nobody_is_asked() -> None:
    circuit = Circuit().after(failed(Symbol(hk(1)), retry_after=3600.0), 100, at("01-13 08:30"))
    watched = [known(hk(1), TUE), known(hk(2))]
    assert planned(watched, at("01-13 08:31"), circuit) == Plan((), at("01-13 09:30"), 1)
    assert asked(planned(watched, at("01-13 09:30"), circuit)) == [hk(2)]


def test_what_failed_while_upstream_was_down_is_asked_for_at_once_when_it_is_back() -> None:
    back = Circuit(back=at("01-13 10:00"))
    watched = [
        known(hk(1), TUE),
        known(hk(2), state="error", asked=at("01-13 09:59"), misses=9),
        known(hk(3), state="error", asked=at("01-13 10:01"), misses=9),
        known(hk(4), asked=at("01-13 09:59"), misses=9),
        Watched(Symbol(hk(5))),
    ]
    assert asked(planned(watched, at("01-13 10:01"), back)) == [hk(2), hk(5)]


# what is kept of a request


def _usable(judged: str | None) -> SymbolState:
    return SymbolState(Symbol(hk(1)), DataState.OK, at("01-05 09:00"), None, day(judged) if judged else None)


_DUE = Due(day(TUE), DUE, at("01-14 01:30"))
_NOW = at("01-13 09:00")


@pytest.mark.parametrize(
    ("usable", "before", "due", "misses"),
    [
        pytest.param(_usable(TUE), None, _DUE, None, id="the row came: nothing"),
        pytest.param(_usable(WED), None, _DUE, None, id="a newer one came: nothing"),
        pytest.param(_usable(MON), None, None, None, id="no session is due: nothing"),
        pytest.param(_usable(MON), None, _DUE, 1, id="it did not come"),
        pytest.param(_usable(None), None, _DUE, 1, id="there are no rows at all"),
        pytest.param(None, None, None, 1, id="there was no usable answer"),
        pytest.param(_usable(MON), at("01-13 08:45"), _DUE, 4, id="once more"),
        pytest.param(_usable(MON), at("01-12 08:45"), _DUE, 1, id="misses of an earlier session do not count"),
        pytest.param(None, at("12-12 08:45"), None, 1, id="nor those of a clock that was set back"),
    ],
)
def test_what_is_kept_of_a_request(
    usable: SymbolState | None, before: datetime | None, due: Due | None, misses: int | None
) -> None:
    symbol = Symbol(hk(1))
    kept = missed(symbol, usable, Ask(symbol, before, 3) if before else None, due, _NOW)
    assert kept == (Ask(symbol, _NOW, misses) if misses else None)
