"""What is sent without a claim is known to the next process, as far as the disk allows."""

from pathlib import Path

import pytest

from tests.builders import notification
from tests.conftest import NOW
from watcher.core.notification import Claim, Entry
from watcher.core.outbox import Delivery, Status
from watcher.store.store import Store
from watcher.store.unclaimed import Unclaimed


def test_what_was_noted_and_not_taken_back_is_left(tmp_path: Path) -> None:
    unclaimed = Unclaimed(tmp_path)
    unclaimed.begin_anew()
    unclaimed.add("aaaaaaaa", ["aaaaaaaa", "bbbbbbbb"])
    unclaimed.add("cccccccc", ["cccccccc"])
    unclaimed.remove("cccccccc")
    unclaimed.remove("dddddddd")
    assert Unclaimed(tmp_path).left() == {"aaaaaaaa": ["aaaaaaaa", "bbbbbbbb"]}
    Unclaimed(tmp_path).begin_anew()
    assert Unclaimed(tmp_path).left() == {}


def test_the_file_keeps_its_size_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    unclaimed, path = Unclaimed(tmp_path), tmp_path / "unclaimed"
    unclaimed.begin_anew()
    size = path.stat().st_size
    unclaimed.add("aaaaaaaa", [f"{number:08}" for number in range(5000)])
    assert path.stat().st_size == size
    assert path.stat().st_mode & 0o777 == 0o600
    ((message, ids),) = Unclaimed(tmp_path).left().items()
    assert message == "aaaaaaaa"
    assert list(ids) == [f"{number:08}" for number in range(len(ids))], "what does not fit is left out, and whole"
    assert len(ids) > 1000


def test_where_nothing_can_be_noted_nothing_is_left(tmp_path: Path) -> None:
    unclaimed = Unclaimed(tmp_path / "is not there")
    unclaimed.begin_anew()
    unclaimed.add("aaaaaaaa", ["aaaaaaaa"])
    assert unclaimed.left() == {}


@pytest.mark.parametrize("settled", [True, False])
def test_what_was_sent_without_a_claim_is_a_possible_repeat_unless_it_is_settled(tmp_path: Path, settled: bool) -> None:
    store = Store.open_for_writing(tmp_path, "dies", NOW)
    with store.write() as tx:
        tx.alerts.add_transitions([notification(), notification(number=2)], NOW)
        tx.outbox.enqueue([notification(), notification(number=2)], NOW)
        first, _ = tx.outbox.entries()
        if settled:
            tx.outbox.put([Entry(first.notification, Delivery(Status.SENT))])
    store.unclaimed.add(notification().id, [notification().id, "another!"])
    store.close()

    again = Store.open_for_writing(tmp_path, "a test", NOW)
    with again.read() as tx:
        begun = list(tx.outbox.begun("console", NOW))
        waiting = [entry.notification.number for entry in tx.outbox.waiting("console")]
    assert again.unclaimed.left() == {}
    again.close()
    if settled:
        assert (begun, waiting) == ([], [2])
        return
    ((entry,),) = begun
    assert Claim.of([entry]).message.repeat
    assert (entry.notification.number, entry.delivery.attempts) == (1, 1)
    assert waiting == [], "what follows waits for the answer"
