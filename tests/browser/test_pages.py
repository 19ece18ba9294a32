"""The pages in a real browser: readable by all, in light and dark, wide and narrow, by keyboard, without scripts."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.demo import CHROMIUM, NARROW, WIDE, chromium, demo
from tests.web.sites import UNUSED, Visited, visited
from watcher.core.answer import DataState, Refused
from watcher.core.market import Symbol
from watcher.web.access import LOOPBACK

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium")

PAGES = {
    "overview": "/",
    "filtered": "/?phase=firing&text=US",
    "symbol": "/symbols/US.TSLA",
    "rules": "/rules",
    "episodes": "/episodes",
    "sorry": "/symbols/US.ZZZ",
}
MARKUP = '"><script>document.title="owned"</script><img src=x onerror=document.title="owned">'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    with demo(tmp_path_factory.mktemp("demo")) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


class Tab:
    """A page that is open, and what it did besides."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requested: list[str] = []
        page.on("console", lambda said: self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.on("request", lambda request: self.requested.append(request.url))


@contextmanager
def tab(
    browser: Browser,
    size: dict[str, int] = WIDE,
    *,
    scripts: bool = True,
) -> Iterator[Tab]:
    context = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]}, java_script_enabled=scripts
    )
    try:
        yield Tab(context.new_page())
    finally:
        context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_readable_by_all(browser: Browser, site: Visited, name: str) -> None:
    """In light and dark, wide and on a phone; of ninety rows that are all alike, axe looks at the first few."""
    with tab(browser) as opened:
        page = opened.page
        page.goto(site.url + PAGES[name])
        for size, scheme in product((WIDE, NARROW), ("light", "dark")):
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page, context={"exclude": [[".tall tbody tr:nth-child(n+6)"]]})
            assert found.violations_count == 0, (size, scheme, found.generate_report())
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        # the browser itself says that the page of an error is one
        assert [each for each in opened.complaints if name != "sorry" or "404" not in each] == []
        assert [url for url in opened.requested if not url.startswith(f"{site.url}/")] == []
        assert not page.evaluate("document.scripts.length")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_the_same_without_scripts(browser: Browser, site: Visited, name: str) -> None:
    with tab(browser) as opened, tab(browser, scripts=False) as without:
        for each in (opened, without):
            each.page.goto(site.url + PAGES[name])
        assert without.page.inner_text("body") == opened.page.inner_text("body")
        same = without.page.content() == opened.page.content()
        assert same, "a script would have changed what the server sent"


def test_everything_is_reached_by_keyboard_and_seen_to_be(browser: Browser, site: Visited) -> None:
    with tab(browser) as opened:
        page = opened.page
        page.goto(f"{site.url}/symbols/US.TSLA")
        page.keyboard.press("Tab")
        skip = page.locator(".skip")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            focused = page.evaluate(
                """() => { const it = document.activeElement, style = getComputedStyle(it);
                return [it.tagName, it.getAttribute('aria-label') || it.innerText, style.outlineStyle]; }"""
            )
            if focused[0] == "BODY":
                break
            assert focused[2] != "none", focused
            reached.add(focused[1])
        assert {"squeeze", "far-above-average", "The same as a table", "Sessions, the newest first"} <= reached


def test_a_filter_is_typed_and_sent_by_keyboard(browser: Browser, site: Visited) -> None:
    with tab(browser, scripts=False) as opened:
        page = opened.page
        page.goto(site.url)
        page.locator("summary").focus()
        page.keyboard.press("Enter")
        page.get_by_label("Symbol or rule").fill("tsla")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?text=tsla*")
        rows = page.locator("table.alerts tbody tr")
        assert rows.count() == 2
        assert all("US.TSLA" in text for text in rows.all_inner_texts())


def test_on_a_phone_every_alert_is_a_card_that_fits(browser: Browser, site: Visited) -> None:
    with tab(browser, NARROW) as opened:
        opened.page.goto(site.url)
        cells = opened.page.locator("table.alerts tbody").locator("td, th")
        assert cells.count() > 50
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes(cells))
        card = opened.page.get_by_role("row").nth(1)
        expect(card.get_by_role("rowheader")).to_have_count(1)
        expect(card.get_by_role("cell")).to_have_count(5)


def boxes(cells: Locator) -> list[dict[str, float]]:
    found: list[dict[str, float]] = cells.evaluate_all(
        "them => them.map(it => { const {x, width} = it.getBoundingClientRect(); return {x, width}; })"
    )
    return found


def test_pictures_say_what_they_show(browser: Browser, site: Visited) -> None:
    with tab(browser) as opened:
        page = opened.page
        page.goto(f"{site.url}/symbols/US.TSLA?rule=squeeze")
        picture = page.get_by_role("img", name="90 sessions from")
        expect(picture.first).to_be_visible()
        assert "1.5 * mean(short_ratio, 20): between" in (picture.first.text_content() or "")
        assert page.locator("rect.episode").count() >= 2
        expect(page.get_by_role("region", name="Sessions, the newest first")).to_be_visible()


def test_hostile_texts_are_only_texts(browser: Browser, tmp_path: Path) -> None:
    rules = (
        f"[lists]\n[[rule]]\n# {MARKUP}\nname = 'r'\nsymbols = ['US.XRT']\nwhen = 'volume > 1'\nmessage = '{MARKUP}'\n"
    )
    with visited(tmp_path, rules) as served, tab(browser) as opened:
        served.answered([Refused(Symbol("US.XRT"), DataState.ERROR, f"US.XRT: {MARKUP}")])
        for path in (
            "/",
            "/symbols/US.XRT",
            "/rules",
            f"/?text={MARKUP[:80]}",
            f"/symbols/{MARKUP}",
            f"/episodes?rule={MARKUP[:80]}",
        ):
            opened.page.goto(served.url + path)
            assert opened.page.title() != "owned"
            assert opened.page.locator("main img").count() == 0
        assert [each for each in opened.complaints if "404" not in each and "400" not in each] == []
        opened.page.goto(served.url)
        assert MARKUP in opened.page.inner_text("main")
        assert all(url.startswith((served.url, UNUSED)) for url in opened.requested)


def test_a_person_signs_in_with_the_token(browser: Browser, tmp_path: Path) -> None:
    with visited(tmp_path, "", token="let me in", hosts=LOOPBACK) as served, tab(browser, scripts=False) as opened:
        page = opened.page
        page.goto(f"{served.url}/rules")
        page.get_by_label("Token").fill("let me in")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Rules")).to_be_visible()
        assert page.url == f"{served.url}/rules"
        page.get_by_role("link", name="Episodes").click()
        expect(page.get_by_role("heading", name="Episodes")).to_be_visible()
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
