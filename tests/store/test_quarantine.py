"""Refused contents are stored once, seen, and not judged, until a person releases them."""

from datetime import timedelta
from pathlib import Path

from tests.builders import book, day, hk_row, position, rule, us_row
from tests.conftest import NOW
from watcher.core.alert import Kind
from watcher.core.answer import Answered, DataState
from watcher.core.market import Row, Symbol
from watcher.core.notification import Notification
from watcher.core.quarantine import MOST_HELD, Held, Quarantined
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.store.store import FILE, Store

HK, US, OTHER = Symbol("HK.00700"), Symbol("US.XRT"), Symbol("US.GME")
LEVEL = book(rule(when="short_percent > 50"), digest="level")


def percent(when: str, short_percent: float) -> Row:
    return us_row(when, short_percent=short_percent, volume=100, total_shares_short=40)


def refused(when: str, short_percent: float) -> Quarantined:
    return Quarantined(percent(when, short_percent), f"short_percent is {short_percent} %")


def put(store: Store, symbol: Symbol, *quarantined: Quarantined) -> None:
    with store.write() as tx:
        tx.quarantine.put([(symbol, each) for each in quarantined], NOW)


def entries(store: Store, *wanted: Symbol) -> list[Held]:
    with store.read() as tx:
        return tx.quarantine.entries(wanted or None)


def answer(store: Store, *answers: Answered) -> tuple[Notification, ...]:
    """Record answers; return what is told of the market, not of the watcher's own troubles."""
    take_up(store, LEVEL, NOW)
    return tuple(each for each in record(store, LEVEL, answers, NOW)[1] if each.symbol in {HK, US, OTHER})


def release(store: Store, which: Quarantined) -> None:
    (held,) = [held for held in entries(store, US) if held.quarantined == which]
    with store.write() as tx:
        tx.quarantine.release(held, "the exchange says so", NOW)


def state(store: Store) -> tuple[DataState, str | None]:
    with store.read() as tx:
        found = tx.rows.states([US])[US]
    return found.state, found.reason


def test_what_is_quarantined_comes_back_as_it_was_published(store: Store) -> None:
    row = hk_row("2026-01-06", turnover=14465428854.749, shares_traded=-5)
    held = position("2026-01-02", "2026-01-06", 5, 101.5)
    put(store, HK, Quarantined(row, "shares_traded is -5"), Quarantined(held, "aggregated_short_ratio is 101.5 %"))
    put(store, US, refused("2026-01-05", 500))
    assert entries(store, HK) == [
        Held(HK, Quarantined(held, "aggregated_short_ratio is 101.5 %"), NOW),
        Held(HK, Quarantined(row, "shares_traded is -5"), NOW),
    ]
    assert [each.symbol for each in entries(store)] == [HK, HK, US]


def test_the_same_content_again_is_not_stored_twice_and_keeps_when_it_was_seen(store: Store) -> None:
    put(store, US, refused("2026-01-05", 500))
    with store.write() as tx:
        tx.quarantine.put([(US, refused("2026-01-05", 500)), (US, refused("2026-01-05", 501))], NOW + timedelta(days=1))
        tx.quarantine.put([], NOW)
    assert [each.seen_at for each in entries(store)] == [NOW, NOW + timedelta(days=1)]


def test_of_a_symbol_the_newest_ninety_are_held_and_what_was_released_stays(store: Store) -> None:
    put(store, US, refused("2026-01-05", 500))
    put(store, OTHER, refused("2026-01-05", 500))
    release(store, refused("2026-01-05", 500))
    put(store, US, *(refused("2026-01-06", 600 + n) for n in range(MOST_HELD)))
    with store.write() as tx:
        tx.quarantine.put([(US, refused("2026-01-07", 900))], NOW + timedelta(days=1))
    of_symbol = entries(store, US)
    assert len(of_symbol) == MOST_HELD + 1
    assert of_symbol[0].released_at == NOW
    assert of_symbol[-1].quarantined == refused("2026-01-07", 900)
    assert len(entries(store, OTHER)) == 1


def test_one_content_of_a_date_is_released_at_a_time(store: Store) -> None:
    put(store, US, refused("2026-01-05", 500), refused("2026-01-05", 501))
    release(store, refused("2026-01-05", 500))
    release(store, refused("2026-01-05", 501))
    found = {each.quarantined.row[4]: (each.released_at, each.why) for each in entries(store)}
    assert found == {500: (None, None), 501: (NOW, "the exchange says so")}


def test_a_refused_row_is_seen_not_judged_and_stops_nothing(store: Store) -> None:
    good, odd = percent("2026-01-05", 40), refused("2026-01-06", 500)
    assert answer(store, Answered(US, (good,), None, (odd,))) == ()
    assert entries(store) == [Held(US, odd, NOW)]
    assert state(store) == (
        DataState.QUARANTINED,
        "US.XRT: the row of 2026-01-06 is refused as implausible: short_percent is 500 %",
    )
    told = answer(store, Answered(US, (good, percent("2026-01-07", 60)), None, (odd,)))
    assert [(each.kind, each.trade_date.isoformat()) for each in told] == [(Kind.OPENED, "2026-01-07")]
    assert state(store) == (DataState.OK, None)
    with store.read() as tx:
        assert tx.rows.newest([US])[US] == (good, percent("2026-01-07", 60))


def test_a_refused_row_ends_no_alert(store: Store) -> None:
    answer(store, Answered(US, (percent("2026-01-05", 40), percent("2026-01-06", 60))))
    assert answer(store, Answered(US, (), None, (refused("2026-01-06", -1), refused("2026-01-07", -1)))) == ()
    with store.read() as tx:
        assert tx.alerts.of([US])[US]["r"].firing
        assert tx.rows.newest([US])[US][-1] == percent("2026-01-06", 60)


def test_the_same_refused_row_again_makes_no_transaction(store: Store, tmp_path: Path) -> None:
    same = Answered(US, (percent("2026-01-05", 40),), None, (refused("2026-01-06", 500),))
    answer(store, same)
    before = (tmp_path / "state" / FILE).read_bytes()
    answer(store, same)
    assert (tmp_path / "state" / FILE).read_bytes() == before


def test_a_released_row_is_stored_and_judged_with_the_next_answer(store: Store) -> None:
    good, odd = percent("2026-01-05", 40), refused("2026-01-06", 500)
    again = Answered(US, (good,), None, (odd,)), Answered(OTHER, (good,))
    answer(store, *again)
    release(store, odd)
    told = answer(store, *again)
    assert [(each.kind, each.trade_date.isoformat()) for each in told] == [(Kind.OPENED, "2026-01-06")]
    assert state(store) == (DataState.OK, None)
    with store.read() as tx:
        assert tx.rows.newest([US])[US] == (good, odd.row)
        assert tx.rows.states([US])[US].judged == day("2026-01-06")
    assert answer(store, *again) == ()


def test_what_was_released_is_that_content_and_no_other(store: Store) -> None:
    good = percent("2026-01-05", 40)
    answer(store, Answered(US, (good,), None, (refused("2026-01-06", 500),)))
    release(store, refused("2026-01-06", 500))
    assert answer(store, Answered(US, (good,), None, (refused("2026-01-06", 600),))) == ()
    assert state(store)[0] is DataState.QUARANTINED
    assert {each.quarantined.row[4]: each.why for each in entries(store)} == {500: "the exchange says so", 600: None}
