"""Watch the rules: whenever they were edited, what is there once it stands still."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

from watcher.rulebook.contents import Contents, contents

EVERY = 0.5
"""Seconds between two looks."""
_PAUSE = partial(asyncio.sleep, EVERY)


async def edits(path: Path, seen: Contents, pause: Callable[[], Awaitable[object]] = _PAUSE) -> AsyncIterator[Contents]:
    """Yield what is in a rules file, or directory of them, each time it is another than before; until it is cancelled.

    `seen` is what was found there last. Content counts once two looks in a row, a `pause` apart, find the same: of
    several saves in a second only the last is seen, and no half of one. The files are read and compared, some kilobytes
    twice a second, and no events are waited for: those stay away where the file is a link into another directory, a
    bind mount or on a network, and stop where an editor replaces the file that was watched.
    """
    before = seen
    while True:
        await pause()
        now = await asyncio.to_thread(contents, path)
        if now == before and now != seen:
            seen = now
            yield now
        before = now
