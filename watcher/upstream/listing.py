"""The securities of the simulated market: what is usual for each, and which of them behave oddly."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product, zip_longest
from string import ascii_uppercase

from watcher.core.market import Market, Symbol


@dataclass(frozen=True, slots=True)
class Security:
    """What is usual for one symbol; with a seed, all its rows follow."""

    symbol: Symbol
    price: float
    """At the beginning."""
    shares: int
    """Traded in an ordinary session."""
    ratio: float
    """Percent of them sold short, in an ordinary session."""
    volatility: float = 0.018
    """Of the price, from session to session, as a fraction."""
    squeezes: float = 0.006
    """Chance that one begins, per session."""
    trades: float = 1.0
    """Chance that it is traded at all, per session."""
    shortable: bool = True
    """False if there is no data of it."""
    late: bool = False
    """True if its row comes one session later than the others'."""
    revised: bool = False
    """True if one of its rows is changed some sessions after it came."""

    @property
    def market(self) -> Market:
        """The market it is traded in."""
        return self.symbol.market


# Levels are the ordinary values of each kind: Hong Kong 11 to 20 %, Tencent less, index ETFs 30 to 65, the US some 15.
LISTING = (
    Security(Symbol("HK.00700"), 452.0, 21_000_000, 10.5, 0.017),
    Security(Symbol("HK.09988"), 118.0, 70_000_000, 15.0, 0.023),
    Security(Symbol("HK.03690"), 105.0, 42_000_000, 16.5, 0.024),
    Security(Symbol("HK.01810"), 44.0, 140_000_000, 13.0, 0.025),
    Security(Symbol("HK.00981"), 62.0, 75_000_000, 12.0, 0.030),
    Security(Symbol("HK.00005"), 98.0, 16_000_000, 12.5, 0.012),
    Security(Symbol("HK.00388"), 405.0, 5_500_000, 17.0, 0.016, revised=True),
    Security(Symbol("HK.01299"), 71.0, 31_000_000, 18.0, 0.016),
    Security(Symbol("HK.02800"), 25.6, 310_000_000, 44.0, 0.011),
    Security(Symbol("HK.03033"), 5.4, 850_000_000, 36.0, 0.017),
    Security(Symbol("HK.82800"), 23.8, 14_000, 48.0, 0.011, trades=0.45),
    Security(Symbol("HK.08005"), 0.31, 900_000, 12.0, shortable=False),
    Security(Symbol("US.AAPL"), 228.0, 52_000_000, 14.5, 0.015),
    Security(Symbol("US.MSFT"), 478.0, 21_000_000, 13.5, 0.013),
    Security(Symbol("US.NVDA"), 172.0, 190_000_000, 15.5, 0.025),
    Security(Symbol("US.TSLA"), 331.0, 92_000_000, 16.5, 0.032, squeezes=0.012),
    Security(Symbol("US.AMZN"), 221.0, 41_000_000, 14.0, 0.018),
    Security(Symbol("US.GME"), 24.5, 8_500_000, 22.0, 0.038, squeezes=0.025),
    Security(Symbol("US.AMC"), 3.1, 11_000_000, 24.0, 0.035, late=True),
    Security(Symbol("US.XRT"), 81.0, 5_200_000, 52.0, 0.014),
    Security(Symbol("US.SPY"), 612.0, 66_000_000, 41.0, 0.010),
    Security(Symbol("US.BRK.B"), 492.0, 4_100_000, 13.0, 0.011),
)


def more(count: int, seed: int) -> tuple[Security, ...]:
    """Return `count` ordinary securities beyond the listing, HK.0xxxx and US.XXXX in turn; alike for an equal seed.

    Raises:
        ValueError: there are not so many codes.
    """
    codes = list(islice(_codes(), count))
    if len(codes) < count:
        raise ValueError(f"{count} more symbols are more than there are codes, {len(codes)}")
    return tuple(_ordinary(code, seed) for code in codes)


def _ordinary(code: str, seed: int) -> Security:
    draw = random.Random(f"{seed}/{code}/security").random  # noqa: S311 - a simulation, not a secret
    return Security(
        Symbol(code),
        price=round(4 + 200 * draw() * draw(), 2),
        shares=int(200_000 + 40_000_000 * draw() * draw()),
        ratio=8 + 14 * draw(),
        volatility=0.01 + 0.025 * draw(),
    )


def _codes() -> Iterator[str]:
    """Codes that are not listed, of both markets in turn; Hong Kong's run out first."""
    listed = {security.symbol for security in LISTING}
    hong_kong = (f"HK.{number:05}" for number in range(1, 10_000))
    america = (f"US.{''.join(letters)}" for letters in product(ascii_uppercase, repeat=4))
    for codes in zip_longest(hong_kong, america):
        yield from (code for code in codes if code is not None and code not in listed)
