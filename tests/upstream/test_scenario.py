"""A scenario says what goes wrong, for whom and when; the server does it, and problems of the file are named."""

import asyncio
from datetime import date
from pathlib import Path
from time import perf_counter

import pytest

from tests.builders import RECORDED
from tests.upstream.answers import NOW
from tests.upstream.servers import serving
from watcher.core.answer import Answer, Answered, DataState, Refused
from watcher.core.market import Symbol, UsRow
from watcher.upstream.client import Client
from watcher.upstream.limit import Limit
from watcher.upstream.pacing import Pacing, Rate
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.refusal import RetCode
from watcher.upstream.scenario import Broken, Scenario, read
from watcher.upstream.server import Archive, create_app

XRT, TENCENT = Symbol("US.XRT"), Symbol("HK.00700")
AS_OF = date(2021, 2, 12)

EVERYTHING = """
[[fault]]
symbols  = ["US.XRT", "HK.*"]
sessions = [2021-02-12, "2021-02-16"]
first    = 2
delay    = "20ms"
status   = 503
headers  = { Retry-After = "7" }
drip     = 0.001
ret_code = -11
message  = "retry after 7s"

[[fault]]
broken = "cut"

[[revision]]
symbols    = ["US.XRT"]
trade_date = 2021-02-11
session    = 2021-02-12
values     = { volume = 50_000_000, short_percent = 1.5 }

[[late]]
symbols     = ["US.XRT"]
trade_dates = [2021-02-12]
requests    = 2

[[late]]
symbols  = ["HK.*"]
sessions = 1
"""


def scenario(text: str, tmp_path: Path) -> Scenario:
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    return read(path)


def test_everything_there_is_can_be_said(tmp_path: Path) -> None:
    read_as = scenario(EVERYTHING, tmp_path)
    assert read_as.fault[0].sessions == (date(2021, 2, 12), date(2021, 2, 16))
    assert (read_as.fault[0].delay, read_as.fault[0].drip) == (0.02, 0.001)
    assert read_as.fault[1].broken is Broken.CUT
    assert read_as.revision[0].values == {"volume": 50_000_000, "short_percent": 1.5}
    assert (read_as.late[0].requests, read_as.late[1].sessions) == (2, 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("[[fault]", "it is no TOML: ", id="no TOML"),
        pytest.param("x = " + "[" * 5000, "it is no TOML: ", id="nested"),
        pytest.param("[[faults]]\ndelay = 1", "faults: there is no such key (did you mean 'fault'?)", id="a table"),
        pytest.param("[[fault]]\nx = 1", "fault[0].x: there is no such key; there are: symbols", id="any key"),
        pytest.param("[[fault]]\nstatsu = 503", "statsu: there is no such key (did you mean 'status'?)", id="key"),
        pytest.param("[[fault]]\ndelay = 'soon'", "fault[0].delay: a duration is written 500ms, 3s or 2m", id="delay"),
        pytest.param("[[fault]]\ndelay = -1", "fault[0].delay: Input should be greater", id="a negative delay"),
        pytest.param("[[fault]]\ndelay = '70m'", "fault[0].delay: Input should be less", id="a delay without end"),
        pytest.param("[[fault]]\nstatus = 99", "fault[0].status: Input should be greater", id="no HTTP status"),
        pytest.param("[[fault]]\nstatus = '503'", "fault[0].status: Input should be a valid integer", id="a string"),
        pytest.param("[[fault]]\nbroken = 'x'", "fault[0].broken: Input should be 'empty', 'html'", id="unknown"),
        pytest.param("[[fault]]\nsymbols = []\ndelay = 1", "fault[0].symbols: ", id="no symbols"),
        pytest.param("[[fault]]\nsymbols = ['XRT']\ndelay = 1", "symbols[0]: 'XRT' is not a symbol", id="no symbol"),
        pytest.param("[[fault]]\nsymbols = ['SG.*']\ndelay = 1", "symbols[0]: 'SG.*' is of another", id="a market"),
        pytest.param("[[fault]]", "fault[0]: nothing is wrong: say delay, status", id="nothing wrong"),
        pytest.param("[[fault]]\nbody = ''\nret_code = 1", "fault[0]: an answer has one body: take one of", id="two"),
        pytest.param("[[fault]]\nsessions = ['x']\ndelay = 1", "fault[0].sessions[0]: ", id="no date"),
        pytest.param("[[revision]]\nsession = 2021-02-12", "revision[0].trade_date: it is missing", id="no row"),
        pytest.param(
            "[[revision]]\nsession = 2021-02-12\ntrade_date = 2021-02-11\nvalues = { volumes = 1 }",
            "revision[0].values.volumes: 'volumes' is no field of a row (did you mean 'volume'?)",
            id="no field",
        ),
        pytest.param(
            "[[revision]]\nsession = 2021-02-12\ntrade_date = 2021-02-11\nvalues = { volume = nan }",
            "revision[0].values.volume: ",
            id="not a number",
        ),
        pytest.param("[[late]]", "late[0]: say by how many sessions", id="late by nothing"),
        pytest.param("[[late]]\nsessions = 1\nrequests = 1", "late[0]: say by how many sessions", id="late by both"),
    ],
)
def test_a_broken_scenario_is_named_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="scenario") as refusal:
        scenario(text, tmp_path)
    assert f"{tmp_path / 'scenario.toml'}: {problem}" in str(refusal.value) or f".{problem}" in str(refusal.value)


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scenario") as refusal:
        scenario("[[fault]]\n[[fault]]\nstatus = 99\nstatsu = 1\n[[late]]\n", tmp_path)
    assert len(str(refusal.value).splitlines()) == 4


def test_a_scenario_that_is_too_large_or_no_text_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="larger than 1 MiB"):
        scenario("#" * (2**20 + 1), tmp_path)
    (tmp_path / "latin").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="no TOML"):
        read(tmp_path / "latin")


class Served:
    """Answers of a server with a scenario, one after the other."""

    def __init__(self, text: str, tmp_path: Path, archive: Archive | None = None, limit: Limit | None = None) -> None:
        self.archive = archive or RecordedArchive(RECORDED, AS_OF)
        self.heard: list[RetCode] = []
        self.app = create_app(self.archive, lambda _, code: self.heard.append(code), scenario(text, tmp_path), limit)

    def ask(self, *symbols: Symbol, timeout: float = 5.0, count: int = 30) -> list[Answer]:
        async def one_by_one(url: str) -> list[Answer]:
            pacing = Pacing(Rate(1000, 0.001), perf_counter)
            async with Client(url, pacing=pacing, now=lambda: NOW, timeout=timeout) as client:
                return [await client.ask(symbol, count) for symbol in symbols]

        with serving(self.app) as url:
            return asyncio.run(one_by_one(url))


def refused(answer: Answer) -> Refused:
    assert isinstance(answer, Refused), answer
    return answer


def answered(answer: Answer) -> Answered:
    assert isinstance(answer, Answered), answer
    return answer


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        pytest.param("status = 503", "trouble of its own (HTTP 503 Service Unavailable)", id="a status"),
        pytest.param("status = 302\nheaders = { Location = 'http://x.invalid/' }", "redirects to http", id="elsewhere"),
        pytest.param("status = 429\nheaders = { Retry-After = '7' }", "ask too often (HTTP 429", id="a header"),
        pytest.param("ret_code = -9", "wrong or expired (ret_code -9, permission_denied)", id="a ret_code"),
        pytest.param("ret_code = -99\nmessage = 'odd'", 'ret_code -99, unknown, "odd"', id="one nobody knows"),
        pytest.param("ret_code = -10\nstatus = 404", "no short selling data for it (HTTP 404", id="one under 404"),
        pytest.param("body = 'hello'", 'it begins "hello"', id="any text"),
        pytest.param("broken = 'empty'", "it is empty", id="an empty body"),
        pytest.param("broken = 'html'", 'it begins "<html>', id="HTML"),
        pytest.param("broken = 'cut'", "the answer is no JSON object", id="a body cut in half"),
        pytest.param("broken = 'nan'", "close_price is not what it should be: nan", id="NaN"),
        pytest.param("broken = 'nested'", "the answer is no JSON object", id="nested"),
        pytest.param("broken = 'large'", "larger than 1 MiB", id="ten megabytes"),
        pytest.param("broken = 'gzip'", 'encoded as "gzip"', id="a bomb"),
        pytest.param("broken = 'hang_up'", "the answer was cut short", id="a connection cut"),
        pytest.param("delay = '1m'", "no complete answer within 2 s", id="a delay"),
        pytest.param("drip = '100ms'", "no complete answer within 2 s", id="a byte at a time"),
    ],
)
def test_a_fault_is_what_the_client_makes_of_it(tmp_path: Path, fault: str, cause: str) -> None:
    (answer,) = Served(f"[[fault]]\n{fault}", tmp_path).ask(XRT, timeout=2)
    assert cause in refused(answer).reason


def test_a_slow_answer_is_one_all_the_same(tmp_path: Path) -> None:
    (answer,) = Served("[[fault]]\ndelay = '50ms'\ndrip = '1ms'", tmp_path).ask(XRT, count=1)
    assert len(answered(answer).rows) == 1


def test_a_fault_is_for_its_symbols_and_sessions_and_so_many_requests(tmp_path: Path) -> None:
    text = (
        "[[fault]]\nsymbols = ['US.*']\nsessions = [2021-02-16]\nfirst = 2\nstatus = 500\n"
        "[[fault]]\nsymbols = ['HK.00700']\nret_code = -8"
    )
    served = Served(text, tmp_path)
    before = served.ask(XRT, TENCENT)
    served.archive.advance()
    after = served.ask(XRT, XRT, XRT, TENCENT)
    assert [isinstance(answer, Answered) for answer in (*before, *after)] == [True, False, False, False, True, False]
    assert refused(before[1]).state is DataState.UNSUPPORTED
    assert served.heard[1] is RetCode.UNSUPPORTED


def test_a_revision_comes_with_its_session(tmp_path: Path) -> None:
    values = "{ daily_trade_avg_ratio = 50.5, turnover = 1 }"
    served = Served(f"[[revision]]\ntrade_date = 2021-02-11\nsession = 2021-02-16\nvalues = {values}", tmp_path)
    answers = served.ask(XRT)
    served.archive.advance()
    answers += served.ask(XRT)
    was, now = ([row for row in answered(answer).rows if row.trade_date.day == 11][-1] for answer in answers)
    assert isinstance(was, UsRow)
    assert was.daily_trade_avg_ratio != 50.5
    assert now == was._replace(daily_trade_avg_ratio=50.5), "a field of the other market is none of its own"


def test_an_implausible_revision_is_quarantined(tmp_path: Path) -> None:
    text = "[[revision]]\ntrade_date = 2021-02-11\nsession = 2021-02-12\nvalues = { volume = -1 }"
    (answer,) = Served(text, tmp_path).ask(XRT)
    assert [each.reason for each in answered(answer).quarantined] == ["volume is -1"]


def test_a_row_is_late_by_sessions(tmp_path: Path) -> None:
    served = Served("[[late]]\nsymbols = ['US.XRT']\nsessions = 1", tmp_path)
    newest = []
    for _ in range(3):
        (answer,) = served.ask(XRT, count=5)
        assert len(answered(answer).rows) == 5
        newest.append(answered(answer).rows[-1].trade_date)
        served.archive.advance()
    assert newest == [date(2021, 2, 11), date(2021, 2, 12), date(2021, 2, 16)]


def test_a_row_is_late_by_requests(tmp_path: Path) -> None:
    served = Served("[[late]]\ntrade_dates = [2021-02-12]\nrequests = 2", tmp_path)
    newest = [answered(answer).rows[-1].trade_date.day for answer in served.ask(XRT, XRT, XRT, XRT)]
    served.archive.advance()
    newest += [answered(answer).rows[-1].trade_date.day for answer in served.ask(XRT)]
    assert newest == [11, 11, 12, 12, 16]


def test_a_symbol_all_of_whose_rows_are_late_has_no_data(tmp_path: Path) -> None:
    archive = RecordedArchive(RECORDED, date(2021, 1, 4))
    (answer,) = Served("[[late]]\nsessions = 1", tmp_path, archive).ask(XRT)
    assert refused(answer).state is DataState.NO_DATA


def test_who_asks_too_often_is_told_to_wait_as_the_vendor_says_it(tmp_path: Path) -> None:
    passed = [0.0]
    limit = Limit(Rate(2, 30), lambda: passed[0])
    served = Served("", tmp_path, limit=limit)
    answers = served.ask(XRT, XRT)
    passed[0] = 4.5
    (third,) = served.ask(XRT)
    passed[0] = 30.0
    answers += served.ask(XRT)
    assert all(isinstance(answer, Answered) for answer in answers)
    assert refused(third).reason.endswith('(ret_code -11, rate_limited, "rate limited, retry after 26s")')
    assert refused(third).retry_after == 26.0
    assert served.heard == [RetCode.SUCCESS, RetCode.SUCCESS, RetCode.RATE_LIMITED, RetCode.SUCCESS]


def test_a_client_at_the_same_rate_is_never_refused_and_a_faster_one_comes_through_all_the_same(tmp_path: Path) -> None:
    rate = Rate(10, 0.3)

    async def ask(url: str, own: Rate) -> list[Answer]:
        pacing = Pacing(own, perf_counter)
        async with Client(url, pacing=pacing, now=lambda: NOW) as client:
            return await asyncio.gather(*(client.ask(XRT, 1) for _ in range(35)))

    served = Served("", tmp_path, limit=Limit(rate, perf_counter))
    with serving(served.app) as url:
        assert all(isinstance(answer, Answered) for answer in asyncio.run(ask(url, rate)))
        assert RetCode.RATE_LIMITED not in served.heard
        answers = asyncio.run(ask(url, Rate(1000, 0.1)))
    limited = [refused(answer) for answer in answers if isinstance(answer, Refused)]
    assert limited
    assert {answer.retry_after for answer in limited} == {1.0}
