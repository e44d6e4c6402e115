"""The report as a browser draws it, at the width of a desktop and of a phone."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page

from components.report.page.render import render
from components.report.threshold_counts import threshold_counts
from tests.browser.conftest import wait_for_charts
from tests.clinical import scored_images
from tests.report import examined, full_content, image_group, three_class_evaluation

pytestmark = pytest.mark.slow
SERIOUS = {"serious", "critical"}
CHARTS = 6  # learning (two), ROC, precision-recall, reliability, scores
# Elements whose content does not fit, and that neither scroll nor show what does not fit.
CLIPPED = """() => [...document.querySelectorAll("body *")].filter((element) => {
  const style = getComputedStyle(element);
  return ["hidden", "clip"].includes(style.overflowX) && style.position !== "absolute"
    && element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1 && !element.closest(".chart");
}).map((element) => element.outerHTML.slice(0, 80))"""
EMPTY = """() => [...document.querySelectorAll("section, figure, table")]
  .filter((element) => element.getBoundingClientRect().height < 10)
  .map((element) => element.outerHTML.slice(0, 80))"""


def _picture() -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.tile(np.arange(120, dtype=np.uint8), (120, 1))).save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    picture = _picture()
    shown = examined(source="a folder with a long name/" * 4 + "a.png", picture=picture, overlay=picture)
    content = full_content(
        clinical=three_class_evaluation(),
        image_groups=[image_group(*[shown] * 9)],
        curve=threshold_counts(scored_images()),
    )
    data = content.data.model_copy(
        update={
            "samples": [each.model_copy(update={"picture": picture}) for each in content.data.samples],
            "pairs": [
                pair.model_copy(
                    update={
                        "first": pair.first.model_copy(update={"picture": picture}),
                        "second": pair.second.model_copy(update={"picture": picture}),
                    }
                )
                for pair in content.data.pairs
            ],
        }
    )
    path = tmp_path_factory.mktemp("report") / "index.html"
    path.write_text(render(content.model_copy(update={"data": data})))
    return path


@pytest.fixture
def drawn(page: Page, report: Path) -> Page:
    """The page, once its last chart is there."""
    page.goto(report.as_uri())
    wait_for_charts(page)
    return page


def test_it_loads_nothing_and_draws_every_chart(page: Page, report: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    wait_for_charts(page)

    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    boxes = [chart.bounding_box() for chart in page.locator(".chart").all()]
    assert len(boxes) == CHARTS
    assert all(box and box["width"] > 250 and box["height"] > 150 for box in boxes)
    assert page.evaluate("() => [...document.images].every((image) => image.complete && image.naturalWidth > 0)")


def test_it_fits_the_screen(drawn: Page) -> None:
    wide, screen = drawn.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")

    assert wide <= screen
    assert drawn.evaluate(CLIPPED) == []
    assert drawn.evaluate(EMPTY) == []


def test_those_who_do_not_see_it_can_use_it(drawn: Page) -> None:
    found = Axe().run(drawn).response["violations"]

    assert [(each["id"], each["nodes"][0]["target"]) for each in found if each["impact"] in SERIOUS] == []


def test_the_keyboard_moves_the_threshold(drawn: Page) -> None:
    slider, hits = drawn.locator("#threshold"), drawn.locator("#true-positives")
    before = int(hits.inner_text())
    slider.focus()
    drawn.keyboard.press("Home")

    everything = int(hits.inner_text())
    assert drawn.locator("#threshold-value").inner_text() == "0.000"
    assert drawn.locator("#true-negatives").inner_text() == "0"
    assert everything >= before
    assert drawn.locator("#explored-recall").inner_text() == "1.000"
    drawn.keyboard.press("Tab")
    drawn.keyboard.press("Enter")
    assert int(hits.inner_text()) == before


def test_the_keyboard_reaches_what_scrolls(drawn: Page) -> None:
    hidden = drawn.evaluate(
        "() => [...document.querySelectorAll('*')].filter((element) => element.scrollWidth > element.clientWidth + 1"
        " && ['auto', 'scroll'].includes(getComputedStyle(element).overflowX) && element.tabIndex < 0).length"
    )

    assert hidden == 0


def test_in_print_nothing_is_cut_off(drawn: Page) -> None:
    drawn.emulate_media(media="print")
    drawn.set_viewport_size({"width": 794, "height": 1123})  # A4 at 96 dots an inch

    cut = drawn.evaluate(
        "() => [...document.querySelectorAll('table')].filter((table) => table.offsetWidth > innerWidth).length"
    )
    assert cut == 0
