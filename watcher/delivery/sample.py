"""A sample message, as real as can be, to see how a channel shows one."""

from datetime import date

from watcher.core.alert import Kind
from watcher.core.market import Symbol
from watcher.core.notification import Facts, Message, Notification
from watcher.core.rule import Severity

_TREND = (
    *(11.2, 11.9, 11.4, 12.1, 12.6, 11.8, 12.3, 12.9, 12.2, 11.7, 12.4, 13.1, 12.8, 12.5, 13.3),
    *(13.0, 12.7, 13.4, 13.9, 13.2, 12.9, 13.6, 14.1, 13.7, 13.3, 14.0, 14.4, 13.9, 14.31, 15.42),
)


def sample(channel: str, today: date) -> Message:
    """Return the opening of an episode that never was, for one channel; it says that it is a test."""
    notification = Notification(
        rule="send-test",
        symbol=Symbol("HK.00700"),
        number=1,
        kind=Kind.OPENED,
        severity=Severity.WARNING,
        episode=today,
        trade_date=today,
        note="this is a test of the channel: nothing happened",
        facts=Facts("daily_trade_avg_ratio", ">", "%", _TREND[-1], 15.0, _TREND[-2], _TREND),
        channel=channel,
    )
    return Message(notification.id, channel, (notification,))
