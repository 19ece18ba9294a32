"""Silences and acks: kept as asked for, each once."""

from datetime import timedelta

from tests.builders import FIRST
from tests.conftest import NOW
from watcher.core.market import Symbol
from watcher.core.rule import Severity
from watcher.core.silence import Ack, Silence
from watcher.store.store import Store

DAY = timedelta(days=1)
FIRST_ONE = Silence(("US.XRT", "HK.*"), ("r",), (Severity.INFO, Severity.WARNING), NOW, NOW + DAY, "known")
SECOND_ONE = Silence((), ("s",), (), NOW + DAY, NOW + 2 * DAY, "known")


def test_silences_come_back_as_they_were_in_the_order_they_began(store: Store) -> None:
    with store.write() as tx:
        for silence in (SECOND_ONE, FIRST_ONE, FIRST_ONE):
            tx.silences.add(silence)
        assert tx.silences.all() == [FIRST_ONE, SECOND_ONE]
        assert tx.silences.all(ending_after=NOW + DAY) == [SECOND_ONE], "its end is not in it"


def test_a_silence_that_is_ended_is_kept(store: Store) -> None:
    with store.write() as tx:
        tx.silences.add(FIRST_ONE)
        tx.silences.end(FIRST_ONE, NOW)
        (ended,) = tx.silences.all()
    assert (ended.id, ended.ends) == (FIRST_ONE.id, NOW)


def test_an_episode_is_acknowledged_once(store: Store) -> None:
    ack = Ack(Symbol("US.XRT"), "r", FIRST, NOW)
    with store.write() as tx:
        tx.silences.acknowledge(ack)
        tx.silences.acknowledge(Ack(Symbol("US.XRT"), "r", FIRST, NOW + DAY))
        assert tx.silences.acks() == [ack]
