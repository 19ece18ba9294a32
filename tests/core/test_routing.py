"""Which channels hear of a transition, and how transitions are numbered."""

from datetime import date

import pytest

from tests.builders import FIRST, book, facts, rule
from watcher.core.alert import Kind
from watcher.core.book import ChannelPolicy
from watcher.core.market import Symbol
from watcher.core.notification import Report
from watcher.core.routing import channels_of, numbered, route
from watcher.core.rule import Severity

OPENED, REMINDED, RESOLVED, RETRACTED = Kind.OPENED, Kind.REMINDED, Kind.RESOLVED, Kind.RETRACTED
XRT, GME = Symbol("US.XRT"), Symbol("US.GME")
DESK = ChannelPolicy("desk", Severity.WARNING)
PAGER = ChannelPolicy("pager", Severity.CRITICAL)
BOOK = book(channels=[DESK, PAGER, "mail"])


def report(
    kind: Kind = OPENED,
    number: int = 0,
    symbol: Symbol = XRT,
    of: str = "r",
    episode: date = FIRST,
    severity: Severity = Severity.WARNING,
) -> Report:
    return Report(
        rule=of,
        symbol=symbol,
        number=number,
        kind=kind,
        severity=severity,
        episode=episode,
        trade_date=episode,
        facts=facts(),
    )


@pytest.mark.parametrize(
    ("kind", "severity", "told", "expected"),
    [
        pytest.param(OPENED, Severity.WARNING, [], ["mail", "desk"], id="an opening goes to all, in the rule's order"),
        pytest.param(OPENED, Severity.INFO, [], ["mail"], id="too small a matter for the desk"),
        pytest.param(OPENED, Severity.CRITICAL, [], ["mail", "desk", "pager"], id="great enough for the pager"),
        pytest.param(RESOLVED, Severity.WARNING, ["desk"], ["desk"], id="an end goes to who heard of the opening"),
        pytest.param(RESOLVED, Severity.WARNING, [], [], id="and to nobody if nobody did"),
        pytest.param(RESOLVED, Severity.WARNING, ["gone"], [], id="nor to a channel that is no more"),
        pytest.param(REMINDED, Severity.WARNING, ["mail", "desk"], ["mail", "desk"], id="so does a reminder"),
        pytest.param(RETRACTED, Severity.WARNING, ["mail"], ["mail"], id="so does a retraction"),
    ],
)
def test_channels(kind: Kind, severity: Severity, told: list[str], expected: list[str]) -> None:
    of = rule(notify=["mail", "desk", "pager", "desk"], severity=severity)
    assert channels_of(of, kind, BOOK, told) == tuple(expected)


def test_an_end_goes_to_who_heard_of_the_opening_though_the_rule_matters_less_by_now() -> None:
    of = rule(notify=["desk"], severity=Severity.INFO)
    assert channels_of(of, RESOLVED, BOOK, ["desk"]) == ("desk",)


@pytest.mark.parametrize("kind", [RESOLVED, RETRACTED])
def test_who_heard_of_the_opening_hears_that_it_is_over_though_the_rule_names_others_by_now(kind: Kind) -> None:
    moved = rule(notify=["mail"])
    assert channels_of(moved, kind, BOOK, ["desk"]) == ("desk",)
    assert channels_of(moved, kind, BOOK, ["pager", "mail"]) == ("mail", "pager")
    assert channels_of(moved, REMINDED, BOOK, ["desk"]) == ()


def test_a_fallback_that_heard_of_the_opening_hears_of_the_end() -> None:
    chained = book(channels=[ChannelPolicy("desk", fallback="mail"), ChannelPolicy("mail", fallback="pager"), PAGER])
    of = rule(notify=["desk"])
    assert channels_of(of, RESOLVED, chained, ["mail"]) == ("mail",)
    assert channels_of(of, RESOLVED, chained, ["desk", "pager"]) == ("desk", "pager")
    assert channels_of(of, OPENED, chained, ["mail"]) == ("desk",)


def test_a_rule_that_does_not_tell_ends_still_tells_everything_else() -> None:
    of = rule(notify=["mail"], resolved=False)
    heard = {kind: channels_of(of, kind, BOOK, ["mail"]) for kind in Kind}
    assert heard == {OPENED: ("mail",), REMINDED: ("mail",), RESOLVED: (), RETRACTED: ("mail",)}


def test_numbers_count_on_per_rule_and_symbol() -> None:
    reports = [report(), report(symbol=GME), report(RESOLVED), report(of="s"), report()]
    last = {(XRT, "r"): 7, (GME, "s"): 3}
    assert [each.number for each in numbered(reports, last)] == [8, 1, 9, 1, 10]
    assert last == {(XRT, "r"): 7, (GME, "s"): 3}


def test_the_end_of_an_episode_opened_in_the_same_batch_goes_where_the_opening_went() -> None:
    of = book(rule(notify=["mail", "desk"]), channels=["mail", "desk"])
    told = route([report(OPENED, 1), report(RESOLVED, 2)], of, {})
    assert [(each.kind, each.number, each.channel) for each in told] == [
        (OPENED, 1, "mail"),
        (OPENED, 1, "desk"),
        (RESOLVED, 2, "mail"),
        (RESOLVED, 2, "desk"),
    ]


def test_the_end_of_an_earlier_episode_goes_to_who_was_told() -> None:
    of = book(rule(notify=["mail", "desk"]), channels=["mail", "desk"])
    told = route([report(RESOLVED, 2)], of, {(XRT, "r", FIRST): ["desk"]})
    assert [each.channel for each in told] == ["desk"]


def test_another_episode_is_not_this_one() -> None:
    of = book(rule(notify=["mail"]), channels=["mail"])
    assert route([report(RESOLVED, 2, episode=date(2026, 2, 2))], of, {(XRT, "r", FIRST): ["mail"]}) == ()
    assert route([report(RESOLVED, 2, symbol=GME)], of, {(XRT, "r", FIRST): ["mail"]}) == ()


def test_a_rule_that_is_gone_is_not_told() -> None:
    assert route([report(RESOLVED, 2, of="gone")], BOOK, {(XRT, "gone", FIRST): ["mail"]}) == ()


def test_a_notification_carries_its_report() -> None:
    of = book(rule(notify=["console"]))
    (told,) = route([report(OPENED, 3, severity=Severity.CRITICAL)], of, {})
    assert (told.rule, told.symbol, told.number, told.severity, told.facts) == ("r", XRT, 3, Severity.CRITICAL, facts())
