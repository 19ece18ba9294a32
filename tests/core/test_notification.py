"""Notifications and their short ids."""

import re

import pytest

from tests.builders import facts, notification
from watcher.core.alert import Kind
from watcher.core.market import Symbol
from watcher.core.rule import Severity


def test_the_id_is_eight_base32_characters() -> None:
    assert re.fullmatch("[a-z2-7]{8}", notification().id)


def test_the_id_never_changes() -> None:
    """It is written in messages that were sent long ago: another way to make it would break every [id]."""
    made = notification(rule="hk-crowded", symbol=Symbol("HK.00700"), number=1, channel="desk")
    assert made.id == "4ifozyc5"


@pytest.mark.parametrize(
    "change",
    [{"rule": "s"}, {"symbol": Symbol("US.GME")}, {"number": 2}, {"channel": "desk"}],
    ids=lambda change: next(iter(change)),
)
def test_another_natural_key_has_another_id(change: dict[str, object]) -> None:
    assert notification(**change).id != notification().id


@pytest.mark.parametrize(
    "change",
    [
        {"kind": Kind.RESOLVED},
        {"severity": Severity.CRITICAL},
        {"note": "possibly a repeat"},
        {"facts": facts(value=99.0)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_not_of_the_key_does_not_change_the_id(change: dict[str, object]) -> None:
    assert notification(**change).id == notification().id


def test_names_that_run_together_are_different_keys() -> None:
    assert notification(rule="a", channel="bc").id != notification(rule="ab", channel="c").id
    assert notification(number=1, channel="1a").id != notification(number=11, channel="a").id


def test_ten_thousand_notifications_have_ten_thousand_ids() -> None:
    assert len({notification(number=number).id for number in range(10_000)}) == 10_000
