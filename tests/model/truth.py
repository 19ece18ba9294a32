"""What happens, as plainly as it can be said: one rule, `value > limit` for so many sessions, on one symbol.

Nothing here is shared with the program. A value is None where it is unknown.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

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
    names: dict[date, list[date]] = field(default_factory=dict)
    """What was told of the runs that have moved, joined or split since, by the day on which they begin now."""
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
        self.checkpoint, self.base, self.names = date.min, (None, 0, 0), {}
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
        """A run is told as what it overlaps was, or is new; what no run is told as any more, was never so."""
        were = [(run, self.names.get(run[0], [run[0]])) for run in self._runs(self.known)[0]]
        are = [
            (run, list(dict.fromkeys(name for old, told in were if _overlap((run, []), (old, told)) for name in told)))
            for run in self._runs(known)[0]
        ]
        self.known = known
        gone = {name for _, told in were for name in told} - {name for _, told in are for name in told}
        self.happened += [("retracted", name) for name in sorted(gone)]
        for run, told in are:
            if not told:
                told.append(run[0])
                self.happened += [("opened", run[0])] + ([("resolved", run[0])] if run[1] else [])
        self.names = {run[0]: told for run, told in are}
        if are and are[-1][0][1] is None:
            self.episode = are[-1][1][-1]
            return
        if self.episode is not None and any(self.episode in told for _, told in are):
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


def _overlap(one: tuple[Run, list[date]], other: tuple[Run, list[date]]) -> bool:
    """True if both fire on some day, by the rows as they are or as they were when they were told."""
    return _begin(*one) < _end(*other) and _begin(*other) < _end(*one)


def _begin(run: Run, told: list[date]) -> date:
    return min([run[0], *told])


def _end(run: Run, told: list[date]) -> date:
    return max([run[1], *(day + timedelta(days=1) for day in told)]) if run[1] else date.max
