"""The rules: each with its defaults, compiled and checked against what it names."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from watcher.core import language, template
from watcher.core.expression import Expression
from watcher.core.market import Symbol
from watcher.core.metrics import METRICS
from watcher.core.rule import Rule, Severity
from watcher.rulebook.channels import Channels
from watcher.rulebook.conditions import market_flaws, overlap, partial_flaw
from watcher.rulebook.problem import ENOUGH, MOST_PROBLEMS, Problem, errors
from watcher.rulebook.shape import Shape
from watcher.rulebook.source import Spot
from watcher.rulebook.tables import RuleKeys, RuleTable
from watcher.rulebook.universe import Universe


@dataclass(frozen=True, slots=True)
class Defaults:
    """What rules have that they do not say themselves."""

    keys: RuleKeys
    spot: Spot


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule's table with its defaults filled in; blank where something of it is known to be wrong."""

    table: RuleTable
    spot: Spot
    defaulted: Mapping[str, Spot]
    """Where the keys are that it has by default."""

    @classmethod
    def of(cls, own: RuleTable, spot: Spot, defaults: Defaults | None) -> "Draft":
        """Return the rule with the defaults for what it does not say itself."""
        if defaults is None:
            return cls(own, spot, {})
        missing = defaults.keys.model_fields_set - own.model_fields_set
        whole = own.model_copy(update={name: getattr(defaults.keys, name) for name in missing})
        return cls(whole, spot, {name: defaults.spot.at(name) for name in missing})

    def origin(self, key: str) -> Spot:
        """Return where a key of it is written: in the rule or in the defaults."""
        return self.defaulted.get(key) or self.spot.at(key)


def rules(drafts: Iterable[Draft], universe: Universe, channels: Channels) -> tuple[list[Rule], list[Problem]]:
    """Return the rules that can be made of their drafts, and the problems of all of them, within reason."""
    made: list[Rule] = []
    problems: list[Problem] = []
    wrong = 0
    first_of_name: dict[str, Draft] = {}
    first_of_text: dict[tuple[object, ...], Draft] = {}
    for draft in drafts:
        if wrong > MOST_PROBLEMS:
            break
        name = draft.table.name
        other = first_of_name.setdefault(name, draft)
        if name and other is not draft:
            message = f"there is a rule {name!r} already, at {other.spot.at('name').where}"
            problems.append(draft.spot.at("name").on_text(message, "every name once"))
        rule, found = _rule(draft, universe, channels)
        problems.extend(found)
        wrong += errors(found)
        if rule is None:
            continue
        made.append(rule)
        twin = first_of_text.setdefault(_meaning(rule), draft)
        if twin is not draft:
            message = f"rule {name!r} watches the same as {twin.table.name!r}, at {twin.spot.at('name').where}"
            problems.append(draft.spot.at("when").on_text(message, "one of them tells everything twice", "warning"))
    return made, problems


def default_problems(defaults: Defaults, channels: Channels) -> Iterator[Problem]:
    """Yield what is wrong with the defaults themselves, whether a rule uses them or not."""
    yield from channels.problems(defaults.keys.notify, defaults.spot.at("notify"))
    _, problems = _expression(defaults.keys.until, defaults.spot.at("until"))
    yield from problems
    if defaults.keys.message is not None:
        yield from map(defaults.spot.at("message").on_flaw, template.flaws(defaults.keys.message))


def _rule(draft: Draft, universe: Universe, channels: Channels) -> tuple[Rule | None, list[Problem]]:
    table = draft.table
    symbols = universe.watched(table.symbols)
    problems = [
        *islice(universe.problems(table.symbols, draft.spot.at("symbols")), ENOUGH),
        *channels.problems(table.notify, draft.origin("notify")),
        *_unheard(draft, channels),
    ]
    when, found = _expression(table.when or None, draft.spot.at("when"))
    problems.extend(found)
    until, found = _expression(table.until, draft.origin("until"))
    problems.extend(found)
    known = symbols if universe.understands(table.symbols) else ()
    problems.extend(_message_problems(draft, known))
    for expression, spot in ((when, draft.spot.at("when")), (until, draft.origin("until"))):
        if expression and known:
            problems.extend(map(spot.on_flaw, market_flaws(expression, table.name, known)))
    if when and until:
        problems.extend(_overlap_problems(draft, when, until))
    if when is None or not table.name or any(problem.severity == "error" for problem in problems):
        return None, problems
    rule = Rule(
        name=table.name,
        symbols=symbols,
        when=when,
        until=until,
        for_=table.for_,
        until_for=table.until_for,
        notify=tuple(dict.fromkeys(table.notify)),
        severity=Severity(table.severity),
        remind=table.remind,
        resolved=table.resolved,
        message=table.message,
        enabled=table.enabled,
    )
    return rule, problems


def _meaning(rule: Rule) -> tuple[object, ...]:
    """Return what two rules have in common that tell the same: symbols, counts, conditions but for spaces."""
    conditions = (rule.when, rule.until)
    words = tuple(" ".join(condition.text.split()) if condition else None for condition in conditions)
    return frozenset(rule.symbols), words, rule.for_, rule.until_for


def _expression(text: str | None, spot: Spot) -> tuple[Expression | None, Iterable[Problem]]:
    if text is None:
        return None, ()
    expression, flaws = language.parse(text)
    return expression, map(spot.on_flaw, flaws)


def _overlap_problems(draft: Draft, when: Expression, until: Expression) -> Iterator[Problem]:
    value = overlap(when, until)
    if value is None:
        return
    (metric,) = when.metrics
    message = f"until holds while when does: both do at {metric} = {value:g}"
    suggestion = f"until is the way out of {' '.join(when.text.split())!r}"
    yield draft.origin("until").on_text(message, suggestion)


def _message_problems(draft: Draft, symbols: tuple[Symbol, ...]) -> Iterator[Problem]:
    message, spot = draft.table.message, draft.origin("message")
    if message is None:
        return
    yield from map(spot.on_flaw, template.flaws(message))
    for field in template.fields(message):
        if field.name not in METRICS:
            continue
        start = field.start + 1
        if flaw := partial_flaw(field.name, start, start + len(field.name), symbols):
            yield spot.on_flaw(flaw)


def _unheard(draft: Draft, channels: Channels) -> Iterator[Problem]:
    """Yield a warning if every channel of the rule wants to hear of nothing that matters so little."""
    rank = Severity(draft.table.severity).rank
    policies = [channels.policies.get(name) for name in draft.table.notify]
    if all(policy and rank < policy.min_severity.rank for policy in policies):
        message = f"nobody is told of rule {draft.table.name!r}: its channels want more than {draft.table.severity}"
        yield draft.origin("notify").on_value(message, "see min_severity of these channels", "warning")


def defaults_of(shapes: Iterable[Shape]) -> tuple[Defaults | None, list[Problem]]:
    """Return the one [defaults] of all files, and a problem for any other."""
    found: Defaults | None = None
    problems: list[Problem] = []
    for shape in shapes:
        if not shape.has_defaults:
            continue
        spot = shape.root.at("defaults")
        if found:
            problems.append(spot.on_value(f"there is a [defaults] already, at {found.spot.where}", "in one file only"))
            continue
        found = Defaults(shape.tables.defaults, spot)
    return found, problems
