"""What is kept of requests in vain, and which sessions were held at all."""

from tests.builders import day, us_row
from tests.conftest import NOW
from watcher.core.answer import DataState, SymbolState
from watcher.core.judgement import News
from watcher.core.market import Market, Symbol
from watcher.core.watched import Ask
from watcher.store.store import Store

A, B = Symbol("US.A"), Symbol("US.B")


def test_the_last_request_of_a_symbol_is_kept(store: Store) -> None:
    with store.write() as tx:
        tx.asking.put([Ask(A, NOW, 1), Ask(B, NOW, 1)])
        tx.asking.put([Ask(A, NOW, 2)])
        tx.asking.put([])
    with store.read() as tx:
        assert tx.asking.all() == {A: Ask(A, NOW, 2), B: Ask(B, NOW, 1)}
        assert tx.asking.of([A, Symbol("US.C")]) == {A: Ask(A, NOW, 2)}
        assert tx.asking.of([]) == {}


def test_what_is_watched_no_more_is_forgotten(store: Store) -> None:
    with store.write() as tx:
        tx.asking.put([Ask(A, NOW, 1), Ask(B, NOW, 1)])
        tx.asking.forget([A])
        tx.asking.forget([])
    with store.read() as tx:
        assert list(tx.asking.all()) == [B]


def test_a_session_was_held_if_any_symbol_of_the_market_has_a_row_of_it(store: Store) -> None:
    with store.write() as tx:
        tx.rows.put_states([SymbolState(B, DataState.OK, NOW)])
        tx.rows.put_news([(B, News((us_row("2026-01-13"),)))], NOW)
    with store.read() as tx:
        assert tx.asking.was_held(Market.US, day("2026-01-13"))
        assert not tx.asking.was_held(Market.US, day("2026-01-14"))
        assert not tx.asking.was_held(Market.HK, day("2026-01-13"))


def test_when_the_last_cycle_ended(store: Store) -> None:
    assert store.last_cycle_ended() is None
    store.note_cycle(NOW, NOW, 3, 1, 2)
    assert store.last_cycle_ended() == NOW


def test_a_note_that_says_nothing_is_none(store: Store) -> None:
    (store._directory / "cycle.json").write_text('{"ended": "yesterday"}')
    assert store.last_cycle_ended() is None
    (store._directory / "cycle.json").write_text('{"symbols": 3}')
    assert store.last_cycle_ended() is None
