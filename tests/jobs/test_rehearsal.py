"""A rehearsal tells what the store would have told of the same answers."""

from tests.builders import book, position, rows, rule
from tests.conftest import NOW
from watcher.core.alert import Kind
from watcher.core.answer import Answered
from watcher.core.book import ChannelPolicy
from watcher.core.market import Market, Symbol
from watcher.core.rule import Severity
from watcher.jobs.record import record
from watcher.jobs.rehearsal import rehearse
from watcher.jobs.take_up import take_up
from watcher.store.store import Store

XRT, TENCENT = Symbol("US.XRT"), Symbol("HK.00700")


def test_it_tells_what_a_store_tells_revisions_and_all(store: Store) -> None:
    of = rule(for_=2, remind=2, message="{symbol}: {short_percent:.1f}")
    rules = book(of, digest="b")
    coming = rows(Market.US, short_percent=[40, 60, 60, 60, 60, None, 40, 60, 60])
    answers = [Answered(XRT, (row,)) for row in coming]
    answers.append(Answered(XRT, (coming[1]._replace(short_percent=10),)))
    answers.append(Answered(XRT, (coming[-1]._replace(short_percent=20),)))
    take_up(store, rules, NOW)
    for answer in answers:
        record(store, rules, [answer], NOW)
    with store.read() as tx:
        stored = tx.alerts.transitions()
    told = rehearse(XRT, [of], answers, rules)
    assert Kind.RETRACTED in {report.kind for report in told}
    assert sorted(told, key=lambda each: each.number) == sorted(stored, key=lambda each: each.number)


def test_what_nobody_is_told_is_left_out() -> None:
    of = rule(severity=Severity.INFO, notify=["desk"])
    answers = [Answered(XRT, (row,)) for row in rows(Market.US, short_percent=[40, 60, 40])]
    assert rehearse(XRT, [of], answers, book(of, channels=[ChannelPolicy("desk", Severity.CRITICAL)])) == ()
    silent = rule(resolved=False)
    assert [each.kind for each in rehearse(XRT, [silent], answers, book(silent))] == [Kind.OPENED]


def test_positions_are_told_by_their_own_date() -> None:
    of = rule(when="aggregated_short_ratio > 1", symbols=[TENCENT])
    first, second = rows(Market.HK, turnover=[1, 2])
    answers = [
        Answered(TENCENT, (first,), position("2025-12-19", first.trade_date, 5, 0.5)),
        Answered(TENCENT, (second,), position("2025-12-26", second.trade_date, 9, 1.5)),
    ]
    (report,) = rehearse(TENCENT, [of], answers, book(of))
    assert report.trade_date.isoformat() == "2025-12-26"
