"""History: transitions with who was told, and every attempt."""

from datetime import timedelta

from tests.builders import notification
from tests.conftest import NOW
from watcher.core.alert import Kind
from watcher.core.history import Attempt
from watcher.core.market import Symbol
from watcher.core.notification import Claim
from watcher.core.outbox import Failed, Sent, after
from watcher.store.store import Store

US, GME = Symbol("US.XRT"), Symbol("US.GME")
LATER = NOW + timedelta(minutes=1)


def _three(store: Store) -> None:
    """An opening for two channels, its end for nobody, and an opening on another symbol."""
    opened, ended, other = notification(), notification(number=2, kind=Kind.RESOLVED), notification(symbol=GME)
    with store.write() as tx:
        tx.alerts.add_transitions([opened, ended, other], NOW)
        tx.outbox.enqueue([opened, notification(channel="desk"), other], NOW)


def test_transitions_come_with_those_who_were_told_and_those_nobody_was_told_of(store: Store) -> None:
    _three(store)
    with store.read() as tx:
        recorded = tx.history.recorded(None, None)
    assert [
        (each.report.symbol, each.report.number, each.at, [told.notification.channel for told in each.tellings])
        for each in recorded
    ] == [(GME, 1, NOW, ["console"]), (US, 1, NOW, ["console", "desk"]), (US, 2, NOW, [])]


def test_some_symbols_or_rules_can_be_asked_for(store: Store) -> None:
    _three(store)
    with store.read() as tx:
        assert len(tx.history.recorded([GME], None)) == 1
        assert len(tx.history.recorded([US], ["r"])) == 2
        assert tx.history.recorded(None, ["s"]) == []


def test_every_attempt_of_every_notification_is_kept(store: Store) -> None:
    opened = notification()
    with store.write() as tx:
        tx.alerts.add_transitions([opened], NOW)
        tx.outbox.enqueue([opened], NOW)
        for outcome, now in ((Failed("refused"), NOW), (Sent(), LATER)):
            claim = Claim.of(tx.outbox.waiting("console"))
            tx.outbox.claim(claim, "a test")
            tx.outbox.settle(claim, outcome, after(claim.deliveries, outcome, now, 0.0), now)
        (recorded,) = tx.history.recorded(None, None)
    assert recorded.tellings[0].attempts == (
        Attempt(1, NOW, "failed", "refused", opened.id),
        Attempt(2, LATER, "sent", None, opened.id),
    )


def test_the_last_transition_of_an_alert(store: Store) -> None:
    _three(store)
    with store.read() as tx:
        last = tx.history.last(US, "r")
        assert last is not None
        assert (last.number, last.kind) == (2, Kind.RESOLVED)
        assert tx.history.last(US, "s") is None
