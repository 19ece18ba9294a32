"""What was done is counted by what came of it."""

import asyncio

import pytest

from watcher.core.answer import Answer, Answered, DataState, Refused
from watcher.core.market import Symbol
from watcher.core.outbox import Failed, Outcome, Sent, Unknown
from watcher.jobs.tally import Counted, Tally

HK = Symbol("HK.00700")


class _Upstream:
    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)

    async def ask(self, symbol: Symbol, count: int) -> Answer:
        assert (symbol, count) == (HK, 30)
        return self.answers.pop(0)


def test_answers_are_passed_on_and_counted() -> None:
    answers = (
        Answered(HK, ()),
        Refused(HK, DataState.DENIED, "no"),
        Refused(HK, DataState.ERROR, "502"),
        Answered(HK, ()),
    )

    async def run() -> list[Answer]:
        counted = Counted(_Upstream(*answers), tally.answered)
        return [await counted.ask(HK, 30) for _ in answers]

    tally = Tally()
    assert asyncio.run(run()) == list(answers)
    assert tally.requests == {"ok": 2, "denied": 1, "error": 1}


@pytest.mark.parametrize(
    ("outcome", "word"), [(Sent(), "sent"), (Failed("refused"), "failed"), (Unknown("no answer"), "unknown")]
)
def test_attempts_are_counted_by_channel_and_outcome(outcome: Outcome, word: str) -> None:
    tally = Tally()
    for channel in ("desk", "desk", "mail"):
        tally.attempted(channel, outcome)
    assert tally.attempts == {("desk", word): 2, ("mail", word): 1}
