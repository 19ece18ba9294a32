"""What an edit changes, line by line."""

import pytest

from tests.builders import book, rule
from watcher.core.book import ChannelPolicy, RuleBook
from watcher.core.rule import Severity
from watcher.rulebook import difference

A = rule("a", "short_percent > 50")


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        pytest.param(book(A), book(A, digest="other"), (), id="a comment"),
        pytest.param(book(), book(A), ("+ rule a on 1 symbol",), id="a rule more"),
        pytest.param(book(A), book(), ("- rule a: its alerts end untold",), id="a rule less"),
        pytest.param(
            book(A),
            book(rule("b", "short_percent > 50", symbols=["US.XRT", "US.GME"])),
            ("+ rule b on 2 symbols", "- rule a: its alerts end untold"),
            id="a rule renamed",
        ),
        pytest.param(
            book(A),
            book(rule("a", "short_percent > 60", for_=2)),
            ("~ rule a: when, for changed, judged anew",),
            id="a condition and a count",
        ),
        pytest.param(
            book(A),
            book(rule("a", "short_percent > 50", message="{symbol}", severity=Severity.CRITICAL)),
            ("~ rule a: severity, message changed, its alerts stay",),
            id="words and severity",
        ),
        pytest.param(
            book(A),
            book(rule("a", "short_percent > 50", symbols=["US.GME", "US.AMC"])),
            ("~ rule a: watches 2 symbols more; watches 1 symbol less: their alerts end untold",),
            id="other symbols",
        ),
        pytest.param(
            book(A),
            book(rule("a", "short_percent > 50", enabled=False)),
            ("~ rule a: enabled changed, judged anew",),
            id="a rule that rests",
        ),
        pytest.param(
            book(A, channels=["desk", "mail"]),
            book(A, channels=[ChannelPolicy("desk", Severity.WARNING)], operator=["desk"]),
            ("~ channels: desk, mail, operator",),
            id="channels",
        ),
    ],
)
def test_the_lines_of_an_edit(before: RuleBook, after: RuleBook, lines: tuple[str, ...]) -> None:
    found = difference(before, after)
    assert found.lines == lines
    assert bool(found) is bool(lines)
