"""What a rules file that is right is made into."""

from datetime import time

import pytest

from watcher.core.book import ChannelPolicy, QuietHours, RuleBook
from watcher.core.rule import Severity
from watcher.rulebook import load, missing_urls, read
from watcher.rulebook.problem import printed

PRODUCT = """\
#:schema ./rules.schema.json

[lists]                                  # named sets of symbols
hk-tech = ["HK.00700", "HK.09988", "HK.03690"]
us-mega = ["US.AAPL", "US.NVDA", "US.TSLA"]

[defaults]                               # what every rule has unless it says otherwise
notify   = ["console"]
severity = "warning"                     # info | warning | critical

[operator]                               # who hears about the watcher's own troubles, never about the market
notify = ["console"]

[channels.desk]                          # every channel but console is declared; its secret URL is NOT here: see 4
min_severity = "warning"
quiet        = "22:00-07:00 Asia/Hong_Kong"   # held, then one digest; critical passes
fallback     = "mail"                    # hears what `desk` could not be told

[channels.mail]

[[rule]]
name    = "hk-crowded"                   # unique; with the symbol it is the identity of an alert
symbols = ["hk-tech", "HK.02800"]        # lists and symbols; "HK.*", "US.*", "*" = every symbol the file names
when    = "daily_trade_avg_ratio > 15"   # fires when this becomes true
until   = "daily_trade_avg_ratio < 13"   # and ends when this does (default: not `when`): hysteresis
for     = 2                              # sessions in a row `when` must hold (default 1)
until_for = 1                            # sessions in a row `until` must hold (default 1)
notify  = ["desk", "mail"]
remind  = 5                              # tell again after so many sessions of firing (0 = never, the default)
resolved = true                          # tell when it ends (the default)
message = "{symbol}: average ratio {daily_trade_avg_ratio:.1f} %"   # optional

[[rule]]
name    = "squeeze"
symbols = ["us-mega"]
when    = "short_ratio > 1.5 * mean(short_ratio, 20) and price_change > 3 and traded_shares > 1_000_000"
severity = "critical"
"""


def book_of(text: str) -> RuleBook:
    """Read a file without any problem."""
    loaded = read({"rules.toml": text.encode()})
    assert loaded.problems == ()
    assert loaded.book is not None
    return loaded.book


def rule(name: str, symbols: str, more: str = "", when: str = "short_ratio > 15") -> str:
    return f'[[rule]]\nname = "{name}"\nsymbols = {symbols}\nwhen = "{when}"\n{more}\n'


def test_the_example_of_the_contract_is_read_as_it_is_meant():
    book = book_of(PRODUCT)
    crowded, squeeze = book.rules
    assert crowded.name == "hk-crowded"
    assert crowded.symbols == ("HK.00700", "HK.09988", "HK.03690", "HK.02800")
    assert crowded.when.text == "daily_trade_avg_ratio > 15"
    assert crowded.until
    assert crowded.until.text == "daily_trade_avg_ratio < 13"
    assert (crowded.for_, crowded.until_for, crowded.remind, crowded.resolved) == (2, 1, 5, True)
    assert crowded.notify == ("desk", "mail")
    assert crowded.message == "{symbol}: average ratio {daily_trade_avg_ratio:.1f} %"
    assert squeeze.symbols == ("US.AAPL", "US.NVDA", "US.TSLA")
    assert (squeeze.until, squeeze.for_, squeeze.remind, squeeze.message) == (None, 1, 0, None)
    assert (squeeze.severity, squeeze.notify, squeeze.enabled) == (Severity.CRITICAL, ("console",), True)
    assert book.operator == ("console",)
    assert book.channels == {
        "console": ChannelPolicy("console"),
        "desk": ChannelPolicy(
            "desk", Severity.WARNING, QuietHours(time(22), time(7), "Asia/Hong_Kong"), fallback="mail"
        ),
        "mail": ChannelPolicy("mail"),
    }
    assert len(book.digest) == 64


def test_symbols_come_in_order_of_mention_each_once():
    book = book_of('[lists]\nhk = ["HK.00005", "HK.00700"]\n' + rule("a", '["HK.00700", "hk", "US.AAPL", "HK.00005"]'))
    assert book.rules[0].symbols == ("HK.00700", "HK.00005", "US.AAPL")


@pytest.mark.parametrize(
    ("entry", "symbols"),
    [
        pytest.param("*", ("US.AAPL", "HK.00700", "HK.00005", "US.BRK.B"), id="all"),
        pytest.param("HK.*", ("HK.00700", "HK.00005"), id="those of Hong Kong"),
        pytest.param("US.*", ("US.AAPL", "US.BRK.B"), id="those of the US"),
    ],
)
def test_a_wildcard_is_every_symbol_the_files_name_in_lists_or_rules(entry: str, symbols: tuple[str, ...]):
    """In order of first mention, over all files; those of resting rules included."""
    files = {
        "a.toml": rule("first", '["US.AAPL"]', "enabled = false") + '[lists]\nhk = ["HK.00700", "HK.00005"]\n',
        "b.toml": rule("second", f'["{entry}"]') + rule("third", '["US.BRK.B", "hk"]', when="short_ratio > 25"),
    }
    loaded = read({name: text.encode() for name, text in files.items()})
    assert loaded.problems == ()
    assert loaded.book
    assert loaded.book.by_name["second"].symbols == symbols


def test_a_default_holds_for_the_rules_that_do_not_have_the_key():
    """Every optional key may be a default."""
    book = book_of(
        "[defaults]\nuntil = 'short_ratio < 10'\nfor = 2\nuntil_for = 3\nnotify = ['desk']\nseverity = 'critical'\n"
        "remind = 4\nresolved = false\nmessage = '{rule}'\nenabled = false\n[channels.desk]\n"
        + rule("a", '["HK.00700"]')
        + rule(
            "b",
            '["HK.00700"]',
            'until = "short_ratio < 20"\nfor = 1\nuntil_for = 1\nnotify = ["console"]\nseverity = "info"\n'
            'remind = 0\nresolved = true\nmessage = "x"\nenabled = true',
            when="short_ratio > 25",
        )
    )
    first, second = book.rules
    assert first.until
    assert second.until
    assert [
        (it.for_, it.until_for, it.notify, it.severity.value, it.remind, it.resolved, it.message, it.enabled)
        for it in book.rules
    ] == [
        (2, 3, ("desk",), "critical", 4, False, "{rule}", False),
        (1, 1, ("console",), "info", 0, True, "x", True),
    ]
    assert (first.until.text, second.until.text) == ("short_ratio < 10", "short_ratio < 20")


def test_console_needs_no_declaration_and_may_have_a_policy():
    book = book_of(
        '[channels.console]\nmin_severity = "warning"\nquiet = "13:00-14:30 UTC"\n' + rule("a", '["HK.00700"]')
    )
    assert book.channels == {
        "console": ChannelPolicy("console", Severity.WARNING, QuietHours(time(13), time(14, 30), "UTC"))
    }


def test_warnings_leave_the_book_in_force():
    loaded = read({"rules.toml": ("[channels.idle]\n" + rule("a", '["HK.00700"]')).encode()})
    assert [problem.severity for problem in loaded.problems] == ["warning"]
    assert loaded.book


def test_a_channel_without_a_url_is_a_warning_at_its_header():
    loaded = read({"rules.toml": PRODUCT.encode()})
    assert "".join(map(printed, missing_urls(loaded, {"mail"}))) == (
        "rules.toml:14:1: warning: channel 'desk' has no URL "
        "(set WATCHER_CHANNELS__DESK, or add it to the credentials file `channels`)\n"
        "   14 | [channels.desk]                          "
        "# every channel but console is declared; its secret URL is NOT here: see 4\n"
        "      | ^^^^^^^^^^^^^^^\n"
    )
    assert missing_urls(loaded, {"mail", "desk"}) == ()


def test_the_variable_of_a_channel_has_no_dash():
    text = "[channels.Ops-Mail]\n" + rule("a", '["HK.00700"]', 'notify = ["Ops-Mail"]')
    loaded = read({"rules.toml": text.encode()})
    (problem,) = missing_urls(loaded, set())
    assert "set WATCHER_CHANNELS__OPS_MAIL, " in printed(problem)


def test_console_needs_no_url():
    loaded = read({"f": ("[channels.console]\nmin_severity = 'info'\n" + rule("a", '["HK.00700"]')).encode()})
    assert missing_urls(loaded, ()) == ()


def test_problems_come_in_order_of_file_and_position():
    files = {"b.toml": b"x = 1\ny = 2\n", "a.toml": b'z = 1\n[[rule]]\nname = "a b"\nfor = 0\n'}
    places = [(problem.file, problem.line, problem.column) for problem in read(files).problems]
    assert places == sorted(places)
    assert {file for file, _, _ in places} == {"a.toml", "b.toml"}


def test_many_problems_of_one_long_line_share_it():
    """Of a long line, each with a copy of its own would fill the memory."""
    text = "[lists]\nx = [" + '"HK.00700",' * 2000 + "]\n"
    problems = read({"f": text.encode()}).problems
    lines = {id(problem.source) for problem in problems if problem.source}
    assert len(problems) == 101
    assert len(lines) == 1


def test_a_name_of_any_length_is_quoted_in_part_and_compared_with_nothing():
    loaded = read({"f": rule("a", f'["{"x" * 100_000}"]').encode()})
    assert [(problem.message, problem.suggestion) for problem in loaded.problems] == [
        (f"unknown list '{'x' * 68}…", "declare it in [lists]")
    ]


def test_the_file_is_named_as_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.toml").write_text("x = 1\n")
    assert load(type(tmp_path)("rules.toml")).problems[0].file == "rules.toml"
