"""Write calendars.toml: closed weekdays and half days of both exchanges, as the package exchange_calendars has them.

It needs pandas and numpy, which are heavy, so its answer is kept here and the package is not a dependency. To renew it,
in an environment of its own, with the years that are wanted:

    python3 -m venv made && made/bin/pip install exchange_calendars
    made/bin/python tests/calendars.py 2026 2027 2028 > tests/calendars.toml
"""

# ruff: noqa: T201 - what it prints is the file

import sys
from datetime import date, timedelta
from importlib.metadata import version

import exchange_calendars  # type: ignore[import-not-found,unused-ignore]  # not installed here, see above

EXCHANGES = {"HK": "XHKG", "US": "XNYS"}


def main(years: list[int]) -> None:
    first, last = date(years[0], 1, 1), date(years[-1], 12, 31)
    print(f"# Written by tests/calendars.py from exchange_calendars {version('exchange_calendars')}; not to be edited.")
    print("# Weekdays without a session, and sessions that close early, as that package has them.")
    for market, exchange in EXCHANGES.items():
        calendar = exchange_calendars.get_calendar(exchange, start=first.isoformat(), end=last.isoformat())
        opens = {session.date() for session in calendar.sessions}
        early = {session.date() for session in calendar.early_closes}
        for year in years:
            days = [date(year, 1, 1) + timedelta(days=n) for n in range(366)]
            weekdays = [day for day in days if day.year == year and day.weekday() < 5]
            print(f"\n[{market}.{year}]")
            print(f"closed = [{', '.join(day.isoformat() for day in weekdays if day not in opens)}]")
            print(f"half = [{', '.join(day.isoformat() for day in weekdays if day in early)}]")


if __name__ == "__main__":
    main([int(year) for year in sys.argv[1:]])
