"""What happens, as plainly as it can be said: one rule, `value > limit` for so many sessions, on one symbol.

Nothing here is shared with the program. A value is None where it is unknown.
"""

from dataclasses import dataclass, field
from datetime import date

Run = tuple[date, date | None]
"""First day of an episode, and the day that ended it; None while it fires."""
Rows = dict[date, float | None]


@dataclass
class Truth:
    """What there is to tell of one alert."""

    limit: float = 0
    sessions: int = 1
    remind: int = 0
    judged: bool = False
    """False while the rule rests, or does not name the symbol."""
    known: Rows = field(default_factory=dict)
    checkpoint: date = date.min
    base: tuple[date | None, int, int] = (None, 0, 0)
    """After the checkpoint: the open episode, days in a row above the limit, days since it opened."""
    episode: date | None = None
    """The name of the one that fires."""
    happened: list[tuple[str, date]] = field(default_factory=list)
    """Opened, reminded, resolved, retracted; and the episode."""

    def see(self, answer: Rows) -> None:
        """An answer arrives: first what it says anew of the days up to the newest known, then day by day."""
        before, newest = self.known, max(self.known, default=date.min)
        if not self.judged or not before:
            self.known = before | answer
            self.take_up()
            return
        self._change(before | {day: value for day, value in answer.items() if day <= newest})
        for day in sorted(day for day in answer if day > newest):
            was, age = self.episode, self._runs(self.known)[2]
            self._change(self.known | {day: answer[day]})
            older = self._runs(self.known)[2]
            if self.remind and was is not None and self.episode == was and older > age and older % self.remind == 0:
                self.happened.append(("reminded", was))

    def take_up(self) -> None:
        """The text is new: it is what it says of all that is known; where that is not as it was, it is told."""
        if not self.judged or not self.known:
            return
        self.checkpoint, self.base = date.min, (None, 0, 0)
        runs, count, age = self._runs(self.known)
        if not runs or runs[-1][1] is not None:
            self.end()
        elif self.episode is None:
            self.episode = runs[-1][0]
            self.happened.append(("opened", self.episode))
        self.checkpoint, self.base = max(self.known), (self.episode, count, age)

    def end(self) -> None:
        """The episode that fires, if one does, is over."""
        if self.episode is not None:
            self.happened.append(("resolved", self.episode))
        self.episode = None

    def _change(self, known: Rows) -> None:
        """An episode before and one after that overlap are the same, the latest of several; others are new, or gone."""
        were, are = self._runs(self.known)[0], self._runs(known)[0]
        self.known = known
        if self.episode is not None:
            fires = (self.episode, None)
            were = [run for run in were if not _overlap(run, fires)] + [fires]
        self.happened += [("retracted", run[0]) for run in were if not any(_overlap(run, other) for other in are)]
        for run in are:
            if not any(_overlap(run, other) for other in were):
                self.happened += [("opened", run[0])] + ([("resolved", run[0])] if run[1] else [])
        if are and are[-1][1] is None:
            self.episode = next((run[0] for run in reversed(were) if _overlap(run, are[-1])), are[-1][0])
            return
        if self.episode is not None and any(_overlap(run, (self.episode, None)) for run in are):
            self.end()
        self.episode = None

    def _runs(self, rows: Rows) -> tuple[list[Run], int, int]:
        opened, count, age = self.base
        runs: list[Run] = [(opened, None)] if opened else []
        for day in sorted(day for day in rows if day > self.checkpoint):
            value = rows[day]
            if value is None:
                continue
            if opened is None:
                count = count + 1 if value > self.limit else 0
                if count == self.sessions:
                    runs, opened, count = [*runs, (day, None)], day, 0
            elif value > self.limit:
                age += 1
            else:
                runs[-1], opened, age = (runs[-1][0], day), None, 0
        return runs, count, age


def _overlap(one: Run, other: Run) -> bool:
    return one[0] < (other[1] or date.max) and other[0] < (one[1] or date.max)
