"""Takes the pictures of the page that the README shows, from the demo's data: `scripts/screenshots`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

from playwright.sync_api import Browser

from tests.browser.demo import NARROW, WIDE, chromium, demo


class Shot(NamedTuple):
    name: str
    path: str
    width: int
    height: int
    scheme: Literal["light", "dark"]


SHOTS = (
    Shot("overview.png", "/", WIDE["width"], 720, "light"),
    Shot("symbol-dark.png", "/symbols/US.TSLA?rule=squeeze", WIDE["width"], 800, "dark"),
    Shot("overview-phone.png", "/", NARROW["width"], NARROW["height"], "light"),
)


def take(browser: Browser, url: str, shot: Shot, directory: Path) -> None:
    """Take one picture."""
    page = browser.new_page(viewport={"width": shot.width, "height": shot.height}, color_scheme=shot.scheme)
    page.goto(url + shot.path)
    page.screenshot(path=directory / shot.name)
    page.close()


def main(directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    with TemporaryDirectory() as state, demo(Path(state)) as site, chromium() as browser:
        for shot in SHOTS:
            take(browser, site.url, shot, directory)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
