"""Bytes become rows or a refusal with a reason, and never anything else; what is written is what the page shows."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.upstream.answers import HK, NOW, PAGE, US, US_ITEM, hk, us
from watcher.core.answer import Answered, DataState, Refused
from watcher.core.market import HkRow, Market, Position, Row, Symbol, UsRow
from watcher.core.quarantine import Quarantined
from watcher.upstream.contract import HkContent, HkItem, UsItem
from watcher.upstream.plausible import all_plausible, implausible, midnight
from watcher.upstream.wire import body_of, read, refusal_body


def answered(body: bytes, symbol: Symbol = HK, now: datetime = NOW) -> Answered:
    answer = read(symbol, 200, body, None, now)
    assert isinstance(answer, Answered), answer
    return answer


def refused(body: bytes, symbol: Symbol = HK, now: datetime = NOW) -> Refused:
    answer = read(symbol, 200, body, None, now)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith(f"{symbol}: ")
    assert len(answer.reason) < 700
    assert answer.reason.isprintable()
    return answer


PAGE_ROW = HkRow(date(2026, 6, 5), 31649780, 14465428854.749, 4660100, 2135963680, 461.6, 453.2, 459, 10.51)
PAGE_POSITION = Position(date(2026, 5, 29), date(2026, 6, 5), 46242547, 0.5)


def test_the_pages_example_is_read_to_the_last_digit() -> None:
    answer = answered(PAGE.encode())
    assert answer == Answered(HK, (PAGE_ROW,), PAGE_POSITION)
    assert isinstance(answer.rows[0], HkRow)
    assert repr(answer.rows[0].turnover) == "14465428854.749"
    assert answer.rows[0].shares_traded == 31649780


def test_the_pages_example_is_written_field_by_field_and_in_its_order() -> None:
    written = body_of(Market.HK, [PAGE_ROW], PAGE_POSITION)
    assert written.decode() == json.dumps(json.loads(PAGE), separators=(",", ":"))
    assert json.dumps(json.loads(written), indent=2) == PAGE


def test_a_us_answer_has_no_data_level_fields() -> None:
    written = us(US_ITEM)
    answer = answered(written, US)
    assert answer.position is None
    assert answer.rows[0] == UsRow(date(2026, 6, 5), 5328185, 2930501, 2397684, 13.785, 38649398, 271.5, 270, 14.02)
    assert json.loads(body_of(Market.US, answer.rows)) == json.loads(written)
    assert list(json.loads(body_of(Market.US, answer.rows))["data"]) == ["items"]


def test_a_refusal_has_an_error_beside_ret_code_and_no_data() -> None:
    assert json.loads(refusal_body(-10, "no_data", "nothing")) == {
        "ret_code": -10,
        "ret_msg": "nothing",
        "error": {"code": "no_data", "message": "nothing"},
    }


def test_a_position_that_is_not_known_is_written_as_null_and_read_as_none() -> None:
    written = body_of(Market.HK, [PAGE_ROW])
    assert list(json.loads(written)["data"]) == list(json.loads(PAGE)["data"])
    assert answered(written).position is None


def test_the_contracts_tables_are_the_fields_of_rows() -> None:
    assert tuple(HkItem.__annotations__) == ("timestamp", "timestamp_str", *HkRow._fields[1:])
    assert tuple(UsItem.__annotations__) == ("timestamp", "timestamp_str", *UsRow._fields[1:])
    assert list(HkContent.__annotations__) == list(json.loads(PAGE)["data"])


counts = st.none() | st.integers(0, 2**53) | st.floats(0, 1e12)
amounts = st.none() | st.floats(0, 1e15) | st.integers(0, 10**12)
percents = st.none() | st.floats(0, 100) | st.integers(0, 100)


@st.composite
def hk_rows(draw: st.DrawFn) -> list[Row]:
    days = draw(st.lists(st.dates(date(1998, 1, 1), date(2026, 6, 6)), unique=True, max_size=5))
    return [
        HkRow(
            when,
            shares_traded=draw(st.none() | st.integers(10**6, 2**53)),
            short_sell_shares_traded=draw(st.none() | st.integers(0, 10**6)),
            turnover=draw(st.none() | st.floats(1e6, 1e15)),
            short_sell_turnover=draw(st.none() | st.floats(0, 1e6)),
            close_price=draw(st.floats(0.001, 1e6)),
            daily_trade_avg_ratio=draw(percents),
        )
        for when in days
    ]


@given(hk_rows(), st.none() | st.integers(0, 2**53), percents)
def test_what_is_written_reads_back_equal(rows: list[Row], short: int | None, ratio: float | None) -> None:
    rows.sort()
    position = Position(rows[-1].trade_date - timedelta(days=7), rows[-1].trade_date, short, ratio) if rows else None
    assert answered(body_of(Market.HK, reversed(rows), position)) == Answered(HK, tuple(rows), position)


@pytest.mark.parametrize(
    ("sent", "read_as"),
    [
        pytest.param("12345", 12345.0, id="an int"),
        pytest.param("12345.0", 12345.0, id="a float"),
        pytest.param('"12345"', 12345.0, id="a numeric string"),
        pytest.param('"12345.5"', 12345.5, id="a numeric string with a point"),
        pytest.param('"1.2345E7"', 1.2345e7, id="as Java writes a double"),
        pytest.param("9007199254740991", 2.0**53 - 1, id="the largest whole number that no other is read as"),
        pytest.param("1e7", 1e7, id="an exponent"),
        pytest.param("-0.0", 0.0, id="minus nothing"),
        pytest.param("null", None, id="null is missing"),
    ],
)
def test_a_count_is_read_as_a_float_however_it_is_written(sent: str, read_as: float | None) -> None:
    body = us(volume="SENT", total_shares_short=0, short_percent=0).replace(b'"SENT"', sent.encode())
    row = answered(body, US).rows[0]
    assert isinstance(row, UsRow)
    assert row.volume == read_as
    assert type(row.volume) is type(read_as)


def test_a_price_may_be_a_numeric_string_too() -> None:
    assert answered(us(close_price="271.25"), US).rows[0].close_price == 271.25


def test_absent_and_null_are_missing_never_nothing() -> None:
    item = {"timestamp_str": "2026-06-05", "volume": 5, "close_price": None, "a field": "of tomorrow"}
    assert answered(us(item), US).rows == (UsRow(date(2026, 6, 5), volume=5),)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param("true", id="a boolean"),
        pytest.param("false", id="a boolean that counts as nothing"),
        pytest.param("NaN", id="not a number"),
        pytest.param('"NaN"', id="not a number, as a string"),
        pytest.param("Infinity", id="infinity"),
        pytest.param("-Infinity", id="minus infinity"),
        pytest.param("1e999", id="more than a float holds"),
        pytest.param('"1e999"', id="more than a float holds, as a string"),
        pytest.param("9007199254740993", id="a whole number that a float would change"),
        pytest.param('"9007199254740993"', id="the same as a string"),
        pytest.param("1" * 400, id="four hundred digits"),
        pytest.param("1" * 5000, id="five thousand digits"),
        pytest.param('"abc"', id="a word"),
        pytest.param('""', id="an empty string"),
        pytest.param('" 5"', id="a space before"),
        pytest.param('"1,000"', id="thousands set apart"),
        pytest.param('"٣"', id="a digit of another script"),
        pytest.param("[5]", id="a list"),
        pytest.param('{"a":5}', id="an object"),
    ],
)
@pytest.mark.parametrize("field", ["volume", "close_price"])
def test_what_is_no_number_is_refused_and_the_field_is_named(field: str, sent: str) -> None:
    refusal = refused(us(**{field: "SENT"}).replace(b'"SENT"', sent.encode()), US)
    assert refusal.state is DataState.ERROR
    assert refusal.retry
    assert f"data.items[0].{field}" in refusal.reason or "out of range" in refusal.reason


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        pytest.param(b"", "no JSON object (it is empty)", id="empty"),
        pytest.param(b"   ", "no JSON object", id="blank"),
        pytest.param(PAGE[:400].encode(), "no JSON object", id="cut short"),
        pytest.param(b"<html><body>Bad gateway</body></html>", "<html><body>Bad gateway", id="HTML"),
        pytest.param(b"\x1f\x8b\x08\x00\xff\xfe", "no JSON object", id="no text at all"),
        pytest.param(b"[" * 100_000, "no JSON object", id="nested a hundred thousand deep"),
        pytest.param(b'{"x":' * 100_000, "no JSON object", id="objects nested as deep"),
        pytest.param(b"[]", "no JSON object", id="a list"),
        pytest.param(b'"ok"', "no JSON object", id="a string"),
        pytest.param(b"null", "no JSON object", id="null"),
        pytest.param(b"{}", "neither ret_code nor code", id="an object that says nothing"),
        pytest.param(b'{"ret_code":null,"data":{"items":[]}}', "neither ret_code nor code", id="a null verdict"),
        pytest.param(b'{"ret_code":true,"data":{"items":[]}}', "neither ret_code nor code", id="a boolean verdict"),
        pytest.param(b'{"ret_code":"zero"}', "neither ret_code nor code", id="a verdict in words"),
        pytest.param(b'{"ret_code":0}', "data is missing", id="a success without data"),
        pytest.param(b'{"ret_code":0,"data":null}', "data is not what it should be", id="data is null"),
        pytest.param(b'{"ret_code":0,"data":[]}', "data is not what it should be", id="data is a list"),
        pytest.param(b'{"ret_code":0,"data":{}}', "data.items is missing", id="no items"),
        pytest.param(b'{"ret_code":0,"data":{"items":{}}}', "data.items is not what", id="items is no list"),
        pytest.param(b'{"ret_code":0,"data":{"items":[5]}}', "data.items[0] is not what", id="an item is no object"),
        pytest.param(us({"volume": 5}), "data.items[0].timestamp_str is missing", id="a row without a date"),
        pytest.param(us(timestamp_str=None), "data.items[0].timestamp_str is not", id="a date that is null"),
        pytest.param(us(timestamp_str="05/06/2026"), "timestamp_str is not", id="a date the other way round"),
        pytest.param(us(timestamp_str="2026-06-31"), "timestamp_str is not", id="a date that does not exist"),
        pytest.param(us(timestamp_str=20260605), "timestamp_str is not", id="a date as a number"),
        pytest.param(us(timestamp_str="2026-06-05T00:00:00"), "timestamp_str is not", id="a date with a time"),
    ],
)
def test_a_broken_answer_is_an_error_with_a_reason_and_asked_for_again(body: bytes, cause: str) -> None:
    refusal = refused(body, US)
    assert refusal.state is DataState.ERROR
    assert refusal.retry
    assert cause in refusal.reason


@pytest.mark.parametrize("code", [b'{"ret_code":0,"data":{"items":[]}}', b'{"code":0,"data":{"items":[]}}'])
def test_no_items_are_an_answer_without_rows(code: bytes) -> None:
    assert answered(code) == Answered(HK, ())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"ret_code":0,"data":{"items":null,"new_time":"29/05/2026"}}', id="null for an empty list"),
        pytest.param(b'{"ret_code":"0","data":{"items":[]}}', id="ret_code is a numeric string"),
        pytest.param(b'{"ret_code":0.0,"data":{"items":[]}}', id="ret_code is a float"),
        pytest.param(b'{"ret_code":0,"code":"OK","data":{"items":[]}}', id="ret_code goes before code"),
        pytest.param(b'{"ret_code":5,"ret_code":0,"data":{"items":[]}}', id="of duplicate keys the last counts"),
        pytest.param(b'{"ret_code":0,"data":{"items":[]},"x":' + b"[" * 50 + b"]" * 50 + b"}", id="extra fields"),
    ],
)
def test_a_success_is_recognised(body: bytes) -> None:
    assert answered(body) == Answered(HK, ())


def test_a_code_in_words_that_has_no_data_is_no_success() -> None:
    assert "not the success it claims" in refused(b'{"code":"success","data":{"items":[]}}').reason


DAYS = ["2026-06-02", "2026-06-03", "2026-06-04"]


def of_day(when: str, **fields: object) -> dict[str, object]:
    stamp = int(datetime.fromisoformat(f"{when}T04:00:00+00:00").timestamp() * 1000)
    return US_ITEM | {"timestamp": stamp, "timestamp_str": when} | fields


def test_rows_come_oldest_first_whatever_their_order() -> None:
    answers = [answered(us(*items), US) for items in permutations([of_day(when) for when in DAYS])]
    assert all(answer == answers[0] for answer in answers)
    assert [row.trade_date.isoformat() for row in answers[0].rows] == DAYS


def test_identical_duplicates_collapse() -> None:
    doubled = us(of_day(DAYS[0]), of_day(DAYS[1]), of_day(DAYS[0], volume=38649398.0), of_day(DAYS[1]))
    assert len(answered(doubled, US).rows) == 2


def set_aside(body: bytes, symbol: Symbol = HK, now: datetime = NOW) -> Quarantined:
    """Return the one thing that is quarantined of an answer, which is one all the same."""
    (quarantined,) = answered(body, symbol, now).quarantined
    return quarantined


def test_of_contradicting_rows_none_counts_and_the_others_do() -> None:
    first, second = of_day(DAYS[0]), of_day(DAYS[0], close_price=300)
    answers = [answered(us(*items), US) for items in permutations([first, of_day(DAYS[1]), second, first])]
    assert {tuple(row.trade_date.isoformat() for row in answer.rows) for answer in answers} == {(DAYS[1],)}
    assert {frozenset(answer.quarantined) for answer in answers} == {frozenset(answers[0].quarantined)}
    assert [(each.reason, each.row.close_price) for each in answers[0].quarantined] == [  # type: ignore[union-attr]  # a US row
        ("another row of the same date contradicts it", 271.5),
        ("another row of the same date contradicts it", 300.0),
    ]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        pytest.param({"timestamp": 1780632000}, "timestamp 1780632000 does not lie", id="seconds for milliseconds"),
        pytest.param({"timestamp": 1780588800000}, "does not lie on its date", id="Hong Kong's midnight"),
        pytest.param({"timestamp": 1780718400000}, "does not lie on its date", id="the next midnight"),
        pytest.param({"timestamp": 9e15}, "does not lie on its date", id="a stamp beyond all dates"),
        pytest.param({"timestamp": -9e15}, "does not lie on its date", id="a stamp before all dates"),
        pytest.param({"timestamp": 0, "timestamp_str": "1970-01-01"}, "1970-01-01, before", id="1970"),
        pytest.param(
            {"timestamp": None, "timestamp_str": "2026-06-08"}, "in the future: it is 2026-06-06", id="future"
        ),
        pytest.param({"volume": -1, "total_shares_short": None}, "volume is -1", id="a negative volume"),
        pytest.param({"volume": 0, "total_shares_short": 1}, "1 shares were sold short, over", id="short of nothing"),
        pytest.param({"close_price": -0.01}, "close_price is -0.01", id="a negative price"),
        pytest.param({"daily_trade_avg_ratio": 100.01}, "daily_trade_avg_ratio is 100.01 %", id="ratio over 100"),
        pytest.param({"short_percent": 170}, "short_percent is 170", id="percent over 100"),
        pytest.param(
            {"short_percent": 0.13785}, "5328185 of 38649398 shares are 13.786 %", id="a percent as a fraction"
        ),
        pytest.param({"short_percent": 14.787}, "short_percent is 14.787 %, but", id="a percent a point too high"),
        pytest.param({"total_shares_short": 38649399}, "38649399 shares were sold short, over", id="short over total"),
    ],
)
def test_an_implausible_row_is_set_aside_with_its_reason_and_the_others_count(
    item: dict[str, object], reason: str
) -> None:
    odd = US_ITEM | item
    answer = answered(us(odd, of_day(DAYS[0]), of_day(DAYS[1])), US)
    assert [row.trade_date.isoformat() for row in answer.rows] == DAYS[:2]
    (quarantined,) = answer.quarantined
    assert reason in quarantined.reason
    assert quarantined.on_date.isoformat() == odd["timestamp_str"]
    assert quarantined.kind == "row"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(hk(short_sell_turnover=2e10), "short_sell_turnover is", id="turnover"),
        pytest.param(hk(short_sell_shares_traded=4e7), "shares were sold short, over", id="shares"),
        pytest.param(hk(open_price=-1), "open_price is -1", id="negative"),
    ],
)
def test_hong_kong_has_rows_that_cannot_be_too(body: bytes, reason: str) -> None:
    assert reason in set_aside(body).reason
    assert answered(body).rows == ()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param({"new_time": "06/06/2026"}, "after the newest row", id="newer than its row"),
        pytest.param({"aggregated_short": -1}, "aggregated_short is -1", id="negative"),
        pytest.param({"aggregated_short_ratio": 101}, "aggregated_short_ratio is 101", id="more than the float"),
    ],
)
def test_a_position_that_cannot_be_true_is_set_aside_and_the_rows_count(
    content: dict[str, object], reason: str
) -> None:
    answer = answered(hk(content))
    assert answer.rows == (PAGE_ROW,)
    assert answer.position is None
    assert set_aside(hk(content)).kind == "position"
    assert reason in set_aside(hk(content)).reason


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        pytest.param(hk({"market": "US"}), 'for market "US"', id="another market"),
        pytest.param(hk({"new_time": "2026-05-29"}), "not a date as dd/MM/yyyy", id="new_time the other way round"),
        pytest.param(hk({"new_time": "31/02/2026"}), "not a date as dd/MM/yyyy", id="a day that does not exist"),
    ],
)
def test_an_answer_that_cannot_be_one_is_an_error(body: bytes, cause: str) -> None:
    refusal = refused(body)
    assert cause in refusal.reason
    assert not refusal.retry


def test_of_a_made_up_megabyte_the_newest_ninety_are_set_aside() -> None:
    days = [(date(2000, 1, 1) + timedelta(days=days)).isoformat() for days in range(9_000)]
    odd = us(*({"timestamp_str": day, "volume": -volume} for day in days for volume in (1, 2)))
    quarantined = answered(odd, US).quarantined
    assert len(quarantined) == 90
    assert quarantined[-1].on_date.isoformat() == days[-1]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(us(timestamp=None), id="no stamp"),
        pytest.param(us(timestamp=1780632000000 + 16 * 3600_000), id="the stamp of the close"),
        pytest.param(us(timestamp="1780632000000"), id="the stamp as a string"),
        pytest.param(us(volume=None), id="half of a comparison missing"),
        pytest.param(us(total_shares_short=38649398, short_percent=100), id="all of a thin trade sold short"),
        pytest.param(us(short_percent=14.785), id="a percent a point away"),
        pytest.param(us(short_percent=None), id="no percent"),
        pytest.param(us(volume=0, total_shares_short=0), id="a percent of nothing"),
        pytest.param(us(of_day("2026-03-08", timestamp=1772946000000)), id="the day New York's clocks change"),
    ],
)
def test_what_is_only_unusual_is_an_answer(body: bytes) -> None:
    assert len(answered(body, US).rows) == 1


def test_today_is_the_markets_own() -> None:
    """Late on the 4th in UTC it is the 5th in Hong Kong, and a row of the 5th is none of the future."""
    assert answered(hk(), now=datetime(2026, 6, 4, 16, 0, tzinfo=UTC)).rows
    assert "in the future" in set_aside(hk(), now=datetime(2026, 6, 4, 15, 59, tzinfo=UTC)).reason


def test_rows_without_any_known_figure_are_an_error_not_silence() -> None:
    renamed = us({"timestamp_str": "2026-06-05", "totalSharesShort": 5}, {"timestamp_str": "2026-06-04"})
    assert "no row has any of the figures" in refused(renamed, US).reason


def test_a_position_holds_from_the_newest_row_of_its_answer() -> None:
    older = json.loads(PAGE)["data"]["items"][0] | {"timestamp": None, "timestamp_str": "2026-06-03"}
    newer = older | {"timestamp_str": "2026-06-05"}
    answer = answered(hk({"items": [older, newer]}))
    assert answer.position == PAGE_POSITION


@pytest.mark.parametrize("new_time", [None, ""])
def test_without_new_time_there_is_no_position(new_time: str | None) -> None:
    assert answered(hk({"new_time": new_time})).position is None


def test_without_rows_there_is_no_position() -> None:
    assert answered(hk({"items": []})) == Answered(HK, ())


def test_a_reason_quotes_foreign_text_shortened_and_cleaned() -> None:
    foreign = "<!channel>\r\n\x1b[31m\u202eabc" + "x" * 100_000
    refusal = refused(us(volume=foreign), US)
    assert "data.items[0].volume is not what it should be: <!channel> [31m abcxxx" in refusal.reason
    assert refusal.reason.endswith("…")


def test_many_wrong_rows_cost_no_more_than_one() -> None:
    """The first is enough for a reason; a list of all of them would be larger than the answer."""
    assert "data.items[0]" in refused(us(*[{"volume": 1}] * 20_000), US).reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["ret_code", "code", "data", "items", "error", "message", "market", "new_time", "volume"])
            | st.sampled_from(["timestamp", "timestamp_str", "ret_msg", "aggregated_short"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


figures = st.none() | st.integers(-5, 120) | st.floats(-5, 120)


@given(
    st.lists(
        st.tuples(st.dates(date(1989, 12, 30), date(2026, 6, 8)), st.none() | st.integers(0, 2), *[figures] * 8),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([HkRow, UsRow]),
)
def test_the_quick_look_at_columns_never_passes_what_the_look_at_rows_refuses(
    drawn: list[tuple[date, int | None, float]], row_type: type[HkRow] | type[UsRow]
) -> None:
    zone = "Asia/Hong_Kong"
    rows: list[Row] = [row_type(when, *values) for when, _, *values in drawn]
    stamps: list[float | int | None] = [
        None if late is None else midnight(zone, when) + late * 12 * 3_600_000 for when, late, *_ in drawn
    ]
    today = date(2026, 6, 6)
    one_by_one = [implausible(row, stamp, zone, today) for row, stamp in zip(rows, stamps, strict=True)]
    if all_plausible(rows, stamps, zone, today):
        assert one_by_one == [None] * len(rows)


@given(st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()), st.integers(100, 599))
def test_no_bytes_and_no_status_raise(body: bytes, status: int) -> None:
    for symbol in (HK, US):
        answer = read(symbol, status, body, None, NOW)
        assert isinstance(answer, Refused | Answered)
        if isinstance(answer, Refused):
            assert answer.reason.startswith(f"{symbol}: ")
            assert answer.reason.isprintable()


@given(content=json_values, item=json_values)
def test_no_content_of_a_success_raises(content: object, item: object) -> None:
    data = content if isinstance(content, dict) else {"items": [item]}
    body = json.dumps({"ret_code": 0, "data": {"items": [], **data}}).encode()
    assert isinstance(read(HK, 200, body, None, NOW), Refused | Answered)
