"""What one rule, `value > limit` for so many sessions, must tell of one symbol: written as plainly as it can be said.

Nothing here is shared with the program. Days are numbers; a value is None where it is unknown.
"""

from dataclasses import dataclass, field

Run = tuple[int, int | None]
"""First day of an episode, and the day that ended it; None while it fires."""


@dataclass
class State:
    opened: int | None = None
    count: int = 0


@dataclass
class Oracle:
    limit: float
    sessions: int
    known: dict[int, float | None] = field(default_factory=dict)
    state: State = field(default_factory=State)
    checkpoint: int = -1
    base: State = field(default_factory=State)
    over: set[int] = field(default_factory=set)
    """Names of episodes whose end was told, or that were retracted."""
    told: list[tuple[str, int]] = field(default_factory=list)

    def see(self, answer: dict[int, float | None]) -> None:
        """An answer arrives."""
        newest = max(self.known, default=None)
        before, self.known = dict(self.known), {**self.known, **answer}
        if newest is None:
            self._take_up()
            return
        changed = [day for day in answer if day <= newest and (day not in before or before[day] != answer[day])]
        if changed:
            self._judge_again(before, min(changed), newest)
        self._judge(sorted(day for day in self.known if day > newest))

    def edit(self, limit: float, sessions: int) -> None:
        """The rule is edited."""
        was, self.limit, self.sessions = self.state.opened, limit, sessions
        if not self.known:
            return
        self._take_up(tell=was is None)
        if was is not None and self.state.opened is not None:
            self.state.opened = self.base.opened = was
        elif was is not None:
            self._end(was)

    def _take_up(self, *, tell: bool = True) -> None:
        self.state, _ = self._fold(State(), self.known, sorted(self.known))
        self.checkpoint, self.base = max(self.known), State(self.state.opened, self.state.count)
        if tell and self.state.opened is not None:
            self._open(self.state.opened)

    def _judge(self, days: list[int]) -> None:
        for day in days:
            was = self.state.opened
            self.state, _ = self._fold(self.state, self.known, [day])
            if was is None and self.state.opened is not None:
                self._open(self.state.opened)
            elif was is not None and self.state.opened is None:
                self._end(was)

    def _judge_again(self, before: dict[int, float | None], since: int, newest: int) -> None:
        after_checkpoint = [day for day in sorted(before) if day > self.checkpoint]
        start, _ = self._fold(self.base, before, [day for day in after_checkpoint if day < since])
        _, were = self._fold(start, before, [day for day in after_checkpoint if day >= since])
        days = [day for day in sorted(self.known) if max(since, self.checkpoint + 1) <= day <= newest]
        now, are = self._fold(start, self.known, days)
        were = [run for run in were if run[1] is not None] + (
            [(self.state.opened, None)] if self.state.opened is not None else []
        )
        for run in were:
            if not any(_overlap(run, other) for other in are):
                self.told.append(("retracted", run[0]))
                self.over.add(run[0])
        for run in are:
            if not any(_overlap(run, other) for other in were):
                self._open(run[0])
                if run[1] is not None:
                    self._end(run[0])
        was = self.state.opened
        if now.opened is not None:
            same = [run[0] for run in were if _overlap(run, (now.opened, None))]
            now.opened = same[0] if same else now.opened
        elif was is not None and any(_overlap(run, (was, None)) for run in are):
            self._end(was)
        self.state = now

    def _open(self, day: int) -> None:
        self.over.discard(day)
        self.told.append(("opened", day))

    def _end(self, day: int) -> None:
        if day not in self.over:
            self.told.append(("resolved", day))
        self.over.add(day)

    def _fold(self, start: State, rows: dict[int, float | None], days: list[int]) -> tuple[State, list[Run]]:
        state = State(start.opened, start.count)
        runs: list[Run] = [] if state.opened is None else [(state.opened, None)]
        for day in days:
            value = rows[day]
            if value is None:
                continue
            above = value > self.limit
            if state.opened is not None and not above:
                runs[-1] = (runs[-1][0], day)
                state = State()
            elif state.opened is None:
                state.count = state.count + 1 if above else 0
                if state.count == self.sessions:
                    state = State(day)
                    runs.append((day, None))
        return state, runs


def _overlap(one: Run, other: Run) -> bool:
    forever = 10**9
    return one[0] < (other[1] or forever) and other[0] < (one[1] or forever)
