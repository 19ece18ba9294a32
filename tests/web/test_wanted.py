"""What a visitor asks for is read, or refused with a reason."""

from datetime import date

import pytest

from watcher.core.alert import Phase
from watcher.core.market import Market
from watcher.core.rule import Severity
from watcher.web.wanted import EpisodesWanted, OverviewWanted, Told, episodes_wanted, overview_wanted, page_wanted


def test_nothing_asked_for_is_everything() -> None:
    assert overview_wanted({}) == OverviewWanted()
    assert episodes_wanted({}) == EpisodesWanted()


def test_every_parameter_is_read() -> None:
    asked = {"phase": "firing", "market": "HK", "severity": "critical", "rule": "r", "text": " x ", "data": "troubled"}
    assert overview_wanted({**asked, "page": "3", "unknown": "ignored"}) == OverviewWanted(
        Phase.FIRING, Market.HK, Severity.CRITICAL, "r", "x", troubled=True, page=3
    )
    told = {"symbol": "US.XRT", "rule": "r", "told": "dead", "from": "2026-01-05", "to": "2026-01-06"}
    assert episodes_wanted(told) == EpisodesWanted("US.XRT", "r", Told.DEAD, date(2026, 1, 5), date(2026, 1, 6), page=1)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param({"phase": "loud"}, "phase is one of quiet, pending", id="a phase that there is not"),
        pytest.param({"market": "CN"}, "market is one of HK, US", id="another market"),
        pytest.param({"text": "x" * 81}, "text is longer than 80", id="a text that can name nothing"),
        pytest.param({"page": "0"}, "page is a whole number", id="before the first page"),
        pytest.param({"page": "-1"}, "page is a whole number", id="a negative page"),
        pytest.param({"page": "1e3"}, "page is a whole number", id="a page that is no number"),
        pytest.param({"page": "²"}, "page is a whole number", id="a digit that is none"),
        pytest.param({"page": "9" * 5000}, "page is a whole number", id="a page with more digits than are read"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        overview_wanted(given)


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "20260105x"])
def test_a_date_is_a_date(text: str) -> None:
    with pytest.raises(ValueError, match="from is a date, written 2026-06-05"):
        episodes_wanted({"from": text})


def test_the_first_page_is_the_usual_one() -> None:
    assert (page_wanted({}), page_wanted({"page": "007"})) == (1, 7)
