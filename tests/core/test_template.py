"""Messages in a rule's own words: what may stand in braces, and what is made of it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.metrics import METRICS
from watcher.core.template import MAX_LENGTH, WORDS, fields, fill, flaws

VALUES = {
    "symbol": "HK.00700",
    "rule": "hk-crowded",
    "trade_date": date(2026, 6, 5),
    "since": "2026-06-01",
    "severity": "warning",
    "short_ratio": 14.723948,
    "traded_shares": 31649780.0,
    "turnover": 14465428854.749,
    "price_change": -1.5,
    "short_vs_average": 0.00012346,
    "aggregated_short": None,
    "close_price": float("nan"),
    "open_price": float("-inf"),
    "short_shares": 0.0,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        pytest.param("{symbol}: {rule} ({severity})", "HK.00700: hk-crowded (warning)", id="words"),
        pytest.param("{trade_date} since {since}", "2026-06-05 since 2026-06-01", id="dates, as dates or as text"),
        pytest.param("{short_ratio:.1f} %", "14.7 %", id="a number with one decimal"),
        pytest.param("{traded_shares:,.0f}", "31,649,780", id="thousands apart"),
        pytest.param("{traded_shares:_d}", "31_649_780", id="a whole number"),
        pytest.param("{price_change:+.2f}", "-1.50", id="a sign"),
        pytest.param("{short_ratio:08.2f}|{short_ratio:8.2f}", "00014.72|   14.72", id="a width"),
        pytest.param("{short_ratio:.3g} {short_ratio:e}", "14.7 1.472395e+01", id="other forms"),
        pytest.param("{short_ratio:}", "14.7239", id="an empty format is none"),
        pytest.param("{traded_shares} {turnover}", "31,649,780 14,465,428,854.749", id="without a format: as written"),
        pytest.param("{short_vs_average} {short_shares}", "0.0001235 0", id="small numbers are not lost"),
        pytest.param("{aggregated_short} {close_price:.1f} {open_price:d}", "unknown unknown unknown", id="unknown"),
        pytest.param("{volume}", "unknown", id="what was not given is unknown"),
        pytest.param("{{symbol}} {{{symbol}}}", "{symbol} {HK.00700}", id="doubled braces are braces"),
        pytest.param("香港 {symbol}\n\t%s $x", "香港 HK.00700\n\t%s $x", id="anything else is as it is"),
    ],
)
def test_a_message_is_filled_in(template: str, text: str):
    assert flaws(template) == ()
    assert fill(template, VALUES) == text


@pytest.mark.parametrize(
    ("template", "span", "message"),
    [
        pytest.param("a {x.__class__}", (3, 14), "unknown name 'x.__class__' in a message", id="an attribute"),
        pytest.param("{symbol.upper}", (1, 13), "unknown name 'symbol.upper' in a message", id="one of a word"),
        pytest.param("{symbol[0]}", (1, 10), "unknown name 'symbol[0]' in a message", id="an index"),
        pytest.param("{0}", (1, 2), "unknown name '0' in a message", id="a number"),
        pytest.param("{}", (1, 2), "there is no name in these braces", id="nothing"),
        pytest.param("{:.1f}", (1, 2), "there is no name in these braces", id="a format alone"),
        pytest.param("{symbol!r}", (1, 9), "unknown name 'symbol!r' in a message", id="a conversion"),
        pytest.param("{short_ratio:{symbol}}", (0, 22), "braces within braces", id="nested braces"),
        pytest.param("{a{b}", (0, 1), "a brace without its '}'", id="an open brace before good ones"),
        pytest.param("a}", (1, 2), "a brace without its '{'", id="a closing brace"),
        pytest.param("{short_ratio:.1q}", (13, 16), "'.1q' is not a number format", id="a format that is none"),
        pytest.param("{short_ratio:.1%}", (13, 16), "'.1%' is not a number format", id="percent is percent already"),
        pytest.param("{short_ratio:999f}", (13, 17), "'999f' is not a number format", id="too wide"),
        pytest.param("{short_ratio:.999f}", (13, 18), "'.999f' is not a number format", id="too many decimals"),
        pytest.param("{short_ratio:.1d}", (13, 16), "'.1d' is not a number format", id="decimals of a whole number"),
        pytest.param("{symbol:>9}", (8, 10), "symbol is not a number, and takes no format", id="a format of a word"),
        pytest.param(" \n", (0, 2), "there are no words here", id="blank"),
        pytest.param("x" * 2001, (0, 2001), "longer than 2000 characters", id="too long"),
    ],
)
def test_anything_else_is_a_flaw_with_its_place(template: str, span: tuple[int, int], message: str):
    found = flaws(template)[0]
    assert (found.start, found.end, found.message, found.warning) == (*span, message, False)
    assert found.suggestion


def test_all_flaws_are_found_in_order():
    assert [flaw.start for flaw in flaws("{a} {symbol} {b:q} }")] == [1, 14, 19]


def test_a_near_miss_is_named():
    assert flaws("{short_ratoi}")[0].suggestion == "did you mean 'short_ratio'?"


def test_fields_are_the_braces_that_can_be_filled_in():
    assert [(field.start, field.end, field.name, field.form) for field in fields("{symbol} {x} {turnover:.1f}")] == [
        (0, 8, "symbol", ""),
        (13, 27, "turnover", ".1f"),
    ]


def test_braces_with_a_flaw_stay_as_they_are():
    assert fill("{x} {symbol} {short_ratio:q} }", VALUES) == "{x} HK.00700 {short_ratio:q} }"


PIECES = st.sampled_from(
    ["{", "}", "{{", "}}", "{symbol}", "{short_ratio", ":", ".1f", "0", ",", "!r", ".__class__", "x"]
)


@given(st.lists(PIECES | st.text(max_size=5)).map("".join), st.floats() | st.none() | st.text())
def test_whatever_is_written_is_judged_and_filled_in_without_failing(template: str, value: float | str | None):
    flaws(template)
    assert isinstance(fill(template, dict.fromkeys((*METRICS, *WORDS), value)), str)


@given(st.from_regex(r"[-+ ,_.0-9defgEFG%<>^=n]{0,6}", fullmatch=True), st.floats(-1e15, 1e15))
def test_a_format_without_a_flaw_is_one_that_python_knows(form: str, value: float):
    template = f"{{short_ratio:{form}}}"
    if not flaws(template):
        assert len(fill(template, {"short_ratio": value})) < MAX_LENGTH
