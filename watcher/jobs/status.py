"""Status: the alerts that are not quiet, with the value their rule quotes now."""

from dataclasses import dataclass

from watcher.core.alert import Alert
from watcher.core.book import RuleBook
from watcher.core.window import Window
from watcher.jobs.ports import Store


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert and the newest value of its rule's first comparison."""

    alert: Alert
    value: float | None


def standings(store: Store, book: RuleBook) -> list[Standing]:
    """Return the alerts that are not quiet, those firing first."""
    with store.read() as tx:
        alerts = [alert for of_symbol in tx.alerts.of().values() for alert in of_symbol.values()]
        symbols = sorted({alert.symbol for alert in alerts})
        rows, positions = tx.rows.newest(symbols, book.lookback), tx.rows.positions(symbols)
    found = []
    for alert in sorted(alerts, key=lambda alert: (not alert.firing, alert.symbol, alert.rule)):
        rule = book.by_name.get(alert.rule)
        held = positions.get(alert.symbol, ())
        window = Window.of_rows(alert.symbol.market, rows.get(alert.symbol, ()), held)
        if rule is not None and rule.reads_positions_only:
            window = Window.of_positions(held)
        value = None
        if rule is not None and window.dates:
            value = rule.when.first_comparison.value.number(window, len(window.dates) - 1)
        found.append(Standing(alert, value))
    return found
