"""Which symbols the files name, and which of them a rule watches."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from watcher.core.market import Market, Symbol
from watcher.rulebook.closest import did_you_mean
from watcher.rulebook.problem import ENOUGH, MOST_PROBLEMS, Problem, errors, quoted
from watcher.rulebook.shape import Shape
from watcher.rulebook.source import Spot

WILDCARDS: Mapping[str, frozenset[str]] = {
    "*": frozenset(Market),
    **{f"{market}.*": frozenset({market.value}) for market in Market},
}
"""What stands for every symbol the files name, and of which markets."""


@dataclass(frozen=True, slots=True)
class NamedList:
    """A list, and where it is declared."""

    spot: Spot
    symbols: tuple[Symbol, ...]
    sound: bool
    """False if something in it is no symbol: what a rule watches cannot be told for certain, then."""


@dataclass(frozen=True, slots=True)
class Universe:
    """Everything that `symbols` of a rule can name."""

    lists: Mapping[str, NamedList]
    symbols: tuple[Symbol, ...]
    """Every symbol the files name, in order of first mention."""
    complete: bool
    """False if some of the lists could not be read: nothing is said of unknown ones, then."""

    def watched(self, entries: Iterable[str]) -> tuple[Symbol, ...]:
        """Return the symbols that the entries of a rule name, in order of mention, each once."""
        found: dict[Symbol, None] = {}
        for entry in entries:
            found.update(dict.fromkeys(self._named(entry)))
        return tuple(found)

    def understands(self, entries: Iterable[str]) -> bool:
        """Return whether every entry of a rule is known to be a list, a wildcard or a symbol, and sound."""
        return all(map(self._understands, entries))

    def uses(self, name: str, entries: Collection[str]) -> bool:
        """Return whether the entries of rules name symbols of a list, by its name or a wildcard."""
        markets = {symbol[:2] for symbol in self.lists[name].symbols}
        return name in entries or any(card in entries and markets & named for card, named in WILDCARDS.items())

    def _understands(self, entry: str) -> bool:
        if entry in WILDCARDS:
            return self.complete and all(named.sound for named in self.lists.values())
        return self.lists[entry].sound if entry in self.lists else _symbol(entry) is not None

    def _named(self, entry: str) -> Iterable[Symbol]:
        if markets := WILDCARDS.get(entry):
            return (symbol for symbol in self.symbols if symbol[:2] in markets)
        if entry in self.lists:
            return self.lists[entry].symbols
        symbol = _symbol(entry)
        return () if symbol is None else (symbol,)

    def problems(self, entries: list[str], spot: Spot) -> Iterator[Problem]:
        """Yield what is wrong with the entries of a rule's `symbols`; blank ones are known to be wrong already."""
        yield from repeated(entries, spot)
        for index, entry in enumerate(entries):
            if not entry or entry in WILDCARDS or entry in self.lists:
                continue
            if "." in entry:
                yield from _symbol_problems(entry, spot.at(index))
            elif self.complete:
                yield spot.at(index).on_text(f"unknown list {quoted(entry)}", self._suggestion(entry))
        if entries and self.understands(entries) and not self.watched(entries):
            yield spot.on_value("these name no symbol", "wildcards stand for the symbols that lists and rules name")

    def _suggestion(self, entry: str) -> str:
        written = _likely_symbol(entry)
        if written:
            return f"did you mean {written!r}?"
        return did_you_mean(entry, self.lists) or "declare it in [lists]"


def universe(shapes: Iterable[Shape], *, complete: bool) -> tuple[Universe, tuple[Problem, ...]]:
    """Return what the files name, and what is wrong with their lists."""
    lists: dict[str, NamedList] = {}
    mentioned: dict[Symbol, None] = {}
    problems: list[Problem] = []
    wrong = 0
    for shape in shapes:
        complete = complete and ("lists",) not in shape.unsound
        for name, entries in shape.tables.lists.items():
            spot = shape.root.at("lists", name)
            if wrong <= MOST_PROBLEMS:
                found = tuple(islice(_list_problems(name, entries, spot, lists.get(name)), ENOUGH))
                problems += found
                wrong += errors(found)
            symbols = [symbol for symbol in map(_symbol, entries) if symbol]
            sound = len(symbols) == len(entries)
            lists.setdefault(name, NamedList(spot, tuple(dict.fromkeys(symbols)), sound))
        mentioned.update(dict.fromkeys(_mentioned(shape)))
    return Universe(lists, tuple(mentioned), complete), tuple(problems)


def repeated(entries: Iterable[str], spot: Spot) -> Iterator[Problem]:
    """Yield a warning for each entry of a list that stands before it already, within reason."""
    return islice(_repeated(entries, spot), MOST_PROBLEMS)


def _repeated(entries: Iterable[str], spot: Spot) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        if entry and entry in seen:
            yield spot.at(index).on_text(f"{quoted(entry)} is named twice", "once is enough", severity="warning")
        seen.add(entry)


def _mentioned(shape: Shape) -> Iterator[Symbol]:
    """Yield the symbols of a file as they come, tables in the order in which they stand there."""
    writers: Mapping[str, Callable[[], Iterable[list[str]]]] = {
        "lists": shape.tables.lists.values,
        "rule": lambda: (rule.symbols for rule in shape.tables.rule),
    }
    for key in shape.order:
        if key in writers:
            yield from (symbol for entries in writers[key]() for symbol in map(_symbol, entries) if symbol)


def _list_problems(name: str, entries: list[str], spot: Spot, other: NamedList | None) -> Iterator[Problem]:
    if other:
        yield spot.on_key(f"there is a list {name!r} already, at {other.spot.where}", "every name once")
    if not entries:
        yield spot.on_value(f"list {name!r} has nothing in it", "name symbols, or leave it out", severity="warning")
    yield from repeated(entries, spot)
    for index, entry in enumerate(entries):
        if entry in WILDCARDS:
            yield spot.at(index).on_text(f"{entry!r} does not go into a list", "wildcards go into a rule's symbols")
        elif entry and "." not in entry and not _likely_symbol(entry):
            yield spot.at(index).on_text(
                f"{quoted(entry)} is not a symbol: a list holds no lists", "a rule may name several"
            )
        elif entry:
            yield from _symbol_problems(entry, spot.at(index))


def _symbol(entry: str) -> Symbol | None:
    try:
        return Symbol.parse(entry)
    except ValueError:
        return None


def _symbol_problems(entry: str, spot: Spot) -> Iterator[Problem]:
    try:
        Symbol.parse(entry)
    except ValueError as error:
        written = _likely_symbol(entry)
        message = str(error) if len(entry) <= 20 else f"{quoted(entry)} is not a symbol"
        yield spot.on_text(message, f"did you mean {written!r}?" if written else None)


def _likely_symbol(entry: str) -> str | None:
    """Return the symbol that was probably meant: hk.700, 00700.HK and 700 are HK.00700; AAPL is US.AAPL."""
    text = entry.strip().upper()
    market, dot, code = text.partition(".")
    if not dot and text != entry:
        return None  # in small letters and without a dot it looks like a list
    if not dot:
        market, code = ("HK", text) if text.isdecimal() else ("US", text)
    elif market not in Market.__members__:
        code, _, market = text.rpartition(".")
    if market == "HK" and code.isascii() and code.isdecimal():
        code = code.zfill(5)
    written = f"{market}.{code}"
    return written if _symbol(written) else None
