"""What the browser is shown: the demo's market and rules, some sessions on, served by the real parts; and a browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

import watcher
from tests.upstream.servers import serving
from tests.web.sites import Visited, visited
from watcher.simulation import simulated
from watcher.upstream.server import create_app

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_BEGIN, _FIRST, _LAST = date(2025, 6, 30), date(2025, 8, 26), date(2025, 9, 9)
"""The demo begins; what came until the first day is history; on the last one much is going on."""
_READY = time(23, 30)
"""In UTC: the rows of both markets are there."""


@contextmanager
def demo(directory: Path) -> Iterator[Visited]:
    """Serve the pages of the demo, as of an eventful evening."""
    archive = simulated(7, _BEGIN, _LAST + timedelta(days=30))
    while archive.as_of < _FIRST:
        archive.advance()
    rules = (Path(watcher.__file__).parent / "demo.toml").read_text("utf-8")
    now = datetime.combine(archive.as_of, _READY, UTC)
    with serving(create_app(archive)) as upstream, visited(directory, rules, upstream=upstream, now=now) as site:
        site.cycle(now)
        while archive.as_of < _LAST:
            archive.advance()
            site.cycle(datetime.combine(archive.as_of, _READY, UTC))
        yield site


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's browser; its own sandbox cannot be had in a container."""
    assert CHROMIUM is not None, "chromium is not installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
