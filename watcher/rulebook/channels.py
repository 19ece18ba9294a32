"""The channels: what each is told and when, and every place that names one."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from itertools import dropwhile, islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from watcher.core.book import CONSOLE, ChannelPolicy, QuietHours, url_variable
from watcher.core.language import Flaw
from watcher.core.rule import Severity
from watcher.rulebook.closest import did_you_mean
from watcher.rulebook.problem import ENOUGH, Problem, quoted
from watcher.rulebook.shape import Shape
from watcher.rulebook.source import Spot
from watcher.rulebook.tables import ChannelTable
from watcher.rulebook.universe import repeated

_QUIET = re.compile(r"\s*(?P<start>[^\s-]+)\s*-\s*(?P<end>[^\s-]+)(?:\s+(?P<zone>\S.*?))?\s*")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_LONGEST = 100
_EXAMPLE = "22:00-07:00 Asia/Hong_Kong"


@dataclass(frozen=True, slots=True)
class Channels:
    """All channels that are there, `console` included."""

    policies: Mapping[str, ChannelPolicy]
    spots: Mapping[str, Spot]
    """Where each is declared."""
    complete: bool
    """False if some of the declarations could not be read: nothing is said of unknown channels, then."""

    def problems(self, names: list[str], spot: Spot) -> Iterator[Problem]:
        """Yield what is wrong with a `notify`, within reason; blank names are known to be wrong already."""
        return islice(self._problems(names, spot), ENOUGH)

    def _problems(self, names: list[str], spot: Spot) -> Iterator[Problem]:
        yield from repeated(names, spot)
        for index, name in enumerate(names):
            yield from self.unknown(name, spot.at(index))

    def unknown(self, name: str, spot: Spot) -> Iterator[Problem]:
        """Yield the problem of a channel that is named, and is none."""
        if name and self.complete and name not in self.policies:
            suggestion = did_you_mean(name, self.policies) or "every channel but console is declared: [channels.NAME]"
            yield spot.on_text(f"unknown channel {quoted(name)}", suggestion)

    def unused(self, notified: Iterable[str]) -> Iterator[Problem]:
        """Yield a warning for each channel that is declared, and is neither notified nor a fallback."""
        used = {CONSOLE, *notified, *(policy.fallback for policy in self.policies.values())}
        for name, spot in self.spots.items():
            if name not in used:
                yield spot.on_key(f"nothing is told to {name!r}", "name it in a notify or a fallback", "warning")


def channels(shapes: Iterable[Shape], *, complete: bool) -> tuple[Channels, tuple[Problem, ...]]:
    """Return the channels that the files declare, and what is wrong with their declarations."""
    policies: dict[str, ChannelPolicy] = {CONSOLE: ChannelPolicy(CONSOLE)}
    spots: dict[str, Spot] = {}
    problems: list[Problem] = []
    for shape in shapes:
        complete = complete and ("channels",) not in shape.unsound
        for name, table in shape.tables.channels.items():
            spot = shape.root.at("channels", name)
            if name in spots:
                message = f"there is a channel {name!r} already, at {spots[name].where}"
                problems.append(spot.on_key(message, "every name once"))
                continue
            variable = url_variable(name)
            alike = next((other for other in spots if url_variable(other) == variable), None)
            if alike is not None:
                message = f"{name!r} and {alike!r} would both have their URL from {variable}"
                problems.append(spot.on_key(message, "names that differ by more than - and _, or capitals"))
                continue
            policies[name], flaws = _policy(name, table, spot)
            spots[name] = spot
            problems.extend(flaws)
    found = Channels(policies, spots, complete)
    problems.extend(_fallback_problems(found))
    return found, tuple(problems)


def quiet_hours(text: str) -> tuple[QuietHours | None, tuple[Flaw, ...]]:
    """Return the hours written in `text`, `HH:MM-HH:MM ZONE`, or None and what is wrong with it."""
    match = _QUIET.fullmatch(text) if len(text) <= _LONGEST else None
    if not match:
        return None, (Flaw(0, len(text), f"{quoted(text)} is not quiet hours", f"for example {_EXAMPLE}"),)
    flaws = [
        Flaw(*match.span(part), f"{match[part]!r} is no time of the day", "times are written 22:00 and 07:00")
        for part in ("start", "end")
        if not _TIME.fullmatch(match[part])
    ]
    zone = match["zone"]
    if zone is None:
        flaws.append(Flaw(0, len(text), "these hours lack their time zone", f"for example {_EXAMPLE}"))
    elif not _is_zone(zone):
        flaws.append(Flaw(*match.span("zone"), f"unknown time zone {zone!r}", _likely_zone(zone)))
    if flaws or zone is None:
        return None, tuple(flaws)
    start, end = time.fromisoformat(match["start"]), time.fromisoformat(match["end"])
    if start == end:
        return None, (Flaw(0, match.end("end"), "these hours begin when they end", f"for example {_EXAMPLE}"),)
    return QuietHours(start, end, zone), ()


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a directory of zones, such as Asia, is an OSError
        return False
    return True


def _likely_zone(written: str) -> str:
    zones = sorted(available_timezones())
    city = written.replace(" ", "_").casefold()
    named_after_it = [zone for zone in zones if zone.rpartition("/")[2].casefold() == city]
    if named_after_it:
        return f"did you mean {named_after_it[0]!r}?"
    return ("/" in written and did_you_mean(written, zones)) or "for example Asia/Hong_Kong or America/New_York"


def _policy(name: str, table: ChannelTable, spot: Spot) -> tuple[ChannelPolicy, list[Problem]]:
    problems: list[Problem] = []
    quiet = None
    if table.quiet is not None:
        quiet, flaws = quiet_hours(table.quiet)
        problems.extend(map(spot.at("quiet").on_flaw, flaws))
    if name == CONSOLE and table.fallback is not None:
        message = "console has no fallback: it is always there"
        problems.append(spot.at("fallback").on_key(message, "leave it out"))
    fallback = None if name == CONSOLE else table.fallback
    return ChannelPolicy(name, Severity(table.min_severity), quiet, fallback), problems


def _fallback_problems(found: Channels) -> Iterator[Problem]:
    leads_on: set[str] = set()
    for name, policy in found.policies.items():
        if policy.fallback is None:
            continue
        spot = found.spots[name].at("fallback")
        if policy.fallback == name:
            yield spot.on_text(f"{name!r} falls back on itself", "name another channel")
            continue
        if policy.fallback not in found.policies:
            yield from found.unknown(policy.fallback, spot)
            if not policy.fallback:
                yield spot.on_value("'fallback' has nothing in it", "name a channel, or leave it out")
            continue
        ring = _ring(name, found.policies, leads_on)
        if len(ring) > 1:
            spot = found.spots[ring[0]].at("fallback")
            yield spot.on_text(f"fallbacks go in a ring: {' → '.join((*ring, ring[0]))}", "let one of them have none")


def _ring(name: str, policies: Mapping[str, ChannelPolicy], seen: set[str]) -> tuple[str, ...]:
    """Return the channels whose fallbacks lead in a ring, if those from `name` on do.

    `seen` are the channels that were walked through before; those of this walk are added.
    """
    path: dict[str, None] = {}
    at: str | None = name
    while at is not None and at not in path and at not in seen:
        path[at] = None
        policy = policies.get(at)
        at = policy.fallback if policy else None
    seen.update(path)
    return tuple(dropwhile(lambda channel: channel != at, path))
