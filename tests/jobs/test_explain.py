"""Why an alert is, or is not, firing: the parts, the alert before and after, and every reason for silence."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.builders import book, day, expression, hk_row, hk_window, position, rule, sessions, us_row, us_window
from tests.conftest import NOW
from watcher.core.alert import Alert, Kind, Phase
from watcher.core.answer import Answered, DataState, Refused
from watcher.core.book import ChannelPolicy, RuleBook
from watcher.core.market import Symbol
from watcher.core.notification import Claim
from watcher.core.outbox import Hold, Sent, after
from watcher.core.rule import Rule, Severity
from watcher.jobs.explain import explanation
from watcher.jobs.explanation import Explanation
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.jobs.unknown import unknown_because
from watcher.store.store import Store

XRT, TENCENT = Symbol("US.XRT"), Symbol("HK.00700")


def polled(store: Store, rules: RuleBook, percents: Sequence[float | None], *, first: int = 1) -> list[date]:
    """Record rows one by one, the first `first` of them together; return their dates."""
    days = sessions(len(percents))
    rows = [us_row(when, short_percent=percent) for when, percent in zip(days, percents, strict=True)]
    take_up(store, rules, NOW)
    for end in range(first, len(rows) + 1):
        record(store, rules, [Answered(XRT, tuple(rows[:end]))], NOW)
    return days


def why(store: Store, rules: RuleBook, asked: date | None = None, symbol: Symbol = XRT) -> Explanation:
    return explanation(store, rules, rules.rules[0], symbol, asked)


def codes(found: Explanation) -> list[str]:
    return [reason.code for reason in found.reasons]


def only(found: Explanation) -> str:
    (reason,) = found.reasons
    return reason.text


def test_a_value_below_the_limit_is_the_reason(store: Store) -> None:
    rules = book(rule(), digest="b")
    polled(store, rules, [40, 45.5])
    found = why(store, rules)
    assert only(found) == "below the limit: short_percent > 50 does not hold: short_percent is 45.5"
    assert (found.verdict, found.change) == (False, None)
    assert [(part.text, part.depth, part.value, part.unit) for part in found.parts] == [
        ("short_percent > 50", 0, False, None),
        ("short_percent", 1, 45.5, "%"),
    ]


@pytest.mark.parametrize(
    ("when", "texts"),
    [
        pytest.param(
            "short_percent < 30",
            ["above the limit: short_percent < 30 does not hold: short_percent is 40"],
            id="a limit from above",
        ),
        pytest.param(
            "short_percent > 30 and short_percent > prev(short_percent)",
            ["short_percent > prev(short_percent) does not hold: short_percent is 40, prev(short_percent) is 45"],
            id="the one of two that fails",
        ),
        pytest.param(
            "short_percent > 50 or short_percent == 41",
            [
                "below the limit: short_percent > 50 does not hold: short_percent is 40",
                "short_percent == 41 does not hold: short_percent is 40",
            ],
            id="both of two that fail",
        ),
        pytest.param(
            "not short_percent > 30", ["not short_percent > 30 does not hold"], id="what holds, and should not"
        ),
        pytest.param(
            "crosses_above(short_percent, 42)",
            ["crosses_above(short_percent, 42) does not hold: short_percent is 40"],
            id="a crossing",
        ),
    ],
)
def test_of_a_condition_the_parts_that_fail_are_named(store: Store, when: str, texts: list[str]) -> None:
    rules = book(rule(when=when), digest="b")
    polled(store, rules, [45, 40])
    assert [reason.text for reason in why(store, rules).reasons] == texts


def test_pending_says_how_far(store: Store) -> None:
    rules = book(rule(for_=3), digest="b")
    days = polled(store, rules, [40, 60, 60])
    found = why(store, rules)
    assert only(found) == f"pending 2 of 3, since {days[1]}"
    assert found.before is not None
    assert found.after is not None
    assert (found.before.streak, found.after.streak) == (1, 2)


def test_recovering_says_how_far_and_by_which_condition(store: Store) -> None:
    rules = book(rule(until="short_percent < 45", until_for=2), digest="b")
    days = polled(store, rules, [40, 60, 44])
    found = why(store, rules)
    assert (found.decides, found.verdict) == ("until", False)
    assert codes(found) == ["recovering", "not_sent_yet"]
    assert found.reasons[0].text == f"recovering 1 of 2, since {days[2]}"
    assert {part.condition for part in found.parts} == {"when", "until"}


def test_an_opening_that_is_not_sent_yet_says_so(store: Store) -> None:
    rules = book(rule(), digest="b")
    polled(store, rules, [40, 60])
    found = why(store, rules)
    assert found.change is not None
    assert found.change.kind is Kind.OPENED
    assert [telling.notification.channel for telling in found.tellings] == ["console"]
    assert codes(found) == ["delivery_pending"]
    assert "console: pending" in only(found)


@pytest.mark.parametrize(
    ("held", "code"),
    [
        pytest.param(Hold.SILENCE, "silence", id="a silence"),
        pytest.param(Hold.QUIET_HOURS, "quiet_hours", id="quiet hours"),
        pytest.param(Hold.ACK, "ack", id="an ack"),
    ],
)
def test_what_is_held_says_by_what_and_until_when(store: Store, held: Hold, code: str) -> None:
    rules = book(rule(), digest="b")
    polled(store, rules, [40, 60])
    with store.write() as tx:
        (entry,) = tx.outbox.entries()
        tx.outbox.put([replace(entry, delivery=replace(entry.delivery, held=held, due=NOW))])
    found = why(store, rules)
    assert codes(found) == [code]
    assert only(found) == f"console: held until 2026-03-02 09:00 UTC ({held.value})"


def _deliver(store: Store, rules: RuleBook) -> None:
    """Send everything."""
    with store.write() as tx:
        for entry in tx.outbox.entries():
            claim = Claim.of([entry])
            tx.outbox.claim(claim, "a test")
            tx.outbox.settle(claim, Sent(), after(claim.deliveries, Sent(), NOW, 0.0), NOW)


def test_what_was_told_already_says_when_and_to_whom(store: Store) -> None:
    rules = book(rule(remind=3), digest="b")
    days = polled(store, rules, [40, 60, 60])
    _deliver(store, rules)
    found = why(store, rules)
    assert codes(found) == ["not_due", "already_told"]
    assert found.reasons[0].text == "reminded every 3 sessions, next in 2"
    (telling,) = why(store, rules, days[1]).tellings
    assert found.reasons[1].text == (
        f"firing since {days[1]}: already told on {NOW:%Y-%m-%d} to console [{telling.notification.id}]"
    )
    assert codes(why(store, rules, days[1])) == []


def test_a_date_in_the_past_is_explained_as_it_was(store: Store) -> None:
    rules = book(rule(for_=2), digest="b")
    days = polled(store, rules, [40, 60, 60, 40, 40])
    phases = [found.after.phase for found in (why(store, rules, when) for when in days) if found.after]
    assert phases == [Phase.QUIET, Phase.PENDING, Phase.FIRING, Phase.QUIET, Phase.QUIET]
    assert [found.change.kind for found in (why(store, rules, when) for when in days) if found.change] == [
        Kind.OPENED,
        Kind.RESOLVED,
    ]


def test_a_date_without_a_row_is_explained_by_the_one_before(store: Store) -> None:
    rules = book(rule(), digest="b")
    days = polled(store, rules, [40, 45])
    found = why(store, rules, days[-1] + timedelta(days=1))
    assert found.trade_date == days[-1]
    assert codes(found) == ["no_row", "below_the_limit"]
    early = why(store, rules, days[0] - timedelta(days=1))
    assert early.trade_date is None
    assert early.reasons[0].text == f"there is no row of US.XRT up to {days[0] - timedelta(days=1)}"


def test_history_is_folded_silently(store: Store) -> None:
    rules = book(rule(), digest="b")
    days = polled(store, rules, [40, 60, 40], first=3)
    found = why(store, rules, days[1])
    assert codes(found) == ["history"]
    assert found.reasons[0].text.endswith(f"taken up, on {days[2]}: history is folded silently")


def test_a_symbol_never_asked_for_and_not_in_the_list_says_both(store: Store) -> None:
    rules = book(rule(), digest="b")
    take_up(store, rules, NOW)
    assert codes(why(store, rules, symbol=Symbol("US.GME"))) == ["not_in_the_list", "no_rows", "never_asked"]


def test_the_state_of_its_data_is_a_reason(store: Store) -> None:
    rules = book(rule(), digest="b")
    take_up(store, rules, NOW)
    record(store, rules, [Refused(XRT, DataState.UNSUPPORTED, "US.XRT: not supported")], NOW)
    found = why(store, rules)
    assert codes(found) == ["no_rows", "unsupported"]
    assert found.reasons[1].text == "its data is unsupported since 2026-03-02 09:00 UTC: US.XRT: not supported"


def test_a_rule_that_rests_says_so(store: Store) -> None:
    rules = book(rule(enabled=False), digest="b")
    polled(store, rules, [40, 60])
    assert "resting" in codes(why(store, rules))


def test_a_rule_edited_since_says_so(store: Store) -> None:
    rules = book(rule(), digest="b")
    polled(store, rules, [40, 60])
    edited = book(rule(when="short_percent > 70"), digest="c")
    assert codes(why(store, edited)) == ["edited", "below_the_limit"]


def test_a_rule_never_taken_up_says_so(store: Store) -> None:
    polled(store, book(rule("other"), digest="b"), [40, 60])
    assert "not_taken_up" in codes(why(store, book(rule(), digest="c")))


@pytest.mark.parametrize(
    ("of", "told", "expected"),
    [
        pytest.param(
            rule(severity=Severity.INFO, notify=["desk"]),
            [40, 60],
            ["min_severity"],
            id="a channel that wants to hear only of more",
        ),
        pytest.param(rule(resolved=False), [40, 60, 40], ["resolved_untold"], id="a rule that tells no ends"),
        pytest.param(
            rule(severity=Severity.INFO, notify=["desk"]),
            [40, 60, 60],
            ["never_told"],
            id="an episode of which nobody was told",
        ),
    ],
)
def test_why_a_channel_hears_nothing(store: Store, of: Rule, told: list[float], expected: list[str]) -> None:
    rules = book(of, channels=[ChannelPolicy("desk", Severity.CRITICAL)], digest="b")
    polled(store, rules, told)
    assert codes(why(store, rules)) == expected


def test_a_row_that_is_stored_and_not_judged_says_so(store: Store) -> None:
    rules = book(rule(), digest="b")
    days = polled(store, rules, [40, 60])
    with store.write() as tx:
        tx.rows.put_states([replace(tx.rows.states()[XRT], judged=days[0])])
    assert codes(why(store, rules))[0] == "not_judged"


def test_a_stored_alert_that_is_another_is_shown(store: Store) -> None:
    rules = book(rule(), digest="b")
    days = polled(store, rules, [40, 60])
    with store.write() as tx:
        tx.alerts.put([Alert("r", XRT)])
    found = why(store, rules)
    assert found.reasons[0].text == "what is stored is another alert: quiet"
    assert found.trade_date == days[1]


def test_a_channel_named_after_the_opening_hears_nothing_of_the_end(store: Store) -> None:
    polled(store, book(rule(), digest="b"), [40, 60])
    both = book(rule(notify=["console", "desk"]), channels=["desk"], digest="c")
    polled(store, both, [40, 60, 40])
    assert "desk was not told of the opening, and so of nothing that follows it" in [
        reason.text for reason in why(store, both).reasons
    ]


def test_a_rule_about_positions_is_explained_by_as_of_dates(store: Store) -> None:
    rules = book(rule(when="aggregated_short_ratio > 1", symbols=[TENCENT]), digest="b")
    take_up(store, rules, NOW)
    small = position("2026-01-09", "2026-01-20", 5, 0.5)
    record(store, rules, [Answered(TENCENT, (hk_row("2026-01-20", turnover=1),), small)], NOW)
    found = why(store, rules, symbol=TENCENT)
    assert (found.trade_date, found.row) == (day("2026-01-09"), small)
    assert codes(found) == ["below_the_limit"]


def test_the_rows_looked_at_are_as_many_as_the_rule_looks_back(store: Store) -> None:
    rules = book(rule(when="short_percent > mean(short_percent, 3)"), digest="b")
    days = polled(store, rules, [10, 20, 30, 40, 5])
    found = why(store, rules)
    assert found.metrics == ("short_percent",)
    assert found.looked_at == tuple(zip(days[2:], [(30.0,), (40.0,), (5.0,)], strict=True))


def test_warming_up_is_said_with_how_many_rows_there_are(store: Store) -> None:
    rules = book(rule(when="zscore(short_percent, 20) > 2"), digest="b")
    polled(store, rules, [float(n) for n in range(12)])
    found = why(store, rules)
    assert [reason.text for reason in found.reasons] == [
        "warming up: 12 of 21 rows",
        "an unknown verdict changes nothing: the alert stays quiet",
    ]


# unknown because


@pytest.mark.parametrize(
    ("text", "percents", "reasons"),
    [
        pytest.param(
            "short_percent > 1", [1, None], ["short_percent was not published on 2026-01-06"], id="a null now"
        ),
        pytest.param(
            "short_ratio > 1", [1, 1], ["short_ratio cannot be computed on 2026-01-06"], id="a derived metric"
        ),
        pytest.param(
            "mean(short_percent, 3) > 1",
            [1, None, 3],
            ["short_percent is unknown on 2026-01-06, which mean(short_percent, 3) looks at"],
            id="a hole in a window",
        ),
        pytest.param(
            "max(volume, 6) > 1",
            [1, None, None, None, None, 3],
            ["volume is unknown on 2026-01-06, 2026-01-07, 2026-01-08 and 1 more, which max(volume, 6) looks at"],
            id="many holes",
        ),
        pytest.param("prev(short_percent, 2) > 1", [1, 2], ["warming up: 2 of 3 rows"], id="not enough rows"),
        pytest.param(
            "prev(short_percent, 2) > mean(short_percent, 9)",
            [1, 2],
            ["warming up: 2 of 9 rows"],
            id="of several windows the longest",
        ),
        pytest.param(
            "short_percent / (short_percent - 2) > 1",
            [1, 2],
            ["short_percent / (short_percent - 2) has no value: it divides by zero, or is too large for a number"],
            id="a division by zero",
        ),
        pytest.param(
            "zscore(short_percent, 2) > 1",
            [1, 1, 5],
            ["zscore(short_percent, 2) has no value: it divides by zero, or is too large for a number"],
            id="no deviation",
        ),
        pytest.param(
            "streak(short_percent > 1) > 1", [1, None], ["short_percent was not published on 2026-01-06"], id="a streak"
        ),
        pytest.param(
            "short_percent > 0 and volume > 1", [1, 1], ["volume was not published on 2026-01-06"], id="one of two"
        ),
        pytest.param("crosses_above(short_percent, 1)", [2], ["warming up: 1 of 2 rows"], id="a crossing"),
        pytest.param("short_percent > 1", [1, 2], [], id="nothing, if it is known"),
    ],
)
def test_why_a_condition_is_unknown(text: str, percents: list[float | None], reasons: list[str]) -> None:
    others = {"volume": percents} if "max(volume" in text else {}
    found = unknown_because(expression(text), XRT, us_window(short_percent=percents, **others), len(percents) - 1)
    assert [why.text for why in found] == reasons


def test_a_metric_of_the_other_market_is_never_known() -> None:
    found = unknown_because(expression("short_percent > 1"), TENCENT, hk_window(turnover=[1]), 0)
    assert [why.text for why in found] == ["short_percent is not published for HK"]
