"""Rules: the verdict on a row, and what of a rule decides its alerts."""

from dataclasses import replace

import pytest

from tests.builders import expression, rule, us_window
from watcher.core.rule import Rule, Severity


@pytest.mark.parametrize(
    ("firing", "until", "short_percent", "expected"),
    [
        pytest.param(False, None, 60, True, id="quiet: when holds"),
        pytest.param(False, None, 40, False, id="quiet: when does not hold"),
        pytest.param(False, None, None, None, id="quiet: when is unknown"),
        pytest.param(True, None, 60, True, id="firing without an until: when still holds"),
        pytest.param(True, None, 40, False, id="firing without an until: it ends when `when` does"),
        pytest.param(True, None, None, None, id="firing without an until: unknown"),
        pytest.param(False, "short_percent < 30", 20, False, id="quiet: until is not asked"),
        pytest.param(True, "short_percent < 30", 40, True, id="firing: until does not hold yet"),
        pytest.param(True, "short_percent < 30", 20, False, id="firing: until holds"),
        pytest.param(True, "short_percent < 30", None, None, id="firing: until is unknown"),
    ],
)
def test_whether_the_alert_should_fire(
    firing: bool, until: str | None, short_percent: float | None, expected: bool | None
) -> None:
    window = us_window(short_percent=[short_percent])
    assert rule(when="short_percent > 50", until=until).verdict(firing, window, 0) is expected


def test_lookback_is_the_longer_of_when_and_until() -> None:
    assert rule(when="volume > 1").lookback == 1
    assert rule(when="volume > mean(volume, 20)").lookback == 20
    assert rule(when="volume > mean(volume, 20)", until="volume < prev(volume)").lookback == 20
    assert rule(when="volume > mean(volume, 20)", until="zscore(volume, 60) < 1").lookback == 61


@pytest.mark.parametrize(
    ("when", "until", "alone"),
    [
        pytest.param("aggregated_short > 1", None, True, id="when reads positions"),
        pytest.param("aggregated_short > 1", "aggregated_short_ratio < 1", True, id="both do"),
        pytest.param("aggregated_short > 1", "turnover < 1", False, id="until reads rows"),
        pytest.param("turnover > 1", "aggregated_short < 1", False, id="when reads rows"),
        pytest.param("aggregated_short > 1", "1 > 0", True, id="until reads nothing"),
        pytest.param("1 > 0", None, False, id="nothing is read: sessions are those of rows"),
    ],
)
def test_a_rule_about_positions_alone_says_so(when: str, until: str | None, alone: bool) -> None:
    assert rule(when=when, until=until, symbols=["HK.00700"]).reads_positions_only is alone


def test_the_metrics_of_a_rule_are_those_of_when_and_until() -> None:
    assert rule(when="volume > 1").metrics == {"volume"}
    assert rule(when="volume > 1", until="short_ratio < 1").metrics == {"volume", "short_ratio"}


@pytest.mark.parametrize(
    "edit",
    [
        {"when": expression("short_percent > 51")},
        {"until": expression("short_percent < 40")},
        {"for_": 2},
        {"until_for": 2},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_an_edit_that_decides_alerts_changes_the_fingerprint(edit: dict[str, object]) -> None:
    before = rule()
    assert replace(before, **edit).fingerprint != before.fingerprint  # type: ignore[arg-type]  # fields of a rule


@pytest.mark.parametrize(
    "edit",
    [
        {"message": "{symbol}"},
        {"notify": ("desk",)},
        {"severity": Severity.CRITICAL},
        {"remind": 5},
        {"resolved": False},
        {"enabled": False},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_an_edit_of_who_is_told_and_how_does_not(edit: dict[str, object]) -> None:
    before = rule()
    assert replace(before, **edit).fingerprint == before.fingerprint  # type: ignore[arg-type]  # fields of a rule


def test_an_until_is_not_taken_for_a_when() -> None:
    one: Rule = rule(when="volume > 1", until="volume < 2")
    other: Rule = rule(when="volume < 2", until="volume > 1")
    assert one.fingerprint != other.fingerprint


def test_severities_have_an_order() -> None:
    assert [severity.rank for severity in (Severity.INFO, Severity.WARNING, Severity.CRITICAL)] == [0, 1, 2]
