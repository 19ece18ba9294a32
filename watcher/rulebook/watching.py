"""Watch the rules: whenever they were edited, what is there once it stands still."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from watcher.rulebook.contents import Contents, Marks, contents, marks

EVERY = 0.5
"""Seconds between two looks."""
READ_AT_LEAST, READ_EVERY = 6, 20
"""Looks that read files whose marks are as before: as long as a file system's clock may stand still, and after that one
in twenty, for there are network shares whose marks are late."""
_PAUSE = partial(asyncio.sleep, EVERY)


async def edits(path: Path, seen: Contents, pause: Callable[[], Awaitable[object]] = _PAUSE) -> AsyncIterator[Contents]:
    """Yield what is in a rules file, or directory of them, each time it is another than before; until it is cancelled.

    `seen` is what was found there last. Content counts once two looks in a row, a `pause` apart, find the same: of
    several saves in a second only the last is seen, and no half of one. The files are read and compared, unless their
    marks say that nobody wrote to them, and no events are waited for: those stay away where the file is a link into
    another directory, a bind mount or on a network, and stop where an editor replaces the file that was watched.
    """
    look = _Look(seen)
    leaving = threading.Event()
    try:
        while True:
            if look.alike < READ_AT_LEAST:
                await pause()
            else:
                await asyncio.to_thread(look.stand, path, leaving)
            before = look.found
            look = await asyncio.to_thread(look.again, path)
            if look.found == before and look.found != seen:
                seen = look.found
                yield seen
    finally:
        leaving.set()


@dataclass(frozen=True, slots=True)
class _Look:
    found: Contents
    marks: Marks | None = None
    alike: int = 0
    """Looks before this one that saw the same marks."""

    def again(self, path: Path) -> "_Look":
        """Return another look, after this one."""
        marked = marks(path)
        return _Look(contents(path), marked, self.alike + 1 if marked and marked == self.marks else 0)

    def stand(self, path: Path, leaving: threading.Event) -> None:
        """Return when the marks are others, or it is time to read anyway, or nobody waits for it any more.

        One thread that sleeps: to hand each of these looks to a thread, and back, costs ten times as much.
        """
        for _ in range(READ_EVERY):
            if leaving.wait(EVERY) or marks(path) != self.marks:
                return
