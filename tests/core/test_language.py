"""Texts of the `when` language: what is refused, where and in which words, and what is made of the rest.

In the tables « and » stand around what a flaw points at; they are not part of the text.
"""

import inspect
import re
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.builders import expression, us_window, verdicts
from watcher.core.functions import FUNCTIONS
from watcher.core.language import MAX_DEPTH, parse
from watcher.core.metrics import METRICS
from watcher.core.syntax import MAX_LENGTH, Flaw


def unmarked(marked: str) -> tuple[str, list[tuple[int, int]]]:
    spans = [match.span(1) for match in re.finditer("«([^»]*)»", marked)]
    shifted = [(start - 2 * i - 1, end - 2 * i - 1) for i, (start, end) in enumerate(spans)]
    return re.sub("[«»]", "", marked), shifted


def only_flaw(marked: str) -> Flaw:
    """Parse the text and return its only flaw, which is where the text is marked."""
    text, spans = unmarked(marked)
    _, flaws = parse(text)
    assert [(flaw.start, flaw.end) for flaw in flaws] == spans, flaws
    (flaw,) = flaws
    return flaw


@pytest.mark.parametrize(
    ("marked", "message", "suggestion"),
    [
        pytest.param(
            "«daily_trade_avg_ration» > 15",
            "unknown metric 'daily_trade_avg_ration'",
            "did you mean 'daily_trade_avg_ratio'?",
            id="a misspelt metric",
        ),
        pytest.param("«VOLUME» > 15", "unknown metric 'VOLUME'", "did you mean 'volume'?", id="a metric in capitals"),
        pytest.param("«rsi» > 15", "unknown metric 'rsi'", "`watcher metrics` lists them", id="nothing like it"),
        pytest.param("«maen»(volume, 3) > 1", "unknown function 'maen'", "did you mean 'mean'?", id="a function"),
        pytest.param("«mean» > 1", "unknown metric 'mean'", "mean is a function: mean(x, n)", id="mean alone"),
        pytest.param("«volume»(3) > 1", "unknown function 'volume'", "volume is a metric", id="a metric called"),
        pytest.param(f"«{'a' * 99}» > 1", f"'{'a' * 59}…'", "lists them", id="a long name is cut in the message"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(marked: str, message: str, suggestion: str) -> None:
    flaw = only_flaw(marked)
    assert message in flaw.message
    assert suggestion in str(flaw.suggestion)


@pytest.mark.parametrize(
    ("marked", "message", "suggestion"),
    [
        pytest.param("«mean(volume)» > 1", "mean takes 2 arguments, not 1", "write mean(x, n)", id="one too few"),
        pytest.param("«mean(volume, 3, 4)» > 1", "mean takes 2 arguments, not 3", "mean(x, n)", id="one too many"),
        pytest.param("«abs()» > 1", "abs takes 1 argument, not 0", "write abs(x)", id="none at all"),
        pytest.param("«prev(volume, 1, 2)» > 1", "prev takes 1 or 2 arguments, not 3", "prev(x, n=1)", id="optional"),
        pytest.param("prev(volume, «n=3») > 1", "arguments have no names here", "the value alone", id="a keyword"),
        pytest.param("mean(volume, «**x») > 1", "arguments have no names here", "the value alone", id="double star"),
        pytest.param("abs(«*volume») > 1", "'*volume' is not part of the language", "the language has", id="a star"),
        pytest.param("mean(volume, «0») > 1", "'0' is not a number of rows", "a whole number from 1 to 250", id="zero"),
        pytest.param("mean(volume, «-1») > 1", "'-1' is not a number of rows", "from 1 to 250", id="negative"),
        pytest.param("mean(volume, «251») > 1", "'251' is not a number of rows", "from 1 to 250", id="over a year"),
        pytest.param("mean(volume, «2.0») > 1", "'2.0' is not a number of rows", "whole", id="not a whole number"),
        pytest.param("mean(volume, «True») > 1", "'True' is not a number of rows", "whole", id="True is no number"),
        pytest.param("mean(volume, «4 * 5») > 1", "'4 * 5' is not a number of rows", "whole", id="a calculation"),
        pytest.param("prev(volume, «volume») > 1", "'volume' is not a number of rows", "prev(x, n=1)", id="a metric"),
        pytest.param(
            "mean(«volume > 1», 3) > 1", "a condition stands where a number is due", "use a", id="for a number"
        ),
        pytest.param("streak(«volume») > 1", "a number stands where a condition is due", "volume > 15", id="streak"),
        pytest.param("crosses_above(«volume > 1», 3)", "a condition stands where a number is due", "", id="crosses"),
    ],
)
def test_a_function_called_with_the_wrong_arguments_is_refused(marked: str, message: str, suggestion: str) -> None:
    flaw = only_flaw(marked)
    assert message in flaw.message
    assert suggestion in str(flaw.suggestion)


@pytest.mark.parametrize(
    ("marked", "message", "suggestion"),
    [
        pytest.param("«volume»", "a number stands where a condition is due", "compare it: volume > 15", id="a metric"),
        pytest.param("«3»", "a number stands where a condition is due", "compare it: 3 > 15", id="a number"),
        pytest.param("not «volume»", "a number stands where", "compare it: volume > 15", id="not a metric"),
        pytest.param("«volume» and volume > 1", "a number stands where", "volume > 15", id="a metric and a condition"),
        pytest.param("«streak(volume > 1)»", "a number stands where", "streak(volume > 1) > 15", id="a streak alone"),
        pytest.param("-(«volume > 1») > 2", "a condition stands where a number is due", "use a metric", id="minus"),
        pytest.param("1 + («volume > 1») > 2", "a condition stands where a number is due", "use a metric", id="plus"),
        pytest.param("(«volume > 1») > 2", "a condition stands where a number is due", "use a metric", id="compared"),
        pytest.param("«crosses_above(volume, 3)» > 1", "a condition stands where", "use a metric", id="a crossing"),
        pytest.param("«True»", "True is not a number", "numbers are written", id="True"),
        pytest.param("«None» > 1", "None is not a number", "numbers are written", id="None"),
        pytest.param("volume > «'15'»", "'15' is not a number", "numbers are written 15", id="text"),
        pytest.param("volume > «1j»", "1j is not a number", "numbers are written", id="imaginary"),
        pytest.param("volume > «0x1F»", "0x1F is not a number", "numbers are written", id="hexadecimal"),
        pytest.param("volume > «0B1»", "0B1 is not a number", "numbers are written", id="binary"),
        pytest.param("volume > «1e999»", "this number is too large", "below 1e300", id="infinite"),
        pytest.param(f"volume > «{'9' * 400}»", "this number is too large", "below 1e300", id="400 digits"),
        pytest.param("«1 / 0» < volume", "1 / 0 has no value", "divides by zero", id="a division by zero"),
        pytest.param("«1e300 * 1e300» > volume", "1e300 * 1e300 has no value", "too large", id="an overflow"),
    ],
)
def test_numbers_and_conditions_are_not_taken_for_each_other(marked: str, message: str, suggestion: str) -> None:
    flaw = only_flaw(marked)
    assert message in flaw.message
    assert suggestion in str(flaw.suggestion)


@pytest.mark.parametrize(
    "marked",
    [
        "«volume ** 2» > 1",
        "«volume // 2» > 1",
        "«volume % 2» > 1",
        "«volume @ 2» > 1",
        "«volume & 2» > 1",
        "«~volume» > 1",
        "«+volume» > 1",
        "«volume[0]» > 1",
        "«volume.__class__» > 1",
        "«volume.mean(3)» > 1",
        "«mean(volume, 3)(2)» > 1",
        "«(volume > 1)(2)» > 1",
        "«().__class__.__bases__[0].__subclasses__()»",
        "volume > («1 if volume else 2»)",
        "(«volume := 3») > 1",
        "«lambda: 1»",
        "«[volume]» > 1",
        "«{volume}» > 1",
        "«{}» > 1",
        "«()» > 1",
        "«[x for x in y]»",
        "«f'{volume}'» > 1",
        "(«yield volume») > 1",
        "(«await volume») > 1",
        "«volume in volume»",
        "«1 < volume is not volume»",
    ],
)
def test_nothing_else_of_python_is_part_of_the_language(marked: str) -> None:
    assert "not part of the language" in only_flaw(marked).message


def test_builtins_of_python_are_not_reachable() -> None:
    flaw = only_flaw("«__import__»('os') > 1")
    assert flaw.message == "unknown function '__import__'"


@pytest.mark.parametrize(
    ("marked", "message", "suggestion"),
    [
        pytest.param("volume > 1 «&&» volume < 3", "'&&'", "write and", id="and of C"),
        pytest.param("volume > 1 «||» volume < 3", "'||'", "write or", id="or of C"),
        pytest.param("«!» volume > 1", "'!'", "write not", id="not of C"),
        pytest.param("volume «=>» 1", "'=>'", "write >=", id="at least, the wrong way round"),
        pytest.param("volume «=<» 1", "'=<'", "write <=", id="at most, the wrong way round"),
        pytest.param("volume «≥» 1", "'≥'", "write >=", id="at least, as printed"),
        pytest.param("volume «≤» 1", "'≤'", "write <=", id="at most, as printed"),
        pytest.param("volume «≠» 1", "'≠'", "write !=", id="unequal, as printed"),
        pytest.param("volume «<>» 1", "'<>'", "write !=", id="unequal of SQL"),
        pytest.param("volume «=» 1", "'='", "equality is written ==", id="a single ="),
        pytest.param("short_percent > 15«%»", "'%'", "percent is written 15", id="a percent sign"),
        pytest.param("short_percent > 15 «%» and volume > 1", "'%'", "percent is written 15", id="and a blank"),
        pytest.param("volume «−» 3 > 1", "'−'", "write -", id="a minus as printed"),
        pytest.param("volume «×» 3 > 1", "'×'", "write *", id="times as printed"),
        pytest.param("volume «÷» 3 > 1", "'÷'", "write /", id="divided by, as printed"),
        pytest.param("volume > 1 «AND» volume < 3", "'AND'", "small letters", id="and of SQL"),
        pytest.param("volume > 1 «\\»\n and volume < 3", "'\\'", "over lines as it is", id="a line continued"),
        pytest.param("volume > 1«,»000,000", "a comma stands only between arguments", "1_000_000", id="thousands"),
        pytest.param("volume > 1 «# why»\n and volume < 3", "a comment", "above the condition", id="a comment"),
        pytest.param("volume > 1 «# why»\r and volume < 3", "a comment", "above the condition", id="up to a lone CR"),
    ],
)
def test_what_people_write_in_other_languages_is_answered_with_ours(marked: str, message: str, suggestion: str) -> None:
    flaw = only_flaw(marked)
    assert message in flaw.message
    assert suggestion in str(flaw.suggestion)


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        pytest.param("«»", "there is no condition here", id="nothing"),
        pytest.param("« \n\t »", "there is no condition here", id="nothing but blanks"),
        pytest.param("volume «>»", "the condition breaks off here", id="half a comparison"),
        pytest.param("  volume > 1 o«r»  ", "the condition breaks off here", id="half an alternative"),
        pytest.param("«(»volume > 1", "'(' was never closed", id="an open parenthesis"),
        pytest.param("volume > 1«)»", "unmatched ')'", id="a closing one too many"),
        pytest.param("volume > 1 «volume» > 2", "invalid syntax", id="no word between conditions"),
        pytest.param("volume > 1«;» import os", "invalid syntax", id="a statement after it"),
        pytest.param("«import» os", "invalid syntax", id="a statement"),
        pytest.param("volume > «0»1", "leading zeros in decimal integer literals are not permitted", id="leading zero"),
        pytest.param("volume > «'»x", "unterminated string literal", id="an open quote"),
        pytest.param("香港 > «>» 1", "invalid syntax", id="characters of several bytes before it"),
        pytest.param("\n \n香港 >\r\n\t«>» 1\n", "invalid syntax", id="several lines before it"),
        pytest.param("volume > «½»", "invalid character '½'", id="a character that is no number"),
        pytest.param("volume > 1«\x00»", "an unprintable character stands here, U+0000", id="a null byte"),
        pytest.param("volume > «\ud800»", "an unprintable character stands here, U+D800", id="half a surrogate pair"),
        pytest.param("«\ufeff»volume > 1", "an unprintable character stands here, U+FEFF", id="a byte-order mark"),
        pytest.param("volume«\u00a0»> 1", "an unprintable character stands here, U+00A0", id="a no-break space"),
        pytest.param("volume > «\u202e»1", "an unprintable character stands here, U+202E", id="right-to-left mark"),
        pytest.param("volume«\x0b»> 1", "an unprintable character stands here, U+000B", id="a vertical tab"),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_stands(marked: str, message: str) -> None:
    flaw = only_flaw(marked)
    assert message in flaw.message
    assert flaw.suggestion


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("volume\t>\t1", id="tabs"),
        pytest.param("\fvolume\f>\f1\f", id="form feeds"),
        pytest.param("volume >\r1", id="a lone carriage return"),
        pytest.param("\r\n  volume\r\n  >\r\n\r\n1\r\n", id="lines of Windows, indented"),
        pytest.param("   volume > 1   ", id="blanks around it"),
        pytest.param("(((volume)) > (1))", id="parentheses"),
        pytest.param("volume>1", id="no blanks"),
        pytest.param("volume > 1.0e0", id="an exponent"),
        pytest.param("\uff56olume > 1", id="a full-width letter, which Python reads as the letter"),
    ],
)
def test_blanks_and_line_ends_mean_nothing(text: str) -> None:
    assert verdicts(text, us_window(volume=[1, 2])) == [False, True]


@pytest.mark.parametrize(
    ("marked", "messages"),
    [
        pytest.param("«foo» > 1 and «bar» > 2", ["'foo'", "'bar'"], id="in both halves"),
        pytest.param("«foo» < volume < «bar»", ["'foo'", "'bar'"], id="in a chain"),
        pytest.param("«foo» + «bar» > 1", ["'foo'", "'bar'"], id="in a sum"),
        pytest.param("mean(«foo», «0») > 1", ["'foo'", "'0'"], id="in both arguments"),
        pytest.param("crosses_above(«foo», «bar»)", ["'foo'", "'bar'"], id="in a crossing"),
        pytest.param("not «foo» > 1 or «volume»", ["'foo'", "a number stands"], id="in an alternative"),
        pytest.param("-«foo» > 1\nand streak(«bar» > 2) > 3", ["'foo'", "'bar'"], id="on two lines"),
    ],
)
def test_every_flaw_is_found_at_once_in_order_of_position(marked: str, messages: list[str]) -> None:
    text, spans = unmarked(marked)
    parsed, flaws = parse(text)
    assert parsed is None
    assert [(flaw.start, flaw.end) for flaw in flaws] == spans
    for flaw, message in zip(flaws, messages, strict=True):
        assert message in flaw.message


def test_positions_are_counted_in_characters_of_the_text_as_written() -> None:
    _, flaws = parse("  \nvolume > '香港𝄞'\r\n and foo > 1")
    assert [(flaw.start, flaw.end) for flaw in flaws] == [(12, 17), (24, 27)]


@pytest.mark.parametrize(
    ("marked", "suggestion"),
    [
        pytest.param("short_percent > «0.15»", "percent is written 15, not 0.15", id="the metric first"),
        pytest.param("«0.07» < short_ratio", "percent is written 7, not 0.07", id="the number first"),
        pytest.param("short_turnover_ratio > 10 or daily_trade_avg_ratio > «.5»", "50, not 0.5", id="in one half"),
        pytest.param("5 < short_ratio < «0.9»", "90, not 0.9", id="in a chain"),
        pytest.param("crosses_below(short_percent, «0.2»)", "20, not 0.2", id="in a crossing"),
        pytest.param("crosses_below(«0.2», short_percent)", "20, not 0.2", id="in a crossing, the number first"),
        pytest.param("short_percent > «1 / 2»", "50, not 0.5", id="a calculated number"),
    ],
)
def test_a_percentage_written_as_a_fraction_is_warned_of(marked: str, suggestion: str) -> None:
    flaw = only_flaw(marked)
    assert flaw.warning
    assert suggestion in str(flaw.suggestion)
    assert parse(unmarked(marked)[0])[0] is not None


@pytest.mark.parametrize(
    "text",
    [
        "short_percent > 0",
        "short_percent > 1",
        "short_percent > -0.5",
        "price_change > 0.5",
        "aggregated_short_ratio > 0.5",
        "short_vs_average > 0.5",
        "change(short_percent) > 0.5",
        "short_percent * 2 > 0.5",
        "short_percent > 15 * 0.1",
    ],
)
def test_a_small_number_elsewhere_is_not_warned_of(text: str) -> None:
    parsed, flaws = parse(text)
    assert parsed is not None
    assert flaws == ()


@pytest.mark.parametrize("marked", ["stdev(volume, «1») > 0", "zscore(volume, «1») > 0"])
def test_a_standard_deviation_of_one_row_is_warned_of(marked: str) -> None:
    flaw = only_flaw(marked)
    assert flaw.warning
    assert flaw.message == "one row has no standard deviation: this is never known"


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        pytest.param("«volume > short_percent»", "compares shares with %", id="shares and percent"),
        pytest.param("«close_price < volume»", "compares price with shares", id="price and shares"),
        pytest.param("«turnover > shares_traded»", "compares money with shares", id="money and shares"),
        pytest.param("«short_vs_average > short_ratio»", "compares × with %", id="a multiple and percent"),
        pytest.param("«zscore(volume, 3) > short_percent»", "compares σ with %", id="deviations and percent"),
        pytest.param("«rank(volume, 3) > volume»", "compares % with shares", id="a rank is in percent"),
        pytest.param("«pct_change(volume) > volume»", "compares % with shares", id="so is a relative change"),
        pytest.param("«streak(volume > 1) > volume»", "compares rows with shares", id="rows and shares"),
        pytest.param("«volume * 2 > short_percent»", "compares shares with %", id="twice as many are shares too"),
        pytest.param("«-volume + 3 > abs(short_percent)»", "compares shares with %", id="through minus, plus, abs"),
        pytest.param("«mean(volume, 3) > prev(short_percent)»", "compares shares with %", id="through functions"),
        pytest.param("«volume / 2 > short_percent»", "compares shares with %", id="half as many are shares too"),
        pytest.param("crosses_above(«volume, short_percent»)", "compares shares with %", id="a crossing"),
        pytest.param("1 < volume and 5 < «volume < short_percent»", "compares shares with %", id="one pair of a chain"),
        pytest.param("«volume + short_percent» > 1", "adds unlike units, shares and %", id="a sum"),
        pytest.param("«volume - short_percent» > 1", "subtracts unlike units, shares and %", id="a difference"),
    ],
)
def test_unlike_units_are_not_compared_nor_added(marked: str, message: str) -> None:
    flaw = only_flaw(marked)
    assert flaw.message == message
    assert not flaw.warning


@pytest.mark.parametrize(
    "text",
    [
        "short_percent > daily_trade_avg_ratio",
        "short_shares / traded_shares > short_percent",
        "volume * short_percent > close_price",
        "1 / volume > short_percent",
        "volume + volume * volume > short_percent",
        "volume > 5 and short_percent > 5",
        "volume + 5 > 5 + prev(volume)",
        "close_price * volume > 1_000_000",
        "rank(volume, 3) > short_percent",
    ],
)
def test_units_that_are_alike_or_unknown_pass(text: str) -> None:
    assert parse(text) == (expression(text), ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("(" * 1_500 + "volume > 1" + ")" * 400, "too many nested parentheses", id="1,500 parentheses"),
        pytest.param("-" * 1_900 + "volume > 1", f"more than {MAX_DEPTH} parts within parts", id="1,900 minus signs"),
        pytest.param("not " * 490 + "volume > 1", f"more than {MAX_DEPTH} parts within parts", id="490 times not"),
        pytest.param("abs(" * 180 + "volume" + ")" * 180 + " > 1", f"more than {MAX_DEPTH} parts", id="180 calls"),
        pytest.param("+".join(["1"] * 900) + " > volume", f"more than {MAX_DEPTH} parts", id="a sum of 900 terms"),
        pytest.param("+".join(["1"] * 2_000) + " > volume", "longer than 2000 characters", id="a sum of 2,000 terms"),
        pytest.param("-" * 1_000_000 + "1", "longer than 2000 characters", id="a million minus signs"),
        pytest.param("not " * 4_000 + "volume > 1", "longer than 2000 characters", id="4,000 times not"),
        pytest.param("9" * 5_000 + " > volume", "longer than 2000 characters", id="a number of 5,000 digits"),
        pytest.param("volume" + ".a" * 900 + " > 1", "is not part of the language", id="900 attributes"),
        pytest.param("volume" + "[0" * 150 + "]" * 150, "is not part of the language", id="150 subscripts"),
        pytest.param("(lambda:" * 90 + "0" + ")" * 90, "is not part of the language", id="90 lambdas"),
        pytest.param("volume > 1 if " * 130 + "volume else 2", "cannot be read", id="130 conditional expressions"),
    ],
)
def test_a_bomb_is_refused_with_one_short_flaw(text: str, message: str) -> None:
    parsed, flaws = parse(text)
    assert parsed is None
    assert len(flaws) == 1
    assert message in flaws[0].message
    assert len(flaws[0].message) + len(str(flaws[0].suggestion)) < 200
    assert 0 <= flaws[0].start < flaws[0].end <= len(text)


def test_a_parser_without_room_on_the_stack_refuses() -> None:
    """It raises RecursionError then; other versions of Python do so, or MemoryError, for deep texts anywhere."""

    def parse_below(frames: int) -> tuple[Flaw, ...]:
        return parse_below(frames - 1) if frames else parse("not " * 490 + "volume > 1")[1]

    (flaw,) = parse_below(sys.getrecursionlimit() - len(inspect.stack(0)) - 60)
    assert flaw.message == "this is nested too deeply to be read"


def test_a_text_of_the_greatest_length_is_read() -> None:
    text = " or ".join(["volume > 1"] * 142)
    text += " " * (MAX_LENGTH - len(text))
    assert len(text) == MAX_LENGTH
    assert parse(text)[0] is not None
    assert parse(text + " ")[0] is None


@pytest.mark.parametrize("depth", [70, MAX_DEPTH])
def test_what_is_not_too_deep_is_read_and_judged(depth: int) -> None:
    """A metric or a number inside does not count, as it holds no parts."""
    assert verdicts("abs(" * depth + "volume" + ")" * depth + " > 1", us_window(volume=[1, 2])) == [False, True]
    assert verdicts("-" * depth + "volume != 0", us_window(volume=[0, 2])) == [False, True]


def test_one_part_deeper_is_refused() -> None:
    inner = "abs(volume)"
    start = len("abs(" * MAX_DEPTH)
    _, flaws = parse("abs(" * MAX_DEPTH + inner + ")" * MAX_DEPTH + " > 1")
    assert [(flaw.start, flaw.end) for flaw in flaws] == [(start, start + len(inner))]


def test_a_wide_text_is_not_a_deep_one() -> None:
    assert verdicts("volume" + " > 1 < volume" * 100, us_window(volume=[1, 2])) == [False, True]
    assert verdicts(" and ".join(["volume > 1"] * 130), us_window(volume=[1, 2])) == [False, True]


def test_the_deepest_nesting_of_windows_is_evaluated_in_reasonable_time() -> None:
    """Values of calls are remembered per row: without that this takes 3 to the 60th steps."""
    text = "mean(" * 60 + "volume" + ", 3)" * 60 + " >= 2 and " + "streak(" * 8 + "volume > 1" + ") > 1" * 8
    assert verdicts(text, us_window(volume=[2] * 130))[-1] is True


TOKENS = (
    *METRICS,
    *FUNCTIONS,
    *"()[]{},.+-*/<>=!%#'\"\\ \n\r\t\f0123456789",
    "and",
    "or",
    "not",
    "if",
    "in",
    "1e9",
    "香",
)


@settings(max_examples=600, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(TOKENS), max_size=30).map(" ".join),
        st.lists(st.sampled_from(TOKENS)).map("".join),
    )
)
@example("\ud83d")
@example("if")
@example("'''")
@example("f'{'")
def test_any_text_is_either_read_or_refused_within_its_bounds(text: str) -> None:
    parsed, flaws = parse(text)
    assert (parsed is None) == any(not flaw.warning for flaw in flaws)
    for flaw in flaws:
        assert 0 <= flaw.start <= flaw.end <= len(text)
        assert flaw.start < flaw.end or not text
        assert flaw.message
        assert flaw.suggestion
        assert len(flaw.message) < 200
