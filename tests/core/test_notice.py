"""Notices to the operator: alerts that the watcher is about itself."""

from datetime import UTC, date, datetime

import pytest

from tests.builders import book
from watcher.core.alert import Kind
from watcher.core.book import CONSOLE
from watcher.core.notice import WATCHER, listeners, recovery, trouble
from watcher.core.rule import Severity

NOW = datetime(2026, 6, 5, 8, 30, tzinfo=UTC)


def test_a_trouble_opens_and_resolves_like_any_alert() -> None:
    began = trouble("upstream", "nothing is answered", NOW, Severity.CRITICAL)
    assert (began.rule, began.symbol, began.kind, began.facts.text) == (
        "upstream",
        WATCHER,
        Kind.OPENED,
        "nothing is answered",
    )
    over = recovery(began, "all is answered again", datetime(2026, 6, 7, tzinfo=UTC))
    assert (over.kind, over.episode, over.trade_date) == (Kind.RESOLVED, date(2026, 6, 5), date(2026, 6, 7))
    assert (over.severity, over.facts.text) == (Severity.CRITICAL, "all is answered again")


@pytest.mark.parametrize(
    ("operator", "about", "expected"),
    [
        pytest.param(("desk", "mail", "desk"), None, ("desk", "mail"), id="the operator's channels, each once"),
        pytest.param(("desk", "mail"), "desk", ("mail",), id="but for the one it is about"),
        pytest.param(("desk",), "desk", (CONSOLE,), id="the console, if that leaves none"),
        pytest.param((CONSOLE,), CONSOLE, (), id="nobody, if it is about the console"),
    ],
)
def test_who_hears_of_a_trouble(operator: tuple[str, ...], about: str | None, expected: tuple[str, ...]) -> None:
    assert listeners(book(channels=["desk", "mail"], operator=operator), about) == expected
