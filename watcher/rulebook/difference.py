"""What an edit changes: rules added, removed, changed, as a value and as text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from watcher.core.book import RuleBook
from watcher.core.market import Symbol
from watcher.core.rule import Rule

_JUDGED_BY = frozenset({"when", "until", "for", "until_for", "enabled"})


@dataclass(frozen=True, slots=True)
class RuleEdit:
    """How a rule that keeps its name differs from before."""

    name: str
    keys: tuple[str, ...]
    """The keys whose values are others, `symbols` left out, as they are written in rules.toml."""
    gained: tuple[Symbol, ...] = ()
    lost: tuple[Symbol, ...] = ()

    @property
    def judged_anew(self) -> bool:
        """True if its alerts are folded anew over stored rows; where that makes them others, it is told."""
        return not _JUDGED_BY.isdisjoint(self.keys)


@dataclass(frozen=True, slots=True)
class Difference:
    """What an edit changes in a rule book; empty if nothing."""

    added: tuple[Rule, ...] = ()
    removed: tuple[Rule, ...] = ()
    edited: tuple[RuleEdit, ...] = ()
    channels: tuple[str, ...] = ()
    """Those that are declared, gone, or to be told otherwise than before; the operator's among them."""

    def __bool__(self) -> bool:
        """True if there is any."""
        return bool(self.added or self.removed or self.edited or self.channels)

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each rule, marked + added, - removed, ~ changed."""
        return tuple(self._lines())

    def _lines(self) -> Iterator[str]:
        for rule in self.added:
            yield f"+ rule {rule.name} on {_count(rule.symbols)}"
        for rule in self.removed:
            yield f"- rule {rule.name}: its alerts end untold"
        for edit in self.edited:
            yield f"~ rule {edit.name}: {'; '.join(_effects(edit))}"
        if self.channels:
            yield f"~ channels: {', '.join(self.channels)}"


def difference(before: RuleBook, after: RuleBook) -> Difference:
    """Return what is different in the book `after` an edit."""
    kept = [(before.by_name[rule.name], rule) for rule in after.rules if rule.name in before.by_name]
    edits = [_edit(old, new) for old, new in kept]
    policies = before.channels.keys() | after.channels.keys()
    channels = [name for name in sorted(policies) if before.channels.get(name) != after.channels.get(name)]
    return Difference(
        tuple(rule for rule in after.rules if rule.name not in before.by_name),
        tuple(rule for rule in before.rules if rule.name not in after.by_name),
        tuple(edit for edit in edits if edit.keys or edit.gained or edit.lost),
        (*channels, *(["operator"] if before.operator != after.operator else [])),
    )


def _edit(old: Rule, new: Rule) -> RuleEdit:
    names = [field.name for field in fields(Rule) if field.name not in {"name", "symbols"}]
    keys = [name.rstrip("_") for name in names if getattr(old, name) != getattr(new, name)]
    gained = tuple(symbol for symbol in new.symbols if symbol not in set(old.symbols))
    lost = tuple(symbol for symbol in old.symbols if symbol not in set(new.symbols))
    return RuleEdit(new.name, tuple(keys), gained, lost)


def _effects(edit: RuleEdit) -> Iterator[str]:
    if edit.keys:
        what = "judged anew" if edit.judged_anew else "its alerts stay"
        yield f"{', '.join(edit.keys)} changed, {what}"
    if edit.gained:
        yield f"watches {_count(edit.gained)} more"
    if edit.lost:
        yield f"watches {_count(edit.lost)} less: their alerts end untold"


def _count(symbols: Sequence[Symbol]) -> str:
    return f"{len(symbols)} symbol{'s'[: len(symbols) != 1]}"
