"""What sessions make of an alert, and which changes are worth telling.

Verdicts are written one character a session: T true, F false, ? unknown, of `when`; where a rule has an `until`,
its verdicts stand below.
"""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import quiet_alert, rule, sessions, told, us_window
from watcher.core.alert import Alert, Kind, Phase, Transition, replay, step, transition
from watcher.core.market import Symbol
from watcher.core.rule import Rule
from watcher.core.window import Window

FIGURE = {"T": 1.0, "F": 0.0, "?": None}
WHEN, UNTIL = "total_shares_short > 0", "volume > 0"
OPENED, REMINDED, RESOLVED = Kind.OPENED, Kind.REMINDED, Kind.RESOLVED
LETTER = {Phase.QUIET: "q", Phase.PENDING: "p", Phase.FIRING: "F", Phase.RECOVERING: "r"}


def judged(when: str, until: str | None = None) -> Window:
    """Return sessions on which `when` and `until` have these verdicts."""
    columns = {"total_shares_short": [FIGURE[verdict] for verdict in when]}
    if until is not None:
        columns["volume"] = [FIGURE[verdict] for verdict in until]
    return us_window(**columns)


def phases(of: Rule, window: Window) -> str:
    return "".join(LETTER[alert.phase] for _, alert, _ in replay(of, quiet_alert(of), window, 0))


@pytest.mark.parametrize(
    ("for_", "until_for", "when", "expected"),
    [
        pytest.param(1, 1, "FTTTF", "qFFFq", id="true for three sessions is one episode"),
        pytest.param(1, 1, "TFTF", "FqFq", id="true twice is two episodes"),
        pytest.param(1, 1, "T?FT", "FFqF", id="unknown while firing changes nothing"),
        pytest.param(1, 1, "F??T", "qqqF", id="unknown while quiet changes nothing"),
        pytest.param(1, 1, "????", "qqqq", id="never known, never firing"),
        pytest.param(2, 1, "TTF", "pFq", id="for = 2 takes two sessions"),
        pytest.param(2, 1, "TFTT", "pqpF", id="a false one starts the count again"),
        pytest.param(2, 1, "T?T", "ppF", id="true, unknown, true reaches for = 2"),
        pytest.param(3, 1, "T?T??T", "pppppF", id="however many are unknown"),
        pytest.param(3, 1, "TTFTTT", "ppqppF", id="for = 3 broken once"),
        pytest.param(1, 2, "TFTFF", "FrFrq", id="until_for = 2 takes two sessions to end"),
        pytest.param(1, 2, "TF?F", "Frrq", id="false, unknown, false reaches until_for = 2"),
        pytest.param(2, 3, "TTFFTFFFT", "pFrrFrrqp", id="both counts"),
    ],
)
def test_phases(for_: int, until_for: int, when: str, expected: str) -> None:
    assert phases(rule(when=WHEN, for_=for_, until_for=until_for), judged(when)) == expected


@pytest.mark.parametrize(
    ("for_", "until_for", "when", "until", "expected"),
    [
        pytest.param(1, 1, "TFFFT", "FFFTF", "FFFqF", id="false does not end it where there is an until"),
        pytest.param(1, 1, "FT", "TT", "qF", id="until does not keep it from opening"),
        pytest.param(1, 1, "TTTT", "FTTF", "FqFF", id="true opens it again on the session after its end"),
        pytest.param(1, 1, "T???", "?FT?", "FFqq", id="when does not matter while firing"),
        pytest.param(1, 1, "TFF", "F?T", "FFq", id="an unknown until changes nothing"),
        pytest.param(1, 2, "TFFFFF", "FTFTTF", "FrFrqq", id="until_for counts until"),
        pytest.param(1, 2, "TFFFF", "FT?TF", "Frrqq", id="unknowns between included"),
        pytest.param(2, 1, "TFTTF", "TTTTF", "pqpFF", id="for counts when"),
    ],
)
def test_phases_of_a_rule_with_an_until(for_: int, until_for: int, when: str, until: str, expected: str) -> None:
    of = rule(when=WHEN, until=UNTIL, for_=for_, until_for=until_for)
    assert phases(of, judged(when, until)) == expected


@pytest.mark.parametrize(
    ("remind", "when", "expected"),
    [
        pytest.param(0, "TTTTTTF", [(OPENED, 0), (RESOLVED, 6)], id="six weeks of it are told once"),
        pytest.param(2, "TTTTTF", [(OPENED, 0), (REMINDED, 2), (REMINDED, 4), (RESOLVED, 5)], id="every second one"),
        pytest.param(1, "TTT", [(OPENED, 0), (REMINDED, 1), (REMINDED, 2)], id="every session"),
        pytest.param(2, "TT?T?TT", [(OPENED, 0), (REMINDED, 3), (REMINDED, 6)], id="sessions judged count"),
        pytest.param(2, "TTT???", [(OPENED, 0), (REMINDED, 2)], id="an unknown one does not remind again"),
        pytest.param(2, "TTF", [(OPENED, 0), (RESOLVED, 2)], id="the end is no reminder"),
        pytest.param(2, "TTFTTT", [(OPENED, 0), (RESOLVED, 2), (OPENED, 3), (REMINDED, 5)], id="counted per episode"),
        pytest.param(2, "F?F", [], id="nothing of a quiet alert"),
    ],
)
def test_transitions(remind: int, when: str, expected: list[tuple[Kind, int]]) -> None:
    dates = sessions(len(when))
    assert told(rule(when=WHEN, remind=remind), judged(when)) == [(kind, dates[i]) for kind, i in expected]


def test_a_recovering_alert_is_still_firing_and_reminds() -> None:
    dates = sessions(4)
    changes = told(rule(when=WHEN, until_for=3, remind=2), judged("TFFT"))
    assert changes == [(OPENED, dates[0]), (REMINDED, dates[2])]


def test_an_alert_knows_since_when_it_is_in_its_phase() -> None:
    of = rule(when=WHEN, for_=3, until_for=3)
    dates = sessions(8)
    alerts = [alert for _, alert, _ in replay(of, quiet_alert(of), judged("FT?TTF?F"), 0)]
    since = [alert.since for alert in alerts]
    assert since == [None, dates[1], dates[1], dates[1], dates[4], dates[5], dates[5], dates[5]]
    assert [alert.episode for alert in alerts] == [None] * 4 + [dates[4]] * 4
    assert [alert.firing for alert in alerts] == [False] * 4 + [True] * 4


def test_an_episode_is_named_by_its_first_trade_date_to_the_end() -> None:
    of = rule(when=WHEN, for_=2, until_for=2)
    dates = sessions(6)
    changes = [change for _, _, change in replay(of, quiet_alert(of), judged("TTTFFF"), 0) if change]
    symbol = Symbol("US.XRT")
    assert changes == [
        Transition("r", symbol, OPENED, dates[1], dates[1]),
        Transition("r", symbol, RESOLVED, dates[1], dates[4]),
    ]


def test_an_alert_that_is_pending_knows_its_run_and_nothing_else() -> None:
    of = rule(when=WHEN, for_=3, remind=1)
    *_, (_, alert, change) = replay(of, quiet_alert(of), judged("FT?T"), 0)
    assert alert == Alert("r", Symbol("US.XRT"), streak=2, streak_since=sessions(2)[1])
    assert change is None


def test_what_has_ended_leaves_nothing_behind() -> None:
    of = rule(when=WHEN, for_=2, until_for=2, remind=1)
    *_, (_, alert, _) = replay(of, quiet_alert(of), judged("TTTFF"), 0)
    assert alert == quiet_alert(of)


def test_an_unknown_verdict_is_no_news() -> None:
    before = Alert("r", Symbol("US.XRT"), date(2026, 1, 5), 1, date(2026, 1, 6), 7)
    assert step(rule(remind=7), before, date(2026, 1, 7), None) is before
    assert transition(rule(remind=7), before, before, date(2026, 1, 7)) is None


def test_an_edited_count_applies_from_the_next_session_on() -> None:
    """An alert that was pending for longer than the new text asks for, opens."""
    pending = Alert("r", Symbol("US.XRT"), streak=4, streak_since=date(2026, 1, 5))
    assert step(rule(for_=2), pending, date(2026, 1, 12), True).episode == date(2026, 1, 12)


def test_replay_starts_where_it_is_told_to() -> None:
    of = rule(when=WHEN)
    seen = [(index, alert.phase) for index, alert, _ in replay(of, quiet_alert(of), judged("TFT"), 1)]
    assert seen == [(1, Phase.QUIET), (2, Phase.FIRING)]
    assert list(replay(of, quiet_alert(of), judged("TFT"), 3)) == []


counts = st.integers(1, 4)
letters = st.text("TF?", max_size=40)


@settings(deadline=None)
@given(letters, counts, counts, st.integers(0, 3))
def test_sessions_that_cannot_be_judged_could_as_well_be_missing(
    when: str, for_: int, until_for: int, remind: int
) -> None:
    of = rule(when=WHEN, for_=for_, until_for=until_for, remind=remind)
    known = [(letter, when_) for letter, when_ in zip(when, sessions(len(when)), strict=True) if letter != "?"]
    kept = [change for _, _, change in replay(of, quiet_alert(of), judged(when), 0)]
    alert, alone = quiet_alert(of), []
    for letter, trade_date in known:
        before, alert = alert, step(of, alert, trade_date, letter == "T")
        alone.append(transition(of, before, alert, trade_date))
    assert [change for change in kept if change] == [change for change in alone if change]


@settings(deadline=None)
@given(letters, counts, counts)
def test_an_episode_runs_from_the_last_of_enough_true_sessions_to_the_last_of_enough_false_ones(
    when: str, for_: int, until_for: int
) -> None:
    """Stated over the whole text at once: a second reading of `for` and `until_for` that keeps no state."""
    of = rule(when=WHEN, for_=for_, until_for=until_for)
    dates = sessions(len(when))
    known = [i for i, letter in enumerate(when) if letter != "?"]
    text = "".join(when[i] for i in known)
    expected: list[tuple[Kind, date]] = []
    at, firing = 0, False
    while True:
        run = "F" * until_for if firing else "T" * for_
        found = text.find(run, at)
        if found < 0:
            break
        at = found + len(run)
        expected.append((RESOLVED if firing else OPENED, dates[known[at - 1]]))
        firing = not firing
    assert told(of, judged(when)) == expected
