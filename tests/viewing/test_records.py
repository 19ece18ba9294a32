"""Episodes, revisions and quarantined rows in words."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import FIRST, facts, notification, us_row
from tests.conftest import NOW
from watcher.core.alert import Kind
from watcher.core.history import Recorded, Telling
from watcher.core.notification import Report
from watcher.core.outbox import Delivery, Hold, Status
from watcher.core.quarantine import Held, Quarantined
from watcher.store.revisions import Revision
from watcher.viewing.episodes import episodes
from watcher.viewing.records import revised, set_aside

KEY = (notification().symbol, "r", FIRST)


def recorded(number: int, kind: Kind, *tellings: Telling, **changes: object) -> Recorded:
    of = notification(number=number, kind=kind, **changes)
    report = Report(**{name: getattr(of, name) for name in Report.__dataclass_fields__})
    return Recorded(report, NOW + timedelta(hours=number), tellings)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        pytest.param(Kind.OPENED, 55.0, "short_percent 55.00 % > 50", id="an opening has its limit"),
        pytest.param(Kind.REMINDED, 55.0, "short_percent 55.00 % > 50", id="and so has a reminder"),
        pytest.param(Kind.RESOLVED, 45.0, "short_percent 45.00 %", id="an end has its value"),
        pytest.param(Kind.RETRACTED, None, "", id="what is unknown is not said"),
    ],
)
def test_an_event_has_the_value_that_made_it(kind: Kind, value: float | None, said: str) -> None:
    (episode,) = episodes([KEY], [recorded(1, kind, facts=facts(value=value))])
    assert episode.events[0].value == said
    assert episode.over is (kind in (Kind.RESOLVED, Kind.RETRACTED))


def test_of_many_events_and_channels_the_first_and_the_newest_are_shown() -> None:
    tellings = [Telling(notification(channel=f"c{n}"), Delivery(), ()) for n in range(5)]
    opened = recorded(1, Kind.OPENED, *tellings)
    (episode,) = episodes([KEY], [opened, *(recorded(n, Kind.REMINDED) for n in range(2, 11))])
    assert [each.at.hour for each in episode.events] == [10, 18, 19]
    assert episode.left_out == 7
    assert ([each.channel for each in episode.events[0].tellings], episode.events[0].more) == (["c0", "c1", "c2"], 2)


def test_a_telling_says_what_keeps_it() -> None:
    held = Delivery(Status.PENDING, NOW, 2, held=Hold.SILENCE, reason="not for certain")
    passed = Telling(replace(notification(), instead_of="desk"), held, ())
    (episode,) = episodes([KEY], [recorded(1, Kind.OPENED, passed)])
    (telling,) = episode.events[0].tellings
    assert (telling.word, telling.reason, telling.attempts, telling.instead_of) == (
        "held",
        "silence, not for certain",
        2,
        "desk",
    )


def test_episodes_come_in_the_order_that_was_asked_for() -> None:
    other = (KEY[0], "r", FIRST + timedelta(days=1))
    both = [recorded(1, Kind.OPENED), recorded(2, Kind.OPENED, episode=other[2])]
    assert [each.episode for each in episodes([other, KEY], both)] == [other[2], FIRST]
    assert episodes([other], both[:1]) == ()


def test_a_revision_has_what_was_and_what_is() -> None:
    old = {"short_percent": 13.785, "volume": 38649398, "close_price": None, "trade_date": "2026-01-05"}
    new = {"short_percent": 13.5, "volume": 38649000, "close_price": 5.0, "trade_date": "2026-01-06"}
    assert revised(Revision("row", FIRST, 1, NOW, old, new)).changes == (
        ("short_percent", "13.785", "13.5"),
        ("volume", "38,649,398", "38,649,000"),
        ("close_price", "absent", "5"),
        ("trade_date", "2026-01-05", "2026-01-06"),
    )


def test_a_quarantined_row_has_its_reason_and_who_released_it() -> None:
    of_row = Quarantined(us_row(volume=-1.0), "volume is negative")
    found = set_aside(Held(KEY[0], of_row, NOW, NOW + timedelta(hours=1), "as the exchange has it"))
    assert (found.kind, found.reason, found.why) == ("row", "volume is negative", "as the exchange has it")
    assert found.content == of_row.content
