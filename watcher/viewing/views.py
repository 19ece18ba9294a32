"""What each page shows, read in short transactions and put together outside of them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from math import inf
from typing import NamedTuple

from watcher.core.alert import Phase
from watcher.core.market import Position, Row, Symbol
from watcher.core.quarantine import Held
from watcher.core.report import TREND
from watcher.core.rule import Rule
from watcher.rulebook.problem import printed
from watcher.store.revisions import Revision
from watcher.viewing.episodes import episodes
from watcher.viewing.glance import Glance, glance, head
from watcher.viewing.lines import Watched, closeness, counts, in_portions, line, watched, windows
from watcher.viewing.paging import pages, part
from watcher.viewing.records import revised, set_aside
from watcher.viewing.rules import condition, rule_view
from watcher.viewing.rules_file import RulesFile, RulesOnDisk
from watcher.viewing.sessions import Drawn, drawn
from watcher.web.head import Head
from watcher.web.lines import Line
from watcher.web.pages import EpisodesView, Overview, Part, RulesView, SymbolView
from watcher.web.told import Episode
from watcher.web.wanted import EpisodesWanted, OverviewWanted
from watcher.wiring import Live

LINES, RULES, EPISODES = 16, 8, 12
"""On one page, which is to stay below 40 KB."""
_OF_SYMBOL, _EPISODES_OF_SYMBOL, _PROBLEMS = 5, 3, 6
_REVISIONS = 500
"""That are looked up, so that the rows they are of can be marked."""
_PORTION = 64
"""Symbols that are looked at in one go."""
_MOST_CHOICES = 30
_DAY = timedelta(days=1)


class _Opened(NamedTuple):
    """Everything that is stored of one symbol, as far as it is shown."""

    rows: Sequence[Row]
    positions: Sequence[Position]
    revisions: tuple[int, list[Revision]]
    held: Sequence[Held]
    episodes: Part[Episode]


class Viewing:
    """The pages of live parts."""

    def __init__(self, live: Live) -> None:
        """Read what `live` works on."""
        self._live = live
        self._file = RulesFile(live.settings.rules_path, live.settings.state_directory)
        self._one_at_a_time = asyncio.Lock()

    async def overview(self, wanted: OverviewWanted) -> Overview:
        """Return the alerts that are wanted, the worst first, and of the quiet ones those nearest to their limit."""
        seen, of_page, _ = await self._look()
        every = await asyncio.to_thread(watched, seen.book, seen.states, seen.alerts)
        fitting = await asyncio.to_thread(lambda: [each for each in every if each.fits(wanted)])
        on_page = part(await self._in_order(fitting, wanted.page * LINES), LINES, wanted.page)
        rules = tuple(rule.name for rule in seen.book.rules)
        return Overview(
            of_page,
            on_page.showing(await self._lines(on_page.shown)),
            counts(every),
            rules if len(rules) <= _MOST_CHOICES else (),
        )

    async def symbol(self, symbol: Symbol, rule: str | None) -> SymbolView | None:
        """Return everything about a symbol; None if no rule names it and nothing is stored of it."""
        seen, of_page, _ = await self._look()
        if symbol not in seen.book.by_symbol and symbol not in seen.states:
            return None
        every = await asyncio.to_thread(watched, seen.book, seen.states, seen.alerts)
        alerts = sorted((each for each in every if each.symbol == symbol and each.rule), key=lambda each: each.rank)
        chosen = next((each.rule for each in alerts if rule in (None, each.alert.rule)), None)
        opened = await self._live.writer(lambda: self._opened(symbol))
        picture = await asyncio.to_thread(_drawn, chosen, symbol, opened)
        total, revisions = opened.revisions
        held = sorted(opened.held, key=lambda each: (each.seen_at, each.quarantined.on_date), reverse=True)
        on_page = part(alerts, _OF_SYMBOL, 1)
        return SymbolView(
            head=of_page,
            symbol=symbol,
            state=seen.states.get(symbol),
            lines=on_page.showing(await self._lines(on_page.shown)),
            rule=chosen.name if chosen else None,
            condition=condition(chosen) if chosen else None,
            positions_only=chosen is not None and chosen.reads_positions_only,
            charts=picture.charts,
            columns=picture.columns,
            sessions=picture.sessions,
            revisions=Part(tuple(map(revised, revisions[:_OF_SYMBOL])), total, 1, pages(total, _OF_SYMBOL)),
            set_aside=part([set_aside(each) for each in held], _OF_SYMBOL, 1),
            episodes=opened.episodes,
        )

    async def rules(self, text: str, page: int) -> RulesView:
        """Return the rules in force whose names have `text` in them, in the order of the file."""
        seen, of_page, file = await self._look()
        rules = [rule for rule in seen.book.rules if text.lower() in rule.name.lower()]
        on_page = part(rules, RULES, page)
        problems = [(each.severity, printed(each).rstrip()) for each in file.problems]
        return RulesView(
            of_page,
            on_page.showing(tuple(rule_view(rule, seen, file) for rule in on_page.shown)),
            part(problems, _PROBLEMS, 1),
        )

    async def episodes(self, wanted: EpisodesWanted) -> EpisodesView:
        """Return the episodes that are wanted, those last heard of first."""
        _, of_page, _ = await self._look()
        return EpisodesView(of_page, await self._live.writer(lambda: self._episodes(wanted)))

    async def _look(self) -> tuple[Glance, Head, RulesOnDisk]:
        seen = await self._live.writer(lambda: glance(self._live))
        async with self._one_at_a_time:  # of the file, what is made of it is kept for the next look
            file = await asyncio.to_thread(self._file.look, seen.book.digest)
        return seen, head(seen, file), file

    async def _in_order(self, fitting: Sequence[Watched], wanted: int) -> list[Watched]:
        """Return them in order; how near the quiet ones are to their limits is asked only where it is to be seen."""
        ordered = await asyncio.to_thread(sorted, fitting, key=lambda each: each.rank)
        calm = [each for each in ordered if each.rule and each.alert.phase is Phase.QUIET and not each.troubled]
        first = next((index for index, each in enumerate(ordered) if calm and each is calm[0]), len(ordered))
        if first >= wanted:
            return ordered
        near: dict[tuple[Symbol, str], float] = {}
        rules: dict[Symbol, list[Rule]] = {}
        for each in calm:
            if each.rule:
                rules.setdefault(each.symbol, []).append(each.rule)
        for portion in in_portions(list(rules), _PORTION):
            of_portion = {symbol: rules[symbol] for symbol in portion}
            near |= await self._live.writer(partial(self._near, of_portion))
        calm.sort(key=lambda each: near.get((each.symbol, each.alert.rule), inf))
        of_calm = set(map(id, calm))
        return [*ordered[:first], *calm, *(each for each in ordered[first:] if id(each) not in of_calm)]

    def _near(self, rules: Mapping[Symbol, Sequence[Rule]]) -> dict[tuple[Symbol, str], float]:
        comparisons = [rule.when.first_comparison for of_symbol in rules.values() for rule in of_symbol]
        lookback = max(max(each.value.lookback, each.limit.lookback) for each in comparisons)
        found = {}
        with self._live.store.read() as tx:
            rows, positions = tx.rows.newest(list(rules), lookback), tx.rows.positions(list(rules))
        for symbol, of_symbol in rules.items():
            of_rows, of_positions = windows(symbol, rows, positions)
            for rule in of_symbol:
                window = of_positions if rule.reads_positions_only else of_rows
                found[symbol, rule.name] = closeness(rule, window)
        return found

    async def _lines(self, of_page: Sequence[Watched]) -> tuple[Line, ...]:
        symbols = list(dict.fromkeys(each.symbol for each in of_page))
        lookback = max((each.rule.lookback for each in of_page if each.rule), default=1)

        def read() -> tuple[Mapping[Symbol, Sequence[Row]], Mapping[Symbol, Sequence[Position]]]:
            with self._live.store.read() as tx:
                return tx.rows.newest(symbols, TREND + lookback), tx.rows.positions(symbols)

        rows, positions = await self._live.writer(read)

        def lines() -> tuple[Line, ...]:
            over = {symbol: windows(symbol, rows, positions) for symbol in symbols}
            positions_only = [each.rule is not None and each.rule.reads_positions_only for each in of_page]
            return tuple(
                line(each, over[each.symbol][only]) for each, only in zip(of_page, positions_only, strict=True)
            )

        return await asyncio.to_thread(lines)

    def _opened(self, symbol: Symbol) -> _Opened:
        with self._live.store.read() as tx:
            total, keys = tx.history.episodes(symbols=[symbol], count=_EPISODES_OF_SYMBOL)
            return _Opened(
                tx.rows.newest([symbol]).get(symbol, ()),
                tx.rows.positions([symbol]).get(symbol, ()),
                tx.revisions.newest(symbol, _REVISIONS),
                tx.quarantine.entries([symbol]),
                Part(episodes(keys, tx.history.of_episodes(keys)), total, 1, pages(total, _EPISODES_OF_SYMBOL)),
            )

    def _episodes(self, wanted: EpisodesWanted) -> Part[Episode]:
        with self._live.store.read() as tx:
            of_page = partial(
                tx.history.episodes,
                symbols=[wanted.symbol, wanted.symbol.upper()] if wanted.symbol else None,
                rule=wanted.rule or None,
                word=wanted.told.value if wanted.told else None,
                since=datetime.combine(wanted.first, time(), UTC) if wanted.first else None,
                until=_end(wanted.last) if wanted.last else None,
                count=EPISODES,
            )
            page = wanted.page
            total, keys = of_page(skip=(page - 1) * EPISODES)
            last = max(pages(total, EPISODES), 1)
            if page > last:  # of a page beyond the end, the last one
                page = last
                total, keys = of_page(skip=(page - 1) * EPISODES)
            return Part(episodes(keys, tx.history.of_episodes(keys)), total, page, last)


def _end(day: date) -> datetime | None:
    """Return the moment from which on it is another day; None after the last there is."""
    return datetime.combine(day + _DAY, time(), UTC) if day < date.max else None


def _drawn(rule: Rule | None, symbol: Symbol, opened: _Opened) -> Drawn:
    of_rows, of_positions = windows(symbol, {symbol: opened.rows}, {symbol: opened.positions})
    only = rule is not None and rule.reads_positions_only
    kind = "position" if only else "row"
    revised = {each.on_date for each in opened.revisions[1] if each.kind == kind}
    return drawn(rule, symbol, of_positions if only else of_rows, revised)
