"""From live parts to what the pages show: the only place that knows both."""

from watcher.viewing.views import Viewing
from watcher.web.pages import Pages
from watcher.wiring import Live


def pages(live: Live) -> Pages:
    """Return what the pages show of live parts."""
    return Viewing(live)
