"""The web app as its command starts it, in a browser, at the width of a desktop and of a phone."""

import csv
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from schema.images.formats import encode_png
from serving.client.conversion import to_png
from tests.images import dicom, noise
from tests.serving.fake_tf_serving import CLASSES, NAME, FakeServer, outputs_of, probability_of

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
SERIOUS = {"serious", "critical"}
STARTS_WITHIN = 60  # seconds
COMMAND = [sys.executable, "-c", "from pipeline.cli.main import main; main()", "app"]
PNG, FILM = encode_png(noise(60, 90)), dicom(noise(120, 80, values=4096))

CARD = f"""# Model card: a model

| figure | value | from | to | interval |
|---|---|---|---|---|
| Positive predictive value at a prevalence of 0.275 | 0.480 | 0.407 | 0.587 | bootstrap by group, 2,000 draws |

SHA-256 of the manifest: `{"0123456789abcdef" * 4}`

```yaml
name: {"long-" * 30}
```
"""
# Of an image, at a place given in shares of its width and height: red, green and blue.
COLOUR = """(image, [x, y]) => {
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  context.drawImage(image, 0, 0);
  return [...context.getImageData(x * width, y * height, 1, 1).data].slice(0, 3);
}"""


def bright_spot(images: Sequence[bytes]) -> dict[str, NDArray[Any]]:
    rows, columns = np.indices((64, 64))
    spot = np.exp(-((rows - 40) ** 2 + (columns - 20) ** 2) / 100).astype(np.float32)
    return outputs_of(images) | {"heat_map": np.repeat(spot[np.newaxis], len(images), axis=0)}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def start(*options: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [*COMMAND, *options], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    """What it prints, up to the line with the pattern; pytest's time limit ends the wait."""
    assert process.stdout
    printed = ""
    for line in process.stdout:
        printed += line
        if re.search(pattern, line):
            return printed
    raise AssertionError(printed)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of version 1, which has a card."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "1" / "assets.extra").mkdir(parents=True)
    (folder / "1" / "assets.extra" / "model_card.md").write_text(CARD)
    return folder


@pytest.fixture(scope="module")
def address(published: Path) -> Iterator[str]:
    """Of the page."""
    with FakeServer(outputs=bright_spot) as server:
        port = free_port()
        told = ["--address", server.address, "--port", str(port), "--model", str(published), "--max-upload-mb", "1"]
        process = start(*told)
        try:
            printed = read_until(process, "http://")
            assert f"{NAME} at {server.address} is loaded: version 1." in printed
            assert f"http://127.0.0.1:{port}" in printed
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(STARTS_WITHIN) == 0


@pytest.fixture
def opened(page: Page, address: str) -> Iterator[Page]:
    """The page, once it knows the model. It fails the test where anything was asked for from elsewhere."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    expect(page.get_by_text("is loaded: version 1.")).to_be_visible(timeout=30_000)
    yield page
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def upload(page: Page, **files: bytes) -> None:
    named = [
        {"name": name.replace("_", "."), "mimeType": "application/octet-stream", "buffer": data}
        for name, data in files.items()
    ]
    page.locator("input[type=file]").set_input_files(named)  # type: ignore[arg-type]


def fits(page: Page) -> bool:
    wide, screen = page.evaluate(
        "() => [Math.max(...[...document.querySelectorAll('html, [data-testid=stMain]')]"
        ".map((each) => each.scrollWidth)), innerWidth]"
    )
    return bool(wide <= screen)


def violations(page: Page) -> list[tuple[str, Any]]:
    found = Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["target"]) for each in found if each["impact"] in SERIOUS]


@pytest.mark.parametrize("data", [PNG, FILM], ids=["PNG", "DICOM"])
def test_an_image_is_answered_with_its_heat_map(data: bytes, opened: Page) -> None:
    upload(opened, image_file=data)

    share = probability_of(to_png(data))
    expect(opened.locator(".bi-class strong")).to_have_text(CLASSES[int(share >= 0.5)])
    expect(opened.locator(".bi-bars tbody tr")).to_have_text([f"benign{1 - share:.3f}", f"malignant{share:.3f}"])
    expect(opened.get_by_text(f"The probability of malignant is {share:.3f}")).to_be_visible()
    picture = opened.get_by_alt_text("image.file, under its heat map, 60% opaque")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.complete && image.naturalWidth > 0")
    spot, corner = (picture.evaluate(COLOUR, place) for place in ([20.5 / 64, 40.5 / 64], [0.98, 0.02]))
    assert spot[0] > spot[2] + 50, "yellow, where the map is brightest"
    assert max(corner) - min(corner) <= 2, "grey, where the map is dark"
    assert fits(opened)
    assert violations(opened) == []


def test_several_images_make_a_table_that_can_be_saved(opened: Page, tmp_path: Path) -> None:
    upload(opened, a_png=PNG, broken_png=b"no image", c_dcm=FILM)

    reason = "The image cannot be used: the content is not an image in a supported format"
    expect(opened.locator(".bi-table tbody tr")).to_have_count(3)
    expect(opened.locator(".bi-table tbody tr").nth(1)).to_contain_text(reason)
    assert fits(opened)
    assert violations(opened) == []
    with opened.expect_download() as download:
        opened.get_by_role("button", name="Save as CSV").click()
    download.value.save_as(tmp_path / "saved.csv")
    with (tmp_path / "saved.csv").open(newline="") as file:
        first, broken, film = csv.DictReader(file)
    for row, name, data in ((first, "a.png", PNG), (film, "c.dcm", FILM)):
        share = probability_of(to_png(data))
        assert (row["file"], row["label"]) == (name, CLASSES[int(share >= 0.5)])
        assert float(row["malignant_probability"]) == share
        assert float(row["probability of malignant"]) == share
        assert (row["threshold"], row["model_name"], row["model_version"], row["error"]) == ("0.5", NAME, "1", "")
    assert (broken["file"], broken["label"], broken["malignant_probability"]) == ("broken.png", "", "")
    assert broken["error"].startswith(reason)


def test_a_file_that_cannot_be_used_says_why(opened: Page) -> None:
    upload(opened, a_png=PNG[:60])

    failure = opened.get_by_role("alert").filter(has_text="a.png")
    expect(failure).to_contain_text("The image cannot be used: the image is damaged or truncated")
    expect(failure).to_contain_text("What to do:")
    assert "Traceback" not in opened.content()
    assert violations(opened) == []
    upload(opened, large_png=bytes(2 * 1024 * 1024))
    expect(opened.get_by_text("1.0MB or smaller")).to_be_visible()


def test_the_card_fits_the_screen(opened: Page) -> None:
    opened.get_by_text("Model card of breast_imaging, version 1").click()

    expect(opened.get_by_role("heading", name="Model card: a model")).to_be_visible()
    expect(opened.get_by_role("cell", name="bootstrap by group, 2,000 draws")).to_be_visible()
    assert fits(opened)
    assert violations(opened) == []


def test_the_keyboard_is_enough(opened: Page) -> None:
    opened.get_by_role("button", name="Benign, typical").focus()
    opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    expect(opened.get_by_alt_text("Synthetic phantom: benign, less typical, under its heat map, 60%")).to_be_visible()

    opened.get_by_role("slider", name="Opacity of the heat map").focus()
    opened.keyboard.press("Home")
    expect(opened.get_by_alt_text("Synthetic phantom: benign, less typical, as it was sent")).to_be_visible()
    opened.keyboard.press("ArrowRight")
    expect(opened.get_by_alt_text("under its heat map, 5% opaque")).to_be_visible()


def test_what_it_is_for_stays_in_sight(opened: Page) -> None:
    opened.get_by_role("button", name="Benign, typical").click()
    expect(opened.locator(".bi-picture img")).to_be_visible()
    opened.get_by_text("Model card of").scroll_into_view_if_needed()

    notice = opened.get_by_text("Research use only. Not for diagnosis.")
    expect(notice).to_be_in_viewport()
    box = notice.bounding_box()
    assert box
    assert (box["x"], box["y"]) == (0, 0)


def test_without_a_server_the_command_and_the_page_say_so() -> None:
    port = free_port()
    process = start("--address", f"127.0.0.1:{free_port()}", "--port", str(port))
    try:
        assert "No server answers at 127.0.0.1:" in read_until(process, "http://")
        taken = subprocess.run(
            [*COMMAND, "--port", str(port)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(STARTS_WITHIN) == 0

    assert taken.returncode == 4
    assert f"The page cannot listen at 127.0.0.1:{port} (Address already in use)." in taken.stderr
    assert "Traceback" not in taken.stderr
