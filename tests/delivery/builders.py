"""Notifications and messages that say only what a test is about."""

import random
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from watcher.core.alert import Kind
from watcher.core.market import Symbol
from watcher.core.notification import Facts, Message, Notification
from watcher.core.rule import Severity

DAY = date(2026, 6, 5)
AWAY = "while the watcher was away"


def facts(value: float | None = 15.42, limit: float | None = 15.0, **other: Any) -> Facts:  # Any: fields of Facts
    known = {"metric": "daily_trade_avg_ratio", "operator": ">", "unit": "%", "previous": 14.31}
    return Facts(value=value, limit=limit, **(known | {"trend": (14.0, 14.31, None, value)} | other))


def note(symbol: str = "HK.00700", **other: Any) -> Notification:  # Any: fields of Notification
    known = {
        "channel": "desk",
        "rule": "hk-crowded",
        "number": 1,
        "kind": Kind.OPENED,
        "severity": Severity.WARNING,
        "episode": DAY,
        "trade_date": DAY,
        "facts": facts(),
    }
    return Notification(symbol=Symbol(symbol), **(known | other))


def message(*notifications: Notification, repeat: bool = False) -> Message:
    return Message("m-1", "desk", notifications or (note(),), repeat)


def digest(count: int, **other: Any) -> Message:  # Any: fields of Notification
    """`count` openings on as many symbols."""
    return message(*(note(f"HK.{number:05d}", **other) for number in range(1, count + 1)))


def mixed_digest(count: int = 60) -> Message:
    """Openings, reminders and ends of three rules, the same in every run."""
    chance = random.Random(7)
    return message(*(_any(chance, number) for number in range(1, count + 1)))


def catch_up() -> Message:
    """Two episodes that go on and one that is already over, after some days off."""
    return message(
        note("HK.09988", note=AWAY, episode=DAY - timedelta(8), trade_date=DAY - timedelta(8)),
        note("HK.03690", note=AWAY, episode=DAY - timedelta(9), trade_date=DAY - timedelta(9)),
        note("HK.03690", note=AWAY, episode=DAY - timedelta(9), kind=Kind.RESOLVED, number=2, facts=facts(12.2)),
        note("US.TSLA", rule="squeeze", note=AWAY, severity=Severity.CRITICAL, facts=facts(61.2, 50, text="squeeze!")),
    )


def ids(notifications: Iterable[Notification]) -> list[str]:
    return sorted(notification.id for notification in notifications)


def _any(chance: random.Random, number: int) -> Notification:
    kind = chance.choice([Kind.OPENED] * 5 + [Kind.RESOLVED, Kind.REMINDED])
    rule, of_rule = chance.choice(
        [
            ("hk-crowded", facts(chance.uniform(15, 25), previous=chance.uniform(13, 16))),
            ("squeeze", facts(chance.uniform(1.5, 3), 1.5, unit="×", previous=1.4, metric="short_vs_average")),
            ("big-short", facts(chance.uniform(5e7, 9e7), 5e7, unit="shares", previous=4.9e7, metric="short_shares")),
        ]
    )
    return note(
        f"HK.{number:05d}",
        rule=rule,
        kind=kind,
        severity=chance.choice(list(Severity)),
        episode=DAY if kind is Kind.OPENED else DAY - timedelta(chance.randrange(1, 30)),
        facts=of_rule,
    )
