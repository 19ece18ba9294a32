"""The rule book: everything that rules.toml says, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from watcher.core.market import Symbol
from watcher.core.rule import Rule, Severity

CONSOLE = "console"
"""The channel that always exists."""
_MINUTE = timedelta(minutes=1)


def url_variable(channel: str) -> str:
    """Return the environment variable that holds a channel's URL: WATCHER_CHANNELS__OPS_MAIL of `Ops-Mail`."""
    return f"WATCHER_CHANNELS__{channel.upper().replace('-', '_')}"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours of the day in which a channel is told nothing but what is critical; may span midnight."""

    start: time
    end: time
    zone: str
    """IANA name of the time zone."""

    def hold(self, now: datetime) -> bool:
        """Return whether `now` lies within, the end excluded."""
        local = now.astimezone(ZoneInfo(self.zone)).time()
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end

    def over(self, now: datetime) -> datetime:
        """Return when the hours that `now` lies in are over: the first minute that `hold` says is outside.

        Counted in minutes, for on the two days a year on which clocks change, no sum of local times is right.
        """
        minute = now.replace(second=0, microsecond=0) + _MINUTE
        while self.hold(minute):
            minute += _MINUTE
        return minute


@dataclass(frozen=True, slots=True)
class ChannelPolicy:
    """What `[channels.NAME]` says: what the channel is told, and when; its URL is a setting."""

    name: str
    min_severity: Severity = Severity.INFO
    quiet: QuietHours | None = None
    fallback: str | None = None


@dataclass(frozen=True)
class RuleBook:
    """All rules, channels and lists, as of one reading of the file or directory."""

    rules: tuple[Rule, ...] = ()
    channels: Mapping[str, ChannelPolicy] = field(default_factory=lambda: {CONSOLE: ChannelPolicy(CONSOLE)})
    """By name, `console` included."""
    operator: tuple[str, ...] = (CONSOLE,)
    """Channels that hear of the watcher's own troubles."""
    digest: str = ""
    """Hash of the content it was read from."""

    @cached_property
    def by_symbol(self) -> Mapping[Symbol, tuple[Rule, ...]]:
        """The enabled rules of each symbol; symbols in order of first mention, those of resting rules included."""
        if all(rule.enabled for rule in self.rules):
            return self.all_by_symbol
        enabled = _by_symbol([rule for rule in self.rules if rule.enabled])
        return {symbol: enabled.get(symbol, ()) for symbol in self.all_by_symbol}

    @cached_property
    def all_by_symbol(self) -> Mapping[Symbol, tuple[Rule, ...]]:
        """The rules of each symbol, those that rest included."""
        return _by_symbol(self.rules)

    @cached_property
    def by_name(self) -> Mapping[str, Rule]:
        """The rules by name."""
        return {rule.name: rule for rule in self.rules}

    @cached_property
    def lookback(self) -> int:
        """Rows of history that its rules look at, at most."""
        return max((rule.lookback for rule in self.rules), default=1)


def _by_symbol(rules: Sequence[Rule]) -> dict[Symbol, tuple[Rule, ...]]:
    """Return the rules of each symbol; thousands of symbols share a few combinations, and these the memory."""
    combinations: dict[Symbol, int] = {}  # a bit for each rule
    for place, rule in enumerate(rules):
        for symbol in rule.symbols:
            combinations[symbol] = combinations.get(symbol, 0) | 1 << place
    combined = {
        bits: tuple(rule for place, rule in enumerate(rules) if bits >> place & 1)
        for bits in set(combinations.values())
    }
    return {symbol: combined[bits] for symbol, bits in combinations.items()}
