"""Alerts, watches and transitions come back as they were put in; quiet is the absence of a record."""

from dataclasses import fields, replace

from tests.builders import day, facts, notification
from tests.conftest import NOW
from watcher.core.alert import Alert, Kind, Watch
from watcher.core.market import Symbol
from watcher.core.notification import Report
from watcher.store.store import Store

HK, US = Symbol("HK.00700"), Symbol("US.XRT")


def _report(**changes: object) -> Report:
    whole = notification(**changes)
    return Report(**{field.name: getattr(whole, field.name) for field in fields(Report)})


def test_an_alert_is_stored_while_it_is_not_quiet(store: Store) -> None:
    firing = Alert("r", HK, episode=day("2026-01-05"), age=3)
    pending = Alert("r", US, streak=1, streak_since=day("2026-01-06"))
    with store.write() as tx:
        tx.alerts.put([firing, pending])
    with store.read() as tx:
        assert tx.alerts.of() == {HK: {"r": firing}, US: {"r": pending}}
        assert tx.alerts.of([US]) == {US: {"r": pending}}
    with store.write() as tx:
        tx.alerts.put([Alert("r", HK), replace(pending, streak=2)])
    with store.read() as tx:
        assert tx.alerts.of() == {US: {"r": replace(pending, streak=2)}}


def test_a_watch_remembers_text_checkpoint_and_the_alert_then(store: Store) -> None:
    firing = Alert("r", US, episode=day("2026-01-05"), age=2)
    new, old = Watch(HK, "r", "text"), Watch(US, "r", "text", day("2026-01-07"), firing)
    with store.write() as tx:
        tx.alerts.put_watches([new, old])
        tx.alerts.put_watches([])
    with store.read() as tx:
        assert tx.alerts.watches() == {(HK, "r"): new, (US, "r"): old}
        assert tx.alerts.watched() == [HK, US]
        assert tx.alerts.watches([US]) == {(US, "r"): old}
    with store.write() as tx:
        tx.alerts.drop_watches([(US, "r")])
        tx.alerts.drop_watches([])
    with store.read() as tx:
        assert list(tx.alerts.watches()) == [(HK, "r")]


def test_an_episode_has_ended_unless_it_opened_again(store: Store) -> None:
    kinds = [Kind.OPENED, Kind.RESOLVED, Kind.REMINDED, Kind.OPENED, Kind.REMINDED, Kind.RETRACTED]
    episode = (US, "r", day("2026-01-05"))
    ended = []
    for number, kind in enumerate(kinds, start=1):
        with store.write() as tx:
            tx.alerts.add_transitions([_report(number=number, kind=kind)], NOW)
            ended.append(tx.alerts.ended([episode]) == {episode})
    assert ended == [False, True, True, False, False, True]
    with store.read() as tx:
        assert tx.alerts.ended([]) == set()
        assert tx.alerts.ended([(HK, "r", day("2026-01-05"))]) == set()


def test_transitions_are_kept_and_numbered_by_rule_and_symbol(store: Store) -> None:
    opened = _report(number=1, facts=facts(trend=(None, 1.5)), note="true since 2026-01-05")
    resolved = _report(number=2, kind=Kind.RESOLVED, trade_date=day("2026-01-08"))
    with store.write() as tx:
        tx.alerts.add_transitions([resolved, opened, _report(symbol=HK, rule="s")], NOW)
        tx.alerts.add_transitions([], NOW)
    with store.read() as tx:
        assert tx.alerts.last_numbers([(US, "r"), (HK, "r")]) == {(US, "r"): 2}
        assert tx.alerts.last_numbers([]) == {}
        assert tx.alerts.transitions() == [_report(symbol=HK, rule="s"), opened, resolved]
