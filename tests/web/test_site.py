"""The pages on a real socket: what they show of a store, and what they say where something is wrong."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from tests.builders import hk_row, sessions, us_row
from tests.canary import CANARY
from tests.conftest import NOW
from tests.web.sites import PAGES, Visited, visited
from watcher.core.answer import Answered, DataState, Refused
from watcher.core.health import Check, Reason
from watcher.core.market import HkRow, Position, Row, Symbol
from watcher.core.outbox import Status
from watcher.core.quarantine import Quarantined
from watcher.core.silence import Ack
from watcher.jobs.deliver import deliver
from watcher.jobs.notices import announce_trouble
from watcher.reloading import TOPIC
from watcher.settings import ScheduleSettings
from watcher.store.noted import Noted, note

RULES = """
[lists]
us = ["US.XRT", "US.AAPL"]

[[rule]]
name = "heavy"
symbols = ["us", "US.TSLA"]
when = "short_percent > 50"
until = "short_percent < 40"
for = 2

# what comes next is another rule
[[rule]]
name = "unusual"
symbols = ["US.XRT"]
when = "short_ratio > 1.5 * mean(short_ratio, 3) and volume > 100"
severity = "critical"

[[rule]]
name = "crowd"
symbols = ["HK.00700"]
when = "aggregated_short_ratio >= 2"
severity = "info"

[[rule]]
name = "resting"
symbols = ["US.GME"]
when = "short_percent > 50"
enabled = false
"""
XRT, AAPL, TSLA, TENCENT = Symbol("US.XRT"), Symbol("US.AAPL"), Symbol("US.TSLA"), Symbol("HK.00700")
DATES = sessions(40)
MISSING = "missing since 2026-02-20 14:30 UTC: the row of 2026-02-19 is not here, and the next session has opened"


def us_rows(percents: Sequence[float | None], dates: Sequence[date] = DATES) -> tuple[Row, ...]:
    """Return rows with these short percents, a volume of a thousand and a price of ten."""
    return tuple(
        us_row(when, short_percent=percent, total_shares_short=(percent or 0) * 10, volume=1000, close_price=10.0)
        for when, percent in zip(dates, percents, strict=False)
    )


def hk_rows(count: int) -> tuple[HkRow, ...]:
    dates = DATES[:count]
    return tuple(hk_row(when, close_price=500.0, short_sell_shares_traded=10, shares_traded=100) for when in dates)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    """Two markets: alerts fire, one is pending, a symbol has no data, a row is refused, one was revised."""
    with visited(tmp_path_factory.mktemp("site"), RULES) as site:
        firing = [45.0] * 30 + [55.0, 56.0]
        site.answered([Answered(XRT, us_rows(firing)), Answered(AAPL, us_rows([45.0] * 32))])
        site.clock.pass_by(timedelta(hours=1))
        odd = Quarantined(us_row(DATES[31], short_percent=-1.0), "short_percent is negative")
        site.answered(
            [
                Answered(XRT, (*us_rows([45.0, 55.0, 56.5, 57.5], DATES[29:]),)),
                Answered(AAPL, us_rows([51.0], DATES[32:]), quarantined=(odd,)),
                Refused(TSLA, DataState.NO_DATA, "US.TSLA: upstream has no short selling data for it"),
                Answered(TENCENT, hk_rows(33), Position(DATES[20], DATES[30], 5_000_000, 2.5)),
            ]
        )
        site.parts.store.note_cycle(NOW, NOW, 4, 1, 2)
        yield site


def plain(markup: str) -> str:
    """Return what is to be read, one blank between words; what pictures say for those who do not see them left out."""
    without = re.sub(r"<title>.*?</title>", " ", markup, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", without).replace("&gt;", ">").replace("&lt;", "<").split())


def alerts(page: str) -> list[str]:
    """Return the rows of the first table."""
    return [plain(row) for row in page.partition("<tbody")[2].partition("</tbody>")[0].split("</tr>")[:-1]]


def test_the_overview_has_the_worst_first_with_value_trade_date_limit_and_distance(seen: Visited) -> None:
    found = [row.removeprefix('role="rowgroup"> ') for row in alerts(seen.text("/"))]
    assert found[0] == (
        "firing since 2026-02-17 US.XRT heavy warning short_percent ends when short_percent < 40 "
        f"{MISSING} 57.50 % 2026-02-18 > 50 7.50 points over"
    )
    assert [row.split(" short_percent")[0].split(" aggregated")[0].split(" short_ratio")[0] for row in found[1:]] == [
        "firing since 2026-02-02 HK.00700 crowd info",
        "pending 1 of 2 sessions since 2026-02-18 US.AAPL heavy warning",
        "quiet US.XRT unusual critical",
        "quiet US.TSLA heavy warning",
        "quiet US.GME no rule in force never asked for no row",
    ]
    assert "and volume > 100: not true" in found[3]
    assert "no_data since 2026-03-02 10:00 UTC: upstream has no short selling data for it no row" in found[4]


def test_every_phase_is_a_word_and_a_shape(seen: Visited) -> None:
    page = seen.text("/")
    for phase in ("firing", "pending", "quiet"):
        assert f'<use href="#{phase}"/></svg> <b>{phase}</b>' in page
    assert page.count('class="spark" role="img"') == 4


def test_the_header_says_how_the_watcher_stands_in_market_time_and_utc(seen: Visited) -> None:
    page = plain(seen.text("/"))
    assert "Upstream answers" in page
    assert "Last cycle 2026-03-02 09:00 UTC Mon 17:00 HKT Mon 04:00 EST" in page
    assert "4 symbols, 1 without an answer, 2 left for later" in page
    assert "Next cycle 2026-03-02 23:00 UTC Tue 07:00 HKT Mon 18:00 EST" in page
    assert "HK 2026-02-18 next from 2026-03-03 16:30 HKT US 2026-02-18 next from 2026-03-02 18:00 EST" in page
    assert "Outbox 2 pending" in page
    assert "Rules valid, in force since 2026-03-02 09:00 UTC" in page
    assert "4 rules on 5 symbols" in page


@pytest.mark.parametrize(
    ("query", "symbols"),
    [
        pytest.param("phase=firing", ["US.XRT", "HK.00700"], id="by phase"),
        pytest.param("market=HK", ["HK.00700"], id="by market"),
        pytest.param("severity=critical", ["US.XRT"], id="by severity"),
        pytest.param("rule=heavy", ["US.XRT", "US.AAPL", "US.TSLA"], id="by rule"),
        pytest.param("text=tsl", ["US.TSLA"], id="by a part of the symbol"),
        pytest.param("text=CROW", ["HK.00700"], id="by a part of the rule"),
        pytest.param("phase=quiet&market=US&rule=heavy", ["US.TSLA"], id="by all of them"),
        pytest.param("data=troubled&severity=warning", ["US.XRT", "US.AAPL", "US.TSLA"], id="by its data"),
        pytest.param("phase=recovering", [], id="to nothing"),
        pytest.param("page=9", ["US.XRT", "HK.00700", "US.AAPL", "US.XRT", "US.TSLA", "US.GME"], id="beyond the end"),
    ],
)
def test_the_overview_is_filtered_by_its_address(seen: Visited, query: str, symbols: list[str]) -> None:
    page = seen.text(f"/?{query}")
    assert re.findall(r"(?:US|HK)\.\w+(?=</a>)", page) == symbols
    assert ("No alert is like that." in page) is (not symbols)


def test_a_symbol_has_its_curves_and_the_same_as_a_table(seen: Visited) -> None:
    page = seen.text("/symbols/US.XRT")
    read = plain(page)
    assert page.count('class="chart ') == 2
    assert '<rect class="episode"' in page
    assert "33 sessions by heavy short_percent > 50 for 2 sessions; until short_percent < 40" in read
    assert "Trade date short_percent, % close_price short_shares traded_shares Alert" in read
    assert "2026-02-18 57.50 10.00 575 1,000 firing" in read
    assert "2026-02-17 revised 56.50 10.00 565 1,000 firing" in read
    assert "2026-02-16 55.00 10.00 550 1,000 pending" in read
    assert "2026-02-17 2026-03-02 10:00 UTC short_percent 56 56.5" in read
    assert "opened 2026-02-17 · short_percent 56.00 % > 50 console: pending, next at" in read
    assert f"Data: {MISSING} · judged up to 2026-02-18" in read


def test_a_symbol_is_drawn_by_the_rule_that_is_asked_for(seen: Visited) -> None:
    read = plain(seen.text("/symbols/US.XRT?rule=unusual"))
    assert "33 sessions by unusual" in read
    assert "Trade date short_ratio, % 1.5 * mean(short_ratio, 3), % close_price" in read


def test_a_rule_about_positions_is_drawn_over_as_of_dates(seen: Visited) -> None:
    page = seen.text("/symbols/HK.00700")
    assert "As of aggregated_short_ratio, % Alert 2026-02-02 2.50 firing" in plain(page)
    assert page.count('class="chart ') == 1


def test_a_symbol_that_no_rule_in_force_names_is_shown_by_its_ratio(seen: Visited) -> None:
    page = plain(seen.text("/symbols/US.GME"))
    assert "No rule watches it now." in page
    assert "No row is stored yet." in page
    read = plain(seen.text("/symbols/US.XRT?rule=nobody"))
    assert "33 sessions Trade" not in read
    assert "Trade date short_ratio, % close_price short_shares traded_shares 2026-02-18 57.50" in read


def test_quarantined_rows_are_shown_with_their_reason(seen: Visited) -> None:
    read = plain(seen.text("/symbols/US.AAPL"))
    assert "2026-02-17 row [" in read
    assert "2026-03-02 10:00 UTC short_percent is negative held" in read


def test_rules_are_shown_as_written_with_what_they_say_now(seen: Visited) -> None:
    read = plain(seen.text("/rules"))
    assert "rules.toml:5 · warning · 3 symbols · tells console" in read
    assert "1 firing 1 pending 1 quiet US.XRT firing since 2026-02-17 US.AAPL pending since 2026-02-18" in read
    assert "what comes next is another rule" not in read
    assert "rests · 1 symbol" in read
    assert "unusual" not in plain(seen.text("/rules?text=heav"))
    assert "No rule has such a name." in plain(seen.text("/rules?text=nothing"))


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        pytest.param("", ["crowd", "heavy"], id="all of them"),
        pytest.param("symbol=us.xrt", ["heavy"], id="by symbol, however it is written"),
        pytest.param("rule=crowd", ["crowd"], id="by rule"),
        pytest.param("told=pending", ["crowd", "heavy"], id="by what became of a notification"),
        pytest.param("told=sent", [], id="of which none is like that"),
        pytest.param("from=2026-03-02&to=2026-03-02", ["crowd", "heavy"], id="by day"),
        pytest.param("to=2026-03-01", [], id="before"),
        pytest.param("from=2026-03-03", [], id="after"),
        pytest.param("page=2", ["crowd", "heavy"], id="beyond the end, the last page"),
    ],
)
def test_episodes_are_filtered_by_their_address(seen: Visited, query: str, rules: list[str]) -> None:
    page = seen.text(f"/episodes?{query}")
    assert re.findall(r"rule=(\w+)\">", page) == rules


@pytest.mark.parametrize(
    ("path", "status", "why"),
    [
        pytest.param("/nothing", 404, "there is no such page", id="no such page"),
        pytest.param("/symbols/US.ZZZ", 404, "nothing is known of US.ZZZ", id="a symbol that nobody names"),
        pytest.param("/symbols/xx", 400, "is not a symbol", id="no symbol"),
        pytest.param("/symbols/%3Cscript%3E", 400, "is not a symbol", id="markup for a symbol"),
        pytest.param("/?phase=loud", 400, "phase is one of", id="a phase that there is not"),
        pytest.param("/?refresh=1", 400, "refresh is a number", id="too often"),
        pytest.param("/?refresh=0000000309999", 400, "refresh is a number", id="seldom, behind noughts"),
        pytest.param("/episodes?from=x", 400, "from is a date", id="no date"),
        pytest.param("/rules?page=x", 400, "page is a whole number", id="no page"),
        pytest.param("/static/../site.py", 404, "there is no such page", id="a file that is nobody's business"),
    ],
)
def test_what_is_not_there_or_not_well_asked_for_is_said(seen: Visited, path: str, status: int, why: str) -> None:
    answer = seen.get(path, accept="text/html")
    assert (answer.status_code, "text/html" in answer.headers["content-type"]) == (status, True)
    assert why in plain(answer.text)
    assert "<script>" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_last_day_there_is_can_be_asked_for(seen: Visited) -> None:
    assert seen.text("/episodes?to=9999-12-31").count("<h2") == seen.text("/episodes").count("<h2")


def test_nothing_can_be_changed(seen: Visited) -> None:
    for path in PAGES:
        for method in ("POST", "PUT", "DELETE"):
            assert httpx.request(method, seen.url + path).status_code == 405


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_whole_and_guarded(seen: Visited, path: str) -> None:
    answer = seen.get(path)
    headers = answer.headers
    assert len(answer.content) < 40_000
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert not re.findall(r"<script|<style|style=|\son\w+=|https?://|javascript:", answer.text)
    assert CANARY not in answer.text + str(headers)
    assert httpx.head(seen.url + path).status_code == 200


def test_styles_are_kept_by_their_hash(seen: Visited) -> None:
    (address,) = re.findall(r'href="(/static/page\.css\?\w+)"', seen.text("/"))
    sheet = seen.get(address)
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in sheet.headers["cache-control"]
    assert "url(" not in sheet.text
    assert "@import" not in sheet.text
    assert seen.get("/static/icon.svg").headers["content-type"] == "image/svg+xml"


def test_the_overview_can_read_itself_again(seen: Visited) -> None:
    assert "refresh" not in seen.get("/").headers
    assert seen.get("/?refresh=60&phase=firing").headers["refresh"] == "60"
    assert "/?phase=firing&amp;refresh=60" in seen.text("/?phase=firing")


def test_links_repeat_only_what_a_page_reads(seen: Visited) -> None:
    answer = seen.get("/?severity=warning&utm_source=" + "x" * 30_000 + "&told=" + "y" * 30_000)
    assert len(answer.content) < 40_000
    assert "utm_source" not in answer.text
    assert "/?severity=warning&amp;refresh=60" in answer.text


def test_a_foreign_host_is_refused_whatever_it_asks(seen: Visited) -> None:
    for path in (*PAGES, "/static/page.css"):
        answer = seen.get(path, host="evil.example")
        assert (answer.status_code, answer.headers["x-frame-options"]) == (421, "DENY")


def test_outcomes_are_told_channel_by_channel(tmp_path: Path) -> None:
    with visited(tmp_path, RULES) as site:
        parts = site.parts
        site.answered([Answered(XRT, us_rows([45.0] * 30 + [55.0, 56.0]))])
        site.within(lambda: _held(site))
        site.wait_for(deliver(parts.store, parts.channels, parts.current_book, parts.writer, parts.clock, lambda: 0.0))
        assert "console: held (ack)" in plain(site.text("/episodes?told=held"))
        site.within(lambda: _settled(site, Status.DEAD, "the receiver is gone"))
        read = plain(site.text("/episodes?told=dead"))
        assert "console: dead (the receiver is gone)" in read
        assert '<use href="#bad"/></svg> console: dead' in site.text("/episodes")
        assert "1 dead" in plain(site.text("/"))


def _held(site: Visited) -> None:
    """Have a person know of the episode already."""
    with site.parts.store.write() as tx:
        tx.silences.acknowledge(Ack(XRT, "heavy", DATES[31], NOW))


def _settled(site: Visited, status: Status, reason: str) -> None:
    with site.parts.store.write() as tx:
        tx.outbox.put(
            replace(entry, delivery=replace(entry.delivery, status=status, reason=reason, held=None, due=None))
            for entry in tx.outbox.entries()
        )


def test_an_edit_with_errors_is_shown_with_its_position_while_the_last_good_rules_go_on(tmp_path: Path) -> None:
    with visited(tmp_path, RULES) as site:
        file = tmp_path / "rules.toml"
        file.write_text(RULES.replace("short_percent > 50", "short_persent > 50", 1))
        page = plain(site.text("/"))
        assert "not valid, the last good ones are in force" in page
        assert "in force rules.toml rules.toml:8:9: error: unknown metric 'short_persent'" in page.replace("&#39;", "'")
        rules = site.text("/rules")
        assert '<pre class="error"' in rules
        assert "the last good copy, rules.toml:5" in plain(rules)
        file.write_text(RULES + "\n# an edit\n")
        assert "valid, not in force yet" in plain(site.text("/"))
        site.within(lambda: _refused(site))
        assert "channel desk has no URL" in plain(site.text("/rules"))


def _refused(site: Visited) -> None:
    with site.parts.store.write() as tx:
        announce_trouble(tx, site.parts.book, TOPIC, "the rules are as they were: channel desk has no URL", NOW)


def test_upstream_that_is_down_and_what_the_daemon_says_of_itself_are_on_top(tmp_path: Path) -> None:
    with visited(tmp_path, RULES, every=ScheduleSettings(every=timedelta(minutes=5))) as site:
        assert "Upstream not asked yet Last cycle none yet Next cycle not known" in plain(site.text("/"))
        site.answered([Refused(symbol, DataState.ERROR, f"{symbol}: refused") for symbol in (XRT, AAPL, TSLA, TENCENT)])
        site.parts.store.note_cycle(NOW, NOW, 4, 4)
        page = plain(site.text("/"))
        assert "failing since 2026-03-02 09:00 UTC" in page
        assert "Next cycle 2026-03-02 09:05 UTC" in page
        state = site.parts.settings.state_directory
        note(state, Noted(NOW, following=NOW + timedelta(minutes=1), reasons=[Reason(Check.STORE, "it is <locked>")]))
        page = plain(site.text("/"))
        assert "it is &lt;locked&gt;" in site.text("/")
        assert "Next cycle 2026-03-02 09:01 UTC" in page
        site.within(lambda: _refused(site))
        assert "the watcher itself" in plain(site.text("/episodes?symbol=watcher"))


@pytest.mark.parametrize("noted", ["{}", '{"ended": "x", "symbols": 1, "troubled": 1}', "[]", "x"])
def test_a_note_of_the_last_cycle_that_cannot_be_read_is_none(tmp_path: Path, noted: str) -> None:
    with visited(tmp_path, RULES) as site:
        (site.parts.settings.state_directory / "cycle.json").write_text(noted)
        assert "Last cycle none yet" in plain(site.text("/"))


def test_a_store_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with visited(tmp_path, RULES) as site:
        file = site.parts.settings.state_directory / "watcher.db"
        kept = file.read_bytes()
        file.unlink()
        file.write_bytes(kept)
        answer = site.get("/")
        assert answer.status_code == 503
        assert "the state cannot be read now" in plain(answer.text)


def test_a_fault_of_our_own_is_logged_and_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with visited(tmp_path, RULES) as site, caplog.at_level(logging.ERROR):
        site.parts.book = None  # type: ignore[assignment]  # a fault
        answer = site.get("/")
        assert (answer.status_code, answer.headers["x-frame-options"]) == (500, "DENY")
        assert "its log says what" in plain(answer.text)
        assert "Traceback" not in answer.text
        assert "page failed" in caplog.text
