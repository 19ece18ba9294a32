"""However many symbols there are, and whatever others write: a page stays small, and their texts are texts."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.builders import sessions, us_row
from tests.web.sites import Visited, visited
from watcher.core.answer import Answered, DataState, Refused
from watcher.core.market import Symbol
from watcher.core.quarantine import Quarantined

SYMBOLS = [Symbol(f"US.A{number:06}LONGNAM") for number in range(1000)]
LONG = "x" * 58
MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}&amp;\u202e'
CONDITION = " and ".join(f"short_ratio > {n} * mean(short_ratio, {n + 1})" for n in range(1, 12))
CHANNELS = [LONG, f"{LONG}-2", f"{LONG}-3", f"{LONG}-4"]
DATES = sessions(96)


def listed(symbols: list[Symbol], to_a_line: int) -> str:
    """Return symbols as a person lists them, some to a line."""
    lines = [
        ", ".join(f'"{each}"' for each in symbols[at : at + to_a_line]) for at in range(0, len(symbols), to_a_line)
    ]
    return "[\n  " + ",\n  ".join(lines) + ",\n]"


def rules() -> str:
    """Return three rules of a thousand symbols, and nine of sixty that tell everybody every session."""
    text = f"[lists]\nall = {[str(symbol) for symbol in SYMBOLS]}\n"
    text += "".join(f"[channels.{name}]\n" for name in CHANNELS)
    for n in range(3):
        text += f'[[rule]]\nname = "{LONG}-{n:04}"\nsymbols = ["all"]\n# {MARKUP}\n'
        text += f'when = "short_percent > {n} and ({CONDITION} or volume > 1)"\nuntil = "{CONDITION}"\n'
        text += f"message = '{MARKUP.replace('{', '{{').replace('}', '}}')}'\n"
    for n in range(3, 12):
        text += f'[[rule]]\nname = "{LONG}-{n:04}"\nsymbols = {listed(SYMBOLS[:60], 5)}\n'
        text += f'when = "volume > {n}"\nremind = 1\nnotify = {CHANNELS}\n'
    return text


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    """A thousand symbols on most of which rules fire, one that much happens to, and hostile texts."""
    channels = dict.fromkeys(CHANNELS, "json://127.0.0.1:9")
    with visited(tmp_path_factory.mktemp("crowded"), rules(), channels=channels) as site:
        rows = tuple(
            us_row(when, short_percent=n * 1.37 + 1, total_shares_short=n + 10, volume=1000, close_price=9.87 * n)
            for n, when in enumerate(DATES)
        )
        odd = tuple(Quarantined(us_row(when, volume=-float(n)), MARKUP * 9) for n, when in enumerate(DATES[:90]))
        refused = [Refused(each, DataState.ERROR, f"{each}: {MARKUP * 20}") for each in SYMBOLS[-50:]]
        site.answered([*(Answered(symbol, rows[:30]) for symbol in SYMBOLS[:-50]), *refused])
        site.answered([Answered(SYMBOLS[0], rows[:90], quarantined=odd)])
        revised = tuple(row._replace(short_percent=99.0, volume=2000, close_price=1.0) for row in rows[:90])
        site.clock.pass_by(timedelta(hours=1))
        site.answered([Answered(SYMBOLS[0], revised[70:])])
        site.answered([Answered(SYMBOLS[0], rows[90:])])
        yield site


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?page=213",
        "/?data=troubled",
        "/?phase=quiet",
        f"/symbols/{SYMBOLS[0]}",
        f"/symbols/{SYMBOLS[0]}?rule={LONG}-0004",
        f"/symbols/{SYMBOLS[-1]}",
        "/rules",
        "/rules?page=2",
        "/episodes",
        f"/episodes?symbol={SYMBOLS[0]}",
    ],
)
def test_a_page_stays_below_40_kb_and_all_texts_are_texts(crowded: Visited, path: str) -> None:
    answer = crowded.get(path)
    assert answer.status_code == 200
    assert len(answer.content) < 40_000
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert "&gt;49" not in answer.text, "what looks like a template is none"


def test_the_quiet_ones_nearest_to_their_limit_come_first(tmp_path: Path) -> None:
    names = ["US.FAR", "US.NEAR", "US.NEARER", "US.UNKNOWN"]
    rule = f'[[rule]]\nname = "r"\nsymbols = {names}\nwhen = "short_percent > 50"\n'
    with visited(tmp_path, rule) as site:
        (when,) = sessions(1, "2026-02-27")
        values = dict(zip(names, (10.0, 40.0, 49.0, None), strict=True))
        site.answered([Answered(Symbol(name), (us_row(when, short_percent=value),)) for name, value in values.items()])
        page = site.text("/")
        places = [page.index(f">{name}</a>") for name in ("US.NEARER", "US.NEAR", "US.FAR", "US.UNKNOWN")]
        assert places == sorted(places)
