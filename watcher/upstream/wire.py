"""The endpoint's answers as bytes, both directions; client and server share it, so they cannot disagree."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import partial
from itertools import takewhile
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import TypeAlias, cast
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from watcher.core.answer import Answer, Answered, DataState, Refused
from watcher.core.market import Market, Position, Row, Symbol
from watcher.core.metrics import ROW_TYPES
from watcher.core.quarantine import Quarantined
from watcher.upstream.contract import FIELDS, MAX_COUNT, SUCCESS, HkContent, UsContent
from watcher.upstream.plausible import all_plausible, implausible, implausible_position, midnight
from watcher.upstream.refusal import Envelope, RetCode, quoted, refused, whole

_Content: TypeAlias = HkContent | UsContent
_NEW_TIME = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


_FIGURES = {market: itemgetter("timestamp_str", *row_type._fields[1:]) for market, row_type in ROW_TYPES.items()}
# past _make, which checks a length that itemgetter guarantees: it would cost a third more
_MAKE: Mapping[Market, Callable[[tuple[object, ...]], Row]] = {
    market: partial(tuple.__new__, row_type) for market, row_type in ROW_TYPES.items()
}


def read(symbol: Symbol, status: int, body: bytes, retry_after: str | None, now: datetime) -> Answer:
    """Return what upstream's answer for `symbol` says; never raises, whatever the bytes.

    `retry_after` is that header as received, if it came; `now` is the time, aware: it dates the header, and
    no row can be newer.
    """
    fault = "it does not say ret_code 0"
    if 200 <= status < 300:
        try:
            content = _content(symbol.market, body)
            if content is not None:
                return _answered(symbol, content, now.astimezone(ZoneInfo(symbol.market.zone)).date())
        except ValidationError as error:
            # a refusal has no `data`, which is an error here too: which of the two it is, the envelope says
            fault = _fault(error)
        except ValueError as error:
            return Refused(symbol, DataState.ERROR, f"{symbol}: {error}")
    refusal = refused(symbol, status, body, retry_after, now)
    if refusal is not None:
        return refusal
    return Refused(symbol, DataState.ERROR, f"{symbol}: the answer is not the success it claims: {fault}", retry=True)


def read_recorded(path: Path) -> Answered | RetCode:
    """Return the answer recorded in the file `SYMBOL.json`: rows, as many as it holds, or the refusal it is.

    Raises:
        ValueError: not a symbol's name, or not an answer; says which file, and what is wrong with it.
        OSError: the file cannot be read.
    """
    body = path.read_bytes()
    try:
        return _recorded(Symbol.parse(path.stem), body)
    except ValidationError as error:
        raise ValueError(f"{path}: {_fault(error)}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def body_of(market: Market, rows: Iterable[Row], position: Position | None = None) -> bytes:
    """Return the success that carries `rows`, newest first; a US answer has no place for a position."""
    content: dict[str, object] = {}
    if market is Market.HK:
        content["market"] = market.value
        content["aggregated_short"] = _plain(position.aggregated_short) if position else None
        content["aggregated_short_ratio"] = _plain(position.aggregated_short_ratio) if position else None
        content["new_time"] = position.as_of.strftime("%d/%m/%Y") if position else None
    content["items"] = [
        {
            "timestamp": midnight(market.zone, row.trade_date),
            "timestamp_str": row.trade_date.isoformat(),
            **{name: _plain(figure) for name, figure in zip(row._fields[1:], row[1:], strict=True)},
        }
        for row in rows
    ]
    return _json({"ret_code": 0, "ret_msg": "success", "data": content})


def refusal_body(ret_code: int, code: str, message: str) -> bytes:
    """Return the refusal with this `ret_code` and `error.code`; it has no `data`."""
    return _json({"ret_code": ret_code, "ret_msg": message, "error": {"code": code, "message": message}})


def _content(market: Market, body: bytes) -> _Content | None:
    """The `data` of a success, checked; None if it is well formed, but not said to be a success."""
    success = SUCCESS[market].validate_json(body)
    said = success["ret_code"]
    return success["data"] if (whole(success["code"]) if said is None else said) == 0 else None


def _answered(symbol: Symbol, content: _Content, today: date) -> Answered:
    """The answer, rows oldest first and one per trade date; a ValueError if it is of something else."""
    market = symbol.market
    said = content["market"]
    if said is not None and said != market:
        raise ValueError(f'the answer is for market "{quoted(said)}"')
    items = content["items"]
    if not items:
        return Answered(symbol, ())
    rows = list(map(_MAKE[market], map(_FIGURES[market], items)))
    if all(row.count(None) == len(row) - 1 for row in rows):
        raise ValueError(f"no row has any of the figures that rows of market {market} have")
    by_date, refused = _sifted(rows, [item["timestamp"] for item in items], market.zone, today)
    ordered = tuple(by_date[when] for when in sorted(by_date))
    if market is Market.US or not ordered:
        return Answered(symbol, ordered, None, refused)
    position = _position(cast(HkContent, content), ordered[-1].trade_date)
    reason = implausible_position(position) if position else None
    if position and reason:
        return Answered(symbol, ordered, None, (*refused, Quarantined(position, reason)))
    return Answered(symbol, ordered, position, refused)


def _sifted(
    rows: list[Row], stamps: list[int | float | None], zone: str, today: date
) -> tuple[dict[date, Row], tuple[Quarantined, ...]]:
    """The rows that count, by date, and the others, each with its reason."""
    refused: list[Quarantined] = []
    if not all_plausible(rows, stamps, zone, today):
        reasons = [implausible(row, stamp, zone, today) for row, stamp in zip(rows, stamps, strict=True)]
        refused = [Quarantined(row, reason) for row, reason in zip(rows, reasons, strict=True) if reason]
        rows = [row for row, reason in zip(rows, reasons, strict=True) if not reason]
    by_date = {row.trade_date: row for row in rows}
    if len(by_date) < len(rows):
        alike: dict[date, dict[Row, None]] = {}
        for row in rows:
            alike.setdefault(row.trade_date, {})[row] = None
        for when, different in alike.items():
            if len(different) > 1:
                refused += [Quarantined(row, "another row of the same date contradicts it") for row in different]
                del by_date[when]
    # no more than the longest answer has: the rest of a made-up megabyte is not worth keeping
    return by_date, tuple(sorted(dict.fromkeys(refused), key=attrgetter("on_date")))[-MAX_COUNT:]


def _position(content: HkContent, trade_date: date) -> Position | None:
    written = content["new_time"]
    if not written:
        return None
    found = _NEW_TIME.fullmatch(written)
    try:
        as_of = date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        as_of = None
    if as_of is None:
        raise ValueError(f'new_time "{quoted(written)}" is not a date as dd/MM/yyyy')
    return Position(as_of, trade_date, content["aggregated_short"], content["aggregated_short_ratio"])


def _recorded(symbol: Symbol, body: bytes) -> Answered | RetCode:
    envelope = Envelope.of(body)
    if envelope.fault is not None:
        raise ValueError(f"it is no JSON object: {quoted(envelope.fault)}")
    if envelope.ret_code and envelope.ret_code in set(RetCode):
        return RetCode(envelope.ret_code)
    content = _content(symbol.market, body) if envelope.ret_code == 0 else None
    if content is None:
        raise ValueError(f"its ret_code, {envelope.ret_code}, is neither 0 nor one that is known")
    answer = _answered(symbol, content, date.max)
    if answer.quarantined:
        first = answer.quarantined[0]
        raise ValueError(f"its {first.kind} of {first.on_date} is implausible: {first.reason}")
    return answer


def _fault(error: ValidationError) -> str:
    """What is wrong, in a line; pydantic's own text would quote the whole input."""
    first = error.errors(include_url=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return quoted(first["msg"])
    # behind a field's name pydantic tells which kind of number it tried
    path = takewhile(lambda part: isinstance(part, int) or part in FIELDS, first["loc"])
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    if first["type"] == "missing":
        return f"{place} is missing"
    return f"{place or 'the whole'} is not what it should be: {quoted(first['input'])}"


def _plain(figure: date | float | None) -> date | float | None:
    """A whole number is written without a point, as upstream does: 459, not 459.0."""
    return int(figure) if isinstance(figure, float) and figure.is_integer() else figure


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
