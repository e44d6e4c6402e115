"""Pages in a real browser: the Chromium of this machine."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP, PHONE = (1280, 800), (390, 844)


# Of a module, and no longer: Playwright keeps an event loop running in this thread, in which no other can be started.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the PATH")
    with sync_playwright() as playwright:
        # Without its sandbox, which asks for rights that a container often lacks; the pages are our own.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Of a desktop and of a phone. It fails the test where the page's scripts failed or asked for anything."""
    width, height = request.param
    opened = browser.new_page(viewport={"width": width, "height": height})
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(f"script: {error}"))
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    opened.on("requestfailed", lambda asked: faults.append(f"not loaded: {asked.url}"))
    yield opened
    opened.close()
    assert faults == []


def wait_for_charts(page: Page) -> None:
    """Returns when every chart of the page is drawn, of which there is at least one."""
    expect(page.locator(".chart .main-svg").first).to_be_attached()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.chart')].every((chart) => chart.querySelector('.main-svg'))"
    )
