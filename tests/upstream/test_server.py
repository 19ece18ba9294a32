"""The endpoint as its page has it, asked over a real socket, and with our own client at the other end."""

import asyncio
import json
from collections.abc import Iterator
from datetime import date, timedelta
from time import perf_counter
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.upstream.answers import HK, NOW, PAGE, US
from tests.upstream.servers import get, serving
from watcher.core.answer import Answer, Answered, DataState, Refused
from watcher.core.market import HkRow, Position, Symbol, UsRow
from watcher.upstream.client import Client
from watcher.upstream.pacing import Pacing, Rate
from watcher.upstream.refusal import RetCode
from watcher.upstream.server import create_app

LAST = date(2026, 6, 5)


class Shelf:
    """An archive with the page's row for HK.00700, a hundred rows of US.AAPL, and something of everything else."""

    def __init__(self) -> None:
        self.as_of = LAST
        self.asked = 0
        page = HkRow(LAST, 31649780, 14465428854.749, 4660100, 2135963680, 461.6, 453.2, 459, 10.51)
        self.answers: dict[str, Answered | RetCode] = {
            "HK.00700": Answered(HK, (page,), Position(date(2026, 5, 29), LAST, 46242547, 0.5)),
            "HK.00005": Answered(Symbol("HK.00005"), ()),
            "US.BRK.B": Answered(Symbol("US.BRK.B"), (UsRow(LAST, volume=5),)),
            "HK.12345": RetCode.UNSUPPORTED,
            "US.NONE": RetCode.NO_DATA,
        }

    def answer(self, symbol: Symbol, count: int) -> Answered | RetCode:
        self.asked += 1
        if symbol == US:
            days = [self.as_of - timedelta(days=days) for days in range(100)]
            return Answered(US, tuple(UsRow(day, volume=day.toordinal()) for day in sorted(days)[-count:]))
        return self.answers.get(symbol, RetCode.INVALID_SYMBOL)

    def advance(self) -> date:
        self.as_of += timedelta(days=1)
        return self.as_of


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(create_app(Shelf())) as base:
        yield base


def path(symbol: str, query: str = "") -> str:
    return f"/v1/quote/{symbol}/short-selling/daily-short-volume{query}"


def test_the_pages_example_comes_out_field_by_field(url: str) -> None:
    status, body = get(url + path("HK.00700", "?count=2"))
    assert status == 200
    assert json.dumps(json.loads(body), indent=2) == PAGE


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        pytest.param("", 30, id="thirty if not said"),
        pytest.param("?", 30, id="an empty query"),
        pytest.param("?other=5", 30, id="parameters of others"),
        pytest.param("?count=1", 1, id="one"),
        pytest.param("?count=90", 90, id="the most there are"),
        pytest.param("?other=5&count=7", 7, id="behind another"),
        pytest.param("?count=%37", 7, id="escaped"),
        pytest.param("?count=007", 7, id="zeros before it"),
    ],
)
def test_count_says_how_many_rows_newest_first(url: str, query: str, rows: int) -> None:
    items = json.loads(get(url + path("US.AAPL", query))[1])["data"]["items"]
    dates = [item["timestamp_str"] for item in items]
    assert dates == [(LAST - timedelta(days=days)).isoformat() for days in range(rows)]


@pytest.mark.parametrize(
    "count", ["0", "91", "-1", "+5", "abc", "1.5", "1e1", "", " 5", "5&count=5", "٣", "9" * 5000, "0x1", "5%00"]
)
def test_any_other_count_is_an_invalid_parameter(url: str, count: str) -> None:
    quoted = count.encode().decode("latin-1").replace(" ", "%20")
    escaped = "".join(c if c.isascii() else f"%{ord(c):02X}" for c in quoted)
    status, body = get(url + path("US.AAPL", f"?count={escaped}"))
    answer = json.loads(body)
    assert status == 200
    assert (answer["ret_code"], answer["error"]["code"]) == (-3, "invalid_parameter")
    assert "data" not in answer


@pytest.mark.parametrize(
    ("symbol", "ret_code", "code"),
    [
        pytest.param("AAPL", -3, "invalid_parameter", id="no market"),
        pytest.param("US.", -3, "invalid_parameter", id="no code"),
        pytest.param(".AAPL", -3, "invalid_parameter", id="an empty market"),
        pytest.param("us.aapl", -3, "invalid_parameter", id="small letters"),
        pytest.param("HK.700", -3, "invalid_parameter", id="three digits"),
        pytest.param("HK.TENCENT", -3, "invalid_parameter", id="letters in Hong Kong"),
        pytest.param("US.ABCDEFGHIJKLMNOPQ", -3, "invalid_parameter", id="a code too long"),
        pytest.param("US.%E9%A6%99", -3, "invalid_parameter", id="another script"),
        pytest.param("US.AAPL%0A", -3, "invalid_parameter", id="a line break"),
        pytest.param("US.ZZZZ", -7, "invalid_symbol", id="a symbol nobody knows"),
        pytest.param("SH.600519", -8, "unsupported", id="another market"),
        pytest.param("SG.D05", -8, "unsupported", id="yet another market"),
        pytest.param("HK.12345", -8, "unsupported", id="another category"),
        pytest.param("US.NONE", -10, "no_data", id="not shortable"),
        pytest.param("HK.00005", -10, "no_data", id="nothing published yet"),
    ],
)
def test_every_error_code(url: str, symbol: str, ret_code: int, code: str) -> None:
    status, body = get(url + path(symbol))
    answer = json.loads(body)
    assert status == 200
    assert list(answer) == ["ret_code", "ret_msg", "error"]
    assert (answer["ret_code"], answer["error"]["code"]) == (ret_code, code)
    assert answer["error"]["message"]


def test_there_is_nothing_else(url: str) -> None:
    post = Request(url + path("US.AAPL"), method="POST")  # noqa: S310 - our own server
    for request, status in ((url + "/", 404), (url + "/v1/quote/US.AAPL", 404), (post, 405)):
        with pytest.raises(HTTPError) as refusal:
            urlopen(request, timeout=5)  # noqa: S310 - our own server
        assert refusal.value.code == status
        refusal.value.close()


def test_it_is_json_of_a_length(url: str) -> None:
    with urlopen(url + path("US.BRK.B"), timeout=5) as response:  # noqa: S310 - our own server
        assert response.headers["content-type"] == "application/json"
        assert int(response.headers["content-length"]) == len(response.read())


def test_a_body_is_kept_until_the_next_session() -> None:
    shelf = Shelf()
    with serving(create_app(shelf)) as url:
        bodies = [get(url + path("US.AAPL"))[1] for _ in range(3)]
        assert shelf.asked == 1
        shelf.advance()
        newest = json.loads(get(url + path("US.AAPL"))[1])["data"]["items"][0]
    assert bodies[0] == bodies[2]
    assert newest["timestamp_str"] == shelf.as_of.isoformat()
    assert shelf.asked == 2


def test_every_answer_is_told_of() -> None:
    heard: list[tuple[str, RetCode]] = []
    with serving(create_app(Shelf(), lambda symbol, code: heard.append((symbol, code)))) as url:
        for symbol in ("US.AAPL", "nonsense", "US.NONE"):
            get(url + path(symbol))
    assert heard == [
        ("US.AAPL", RetCode.SUCCESS),
        ("nonsense", RetCode.INVALID_PARAMETER),
        ("US.NONE", RetCode.NO_DATA),
    ]


def test_client_and_server_agree(url: str) -> None:
    async def ask(*symbols: str) -> list[Answer]:
        pacing = Pacing(Rate(100, 0.01), perf_counter)
        async with Client(url, pacing=pacing, now=lambda: NOW) as client:
            return [await client.ask(Symbol(symbol), 90) for symbol in symbols]

    hk, us, unknown, warrant, none = asyncio.run(ask("HK.00700", "US.AAPL", "US.ZZZZ", "HK.12345", "US.NONE"))
    assert hk == Shelf().answers["HK.00700"]
    assert us == Shelf().answer(US, 90)
    states = [answer.state for answer in (unknown, warrant, none) if isinstance(answer, Refused)]
    assert states == [DataState.INVALID, DataState.UNSUPPORTED, DataState.NO_DATA]
