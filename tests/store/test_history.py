"""History: transitions with who was told, and every attempt."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import FIRST, notification
from tests.conftest import NOW
from watcher.core.alert import Kind
from watcher.core.history import Attempt
from watcher.core.market import Symbol
from watcher.core.notification import Claim
from watcher.core.outbox import Failed, Hold, Sent, Status, after
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


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        pytest.param({}, [GME, US], id="all of them, those last heard of first"),
        pytest.param({"symbols": [US]}, [US], id="of a symbol"),
        pytest.param({"rule": "s"}, [], id="of a rule that has none"),
        pytest.param({"rule": "r"}, [GME, US], id="of a rule"),
        pytest.param({"word": "pending"}, [GME], id="by how a notification stands"),
        pytest.param({"word": "held"}, [US], id="what is held is not called pending"),
        pytest.param({"since": LATER}, [GME], id="recorded from then on"),
        pytest.param({"until": LATER}, [US], id="recorded before"),
        pytest.param({"since": NOW, "until": NOW}, [], id="recorded never"),
    ],
)
def test_episodes_are_chosen(store: Store, chosen: dict[str, Any], found: list[Symbol]) -> None:  # Any: keywords
    opened, ended, other = notification(), notification(number=2, kind=Kind.RESOLVED), notification(symbol=GME)
    with store.write() as tx:
        tx.alerts.add_transitions([opened, ended], NOW)
        tx.alerts.add_transitions([other], LATER)
        tx.outbox.enqueue([opened, notification(channel="desk"), other], NOW)
        (entry,) = tx.outbox.waiting("desk")
        tx.outbox.put([replace(entry, delivery=replace(entry.delivery, held=Hold.ACK))])
        (entry, _) = tx.outbox.waiting("console")
        tx.outbox.put([replace(entry, delivery=replace(entry.delivery, status=Status.SENT, due=None))])
    with store.read() as tx:
        total, episodes = tx.history.episodes(count=9, **chosen)
        assert (total, [symbol for symbol, _, _ in episodes]) == (len(found), found)
        if total == 2:
            assert tx.history.episodes(count=1, skip=1, **chosen) == (2, episodes[1:])


def test_the_transitions_of_some_episodes_come_whole(store: Store) -> None:
    _three(store)
    with store.read() as tx:
        recorded = tx.history.of_episodes([(US, "r", FIRST), (GME, "r", FIRST + timedelta(days=1))])
        assert [(each.report.symbol, each.report.number, len(each.tellings)) for each in recorded] == [
            (US, 1, 2),
            (US, 2, 0),
        ]
        assert tx.history.of_episodes([]) == []
