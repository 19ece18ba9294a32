"""However the same rows are ordered, doubled and split over answers, the same is stored, and the same is told."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from shutil import copytree
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import book, position, rule, sessions
from watcher.core.answer import Answered
from watcher.core.market import HkRow, Position, Row, Symbol, UsRow
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.store.store import Store
from watcher.upstream.wire import body_of, read

HK, US = Symbol("HK.00700"), Symbol("US.XRT")
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
RULES = book(
    rule("level", "short_ratio > 50", until="short_ratio < 40", symbols=[HK, US], for_=2, until_for=2),
    rule("change", "change(short_ratio) > 10", symbols=[HK, US]),
    rule("average", "short_ratio > mean(short_ratio, 3)", symbols=[HK, US], remind=2),
    rule("positions", "aggregated_short_ratio > 1", symbols=[HK]),
    digest="splitting",
)
SESSIONS = 8
FIRST = 2
"""Rows of a symbol's first answer, which is folded silently: it is the same for everybody."""


def published(symbol: Symbol, ratios: Sequence[int | None]) -> list[Row]:
    """Return rows with these ratios; None is a row without a volume."""
    rows: list[Row] = []
    for when, ratio in zip(sessions(len(ratios)), ratios, strict=True):
        traded = None if ratio is None else 100
        if symbol == HK:
            rows.append(HkRow(when, shares_traded=traded, short_sell_shares_traded=ratio, close_price=5.0))
        else:
            rows.append(UsRow(when, volume=traded, total_shares_short=ratio, close_price=5.0))
    return rows


def held_by(newest: Row, *, last: bool) -> Position:
    """Return the position of an answer: all but the newest row came with the one, that with the next."""
    return position("2025-12-12" if last else "2025-12-05", newest.trade_date, 5.0, 1.5 if last else 0.5)


ratios = st.lists(st.none() | st.integers(20, 80), min_size=SESSIONS, max_size=SESSIONS)


def windows(draw: Random) -> list[tuple[int, int]]:
    """Draw the answers of a symbol: the first, then windows that overlap or meet, none ending before another's end."""
    found, end = [(0, FIRST)], FIRST
    while end < SESSIONS:
        begin = draw.randint(0, end)
        end = draw.randint(max(end, begin + 1), SESSIONS)
        found.append((begin, end))
    return found + [(draw.randrange(SESSIONS), SESSIONS) for _ in range(draw.randrange(3))]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state directory in which the rules are taken up, to be copied: to make one takes its time."""
    directory = tmp_path_factory.mktemp("empty") / "state"
    store = Store.open_for_writing(directory, "a test", NOW)
    take_up(store, RULES, NOW)
    store.close()
    return directory


def outcome(empty: Path, batches: Sequence[Sequence[Answered]]) -> tuple[object, ...]:
    """Return what is stored, and what was told, after these batches of answers."""
    with TemporaryDirectory() as directory:
        store = Store.open_for_writing(copytree(empty, Path(directory) / "state"), "a test", NOW)
        try:
            for batch in batches:
                record(store, RULES, batch, NOW)
            with store.read() as tx:
                wanted = [HK, US]
                told = [
                    (each.symbol, each.rule, each.number, each.kind, each.episode, each.trade_date)
                    for each in tx.alerts.transitions()
                ]
                return tx.rows.newest(wanted), tx.rows.positions(wanted), tx.alerts.of(wanted), sorted(told)
        finally:
            store.close()


@settings(max_examples=25, deadline=None)
@given(
    of_hk=ratios,
    of_us=ratios,
    seed=st.integers(0, 2**32),
)
def test_any_order_duplication_and_splitting_of_the_same_answers_is_the_same(
    empty: Path, of_hk: list[int | None], of_us: list[int | None], seed: int
) -> None:
    draw = Random(seed)
    rows = {HK: published(HK, of_hk), US: published(US, of_us)}

    def answer(symbol: Symbol, begin: int, end: int) -> Answered:
        """What is read of the rows in some order, some of them twice, as bytes."""
        some = rows[symbol][begin:end]
        some = some + draw.choices(some, k=draw.randrange(3))
        draw.shuffle(some)
        read_as = read(
            symbol, 200, body_of(symbol.market, some, held_by(rows[symbol][end - 1], last=end == SESSIONS)), None, NOW
        )
        assert isinstance(read_as, Answered)
        return read_as

    one_by_one = [[answer(symbol, 0, end)] for end in range(FIRST, SESSIONS + 1) for symbol in (HK, US)]

    # the answers of each symbol in their order, those of both in any
    waiting = {HK: windows(draw), US: windows(draw)}
    batches: list[list[Answered]] = []
    while waiting[HK] or waiting[US]:
        symbol = draw.choice([each for each in (HK, US) if waiting[each]])
        begin, end = waiting[symbol].pop(0)
        one = answer(symbol, begin, end)
        if batches and draw.random() < 0.5 and all(other.symbol != symbol for other in batches[-1]):
            batches[-1].append(one)
        else:
            batches.append([one])
    assert outcome(empty, batches) == outcome(empty, one_by_one)
