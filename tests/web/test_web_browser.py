"""The pages in a real browser: a first day of work by keyboard, without an error, a foreign request or a barrier."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from rarebit.app import accounts
from rarebit.app.home import Home
from rarebit.web.server import listen, make_app

PASSWORD = "a long enough password"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_MS = 120_000  # a busy machine is no fault of the pages


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        own = Path(driver.chromium.executable_path)
        found = str(own) if own.exists() else next((path for name in _NAMES if (path := shutil.which(name))), None)
        if found is None:
            pytest.skip("there is no Chromium here; install the package chromium, or run: playwright install chromium")
        browser = driver.chromium.launch(executable_path=found, args=list(_FLAGS), timeout=PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture
def installation(ran_copy: Path) -> Iterator[Home]:
    home = Home(ran_copy)
    yield home
    home.close()


@pytest.fixture
def address(installation: Home) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(make_app(installation), log_level="warning", lifespan="off", ws="none"))
    socket = listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    socket.close()


class Watched:
    """A window of a new visitor, and what went wrong in it."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.wrong: list[str] = []
        self._address = address
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(PATIENCE_MS)
        context.on("request", lambda request: self._asked(request.url))
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._said)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def _asked(self, url: str) -> None:
        if urlsplit(url).netloc != urlsplit(self._address).netloc:
            self.wrong.append(f"asked {url}")

    def go(self, path: str) -> Page:
        self.page.goto(self._address + path)
        return self.page

    def barriers(self) -> list[str]:
        """Serious accessibility faults of the page."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{self.page.url}: {fault['id']} {fault['nodes'][0]['html']}"
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]


def test_a_first_day(installation: Home, address: str, browser: Browser) -> None:
    seen = Watched(browser, address)
    page = seen.go("/")
    assert page.url.startswith(f"{address}/login")
    assert seen.barriers() == []
    seen.go(f"/link/{accounts.first_link(installation)}")
    assert seen.barriers() == []
    page.fill("[name=name]", "ann")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=again]", PASSWORD)
    page.press("[name=again]", "Enter")
    page.wait_for_url("**/queue")
    _judge_by_keyboard(page, seen)
    case = page.url
    _suppress_and_undo(page, seen)
    page.goto(case)
    page.click("text=history, peers, records")
    page.wait_for_url("**/entity/host?name=*")
    assert seen.barriers() == []
    for path in (
        "/records",
        "/events?where=host.name:*&limit=5",
        "/hunt?stack=process.name",
        "/hunt?over=records&where=*",
        "/hunt?over=memory&where=s*",
        "/jobs",
        "/health",
        "/tuning",
        "/suppressions",
        "/audit",
        "/users",
    ):
        seen.go(path)
        assert seen.barriers() == [], path
    _invite_a_viewer(page, browser, address, case)
    assert seen.wrong == []


def _judge_by_keyboard(page: Page, seen: Watched) -> None:
    assert seen.barriers() == []
    first = page.locator(".row a.go").first.inner_text()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cases/*")
    assert first in page.locator("h1").inner_text()
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        assert seen.barriers() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off at 1280 px"
    case = page.url
    page.click("text=its events")
    page.wait_for_url("**/events?case=*")
    assert page.locator("tr.row").count() > 0
    page.goto(case)
    page.keyboard.press("v")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the second: benign
    page.wait_for_selector("text=closed, verdict benign")
    page.click("text=Undo")
    page.wait_for_selector("text=open, verdict none")
    before = page.locator("time").first.inner_text()
    page.keyboard.press("u")
    assert page.locator(".zone-name").inner_text() == "local"
    page.keyboard.press("u")
    assert page.locator("time").first.inner_text() == before
    page.keyboard.press("?")
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")


def _suppress_and_undo(page: Page, seen: Watched) -> None:
    case = page.url
    page.keyboard.press("x")
    page.wait_for_url("**/suppress?record=*")
    assert "What it would hide" in page.locator("main").inner_text()
    assert seen.barriers() == []
    page.locator("[name=where][type=checkbox]:not(:checked)").first.check()
    assert page.locator("#verdict button").is_disabled(), "what is made is what was previewed"
    page.reload()
    page.fill("[name=reason]", "the asset tool")
    broad = page.locator("[name=broad]")
    if broad.count():
        broad.check()
    page.press("[name=reason]", "Enter")
    page.wait_for_url(case)
    assert "Suppressed: 1 " in page.locator("[role=status].note").inner_text()
    assert seen.barriers() == []
    page.click("text=Undo: show them again")
    page.wait_for_selector("text=Taken back")
    assert page.locator("text=Undo: show them again").count() == 0


def _invite_a_viewer(page: Page, browser: Browser, address: str, case: str) -> None:
    page.goto(f"{address}/users")
    page.fill("[name=name]", "vic")
    page.click("text=Make")
    link = page.locator(".note pre").inner_text()
    other = Watched(browser, address)
    guest = other.go(urlsplit(link).path)
    guest.fill("[name=password]", PASSWORD)
    guest.fill("[name=again]", PASSWORD)
    guest.press("[name=again]", "Enter")
    guest.wait_for_url("**/queue")
    assert guest.locator("nav >> text=Users").count() == 0
    guest.goto(case)
    assert guest.locator("#verdict").count() == 0
    assert "may look but not judge" in guest.locator("aside").inner_text()
    assert other.wrong == []
