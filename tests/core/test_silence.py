"""Silences: what they cover, and what cannot be asked for."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import notification
from watcher.core.market import Symbol
from watcher.core.rule import Severity
from watcher.core.silence import Silence

NOW = datetime(2026, 6, 5, 8, 30, tzinfo=UTC)
DAYS = timedelta(days=1)


def silence(
    symbols: tuple[str, ...] = (), rules: tuple[str, ...] = (), severities: tuple[Severity, ...] = ()
) -> Silence:
    return Silence(symbols, rules, severities, NOW, NOW + DAYS, "known")


@pytest.mark.parametrize(
    ("of", "covers"),
    [
        pytest.param(silence(("US.XRT",)), True, id="its symbol"),
        pytest.param(silence(("US.X",)), False, id="a symbol that begins alike"),
        pytest.param(silence(("US.*",)), True, id="its market"),
        pytest.param(silence(("HK.*",)), False, id="another market"),
        pytest.param(silence(("*",)), True, id="any symbol"),
        pytest.param(silence(("HK.00700", "US.XRT")), True, id="one of several"),
        pytest.param(silence((), ("r",)), True, id="its rule"),
        pytest.param(silence((), ("s",)), False, id="another rule"),
        pytest.param(silence((), (), (Severity.WARNING, Severity.INFO)), True, id="its severity"),
        pytest.param(silence((), (), (Severity.CRITICAL,)), False, id="another severity"),
        pytest.param(silence(("US.XRT",), ("s",)), False, id="all that is named has to fit"),
    ],
)
def test_what_a_silence_covers(of: Silence, covers: bool) -> None:
    assert of.covers(notification()) is covers


def test_what_is_asked_for_holds_from_now_on() -> None:
    asked = Silence.asked(["US.XRT", "HK.*"], ["r"], [Severity.INFO], 3 * DAYS, " known ", NOW)
    assert asked == Silence(("US.XRT", "HK.*"), ("r",), (Severity.INFO,), NOW, NOW + 3 * DAYS, "known")


@pytest.mark.parametrize(
    ("symbols", "lasts", "why", "message"),
    [
        pytest.param([], DAYS, "known", "Name a symbol, a rule or a severity", id="nothing named"),
        pytest.param(["XRT"], DAYS, "known", "MARKET.CODE", id="no symbol"),
        pytest.param(["US.XRT"], 31 * DAYS, "known", "30 days at most", id="a silence that would be forgotten"),
        pytest.param(["US.XRT"], DAYS, "  ", "say why", id="no reason"),
    ],
)
def test_what_cannot_be_asked_for(symbols: list[str], lasts: timedelta, why: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Silence.asked(symbols, [], [], lasts, why, NOW)


def test_its_id_stays_when_its_end_moves_and_is_anothers_otherwise() -> None:
    of = silence(("US.XRT",))
    assert Silence(of.symbols, (), (), NOW, NOW, "known").id == of.id
    assert len({of.id, silence(("US.GME",)).id, silence((), ("US.XRT",)).id}) == 3
    assert Symbol("US.XRT") in of.symbols
