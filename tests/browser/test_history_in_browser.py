"""The history page as a browser draws it, at the width of a desktop and of a phone."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from pipeline.retraining.history_page.content import HistoryContent
from pipeline.retraining.history_page.render import render
from tests.browser.conftest import wait_for_charts
from tests.records import year

pytestmark = pytest.mark.slow
SERIOUS = {"serious", "critical"}
MARKS = 8 + 3  # models published, and events: one refused, one drifted, one failed


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records = year()
    content = HistoryContent(
        name="breast",
        created=datetime.fromisoformat(records[-1].finished) + timedelta(seconds=3),
        records=records,
        spans=[f"span-{number}" for number in range(1, 14)],
        waiting=["span-11"],
        incomplete=["span-13"],
        failed_alerts={len(records): ["hooks.example.org answered 503; tried 4 times"]},
    )
    path = tmp_path_factory.mktemp("history") / "history.html"
    path.write_text(render(content), "utf-8")
    return path


@pytest.fixture
def drawn(page: Page, history: Path) -> Page:
    """The page, once its charts are there; it fails the test where anything else was asked for."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(history.as_uri())
    wait_for_charts(page)
    assert [url for url in asked if not url.startswith("data:")] == [history.as_uri()]
    return page


def test_it_draws_the_year(drawn: Page) -> None:
    boxes = [chart.bounding_box() for chart in drawn.locator(".chart").all()]

    assert len(boxes) == 2
    assert all(box and box["width"] > 250 and box["height"] > 150 for box in boxes)
    for chart in drawn.locator(".chart").all():
        # Beside the points of the two lines.
        lines = chart.locator(".scatterlayer .trace").filter(has=drawn.locator(".js-line"))
        assert chart.locator(".scatterlayer .point").count() == MARKS + lines.locator(".point").count()
        assert chart.locator(".errorbar").count() == 9
    expect(drawn.get_by_role("row")).to_have_count(1 + 12)


def test_warnings_are_in_sight_first(drawn: Page) -> None:
    expect(drawn.get_by_text("Retraining 9 refused span-9, and no model learns from it")).to_be_in_viewport()
    expect(drawn.get_by_role("heading", level=2).first).to_contain_text("is served")


def test_it_fits_the_screen(drawn: Page) -> None:
    wide, screen = drawn.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= screen


def test_those_who_do_not_see_it_can_use_it(drawn: Page) -> None:
    found = Axe().run(drawn).response["violations"]
    assert [(each["id"], each["nodes"][0]["target"]) for each in found if each["impact"] in SERIOUS] == []
