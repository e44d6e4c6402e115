"""How the web app asks for the images that it is given, and what it shows of them."""

import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.formparsers import MultiPartParser

from components.datasets.synthetic import patient_labels, patient_views
from schema.errors import BreastImagingError, ConfigurationError
from schema.images.formats import encode_image, encode_png, read_image
from serving.app import asking, fragments
from serving.app.asking import Answered, GivenImage, Refused, ask_for_all, final_outcomes
from serving.app.cards import read_card
from serving.app.examples import EXAMPLES
from serving.app.pictures import draw
from serving.app.server import check_port, run_server
from serving.app.settings import AppSettings
from serving.app.standing import NotReady, Ready, describe, find_standing
from serving.client import (
    DeadlineExceededError,
    Explanation,
    Prediction,
    ServerUnavailableError,
    State,
    TooLargeError,
    VersionStatus,
)
from tests.images import dicom, encode, noise

GONE = ServerUnavailableError("No server answers.", fix="start it")
LATE = DeadlineExceededError("No answer in time.", fix="wait")


class Model:
    """Explains images, and keeps them. Attributes: faults: raised instead, by the number of the call."""

    def __init__(self, faults: dict[int, BreastImagingError] | None = None) -> None:
        self.faults = faults or {}
        self.images: list[bytes] = []

    def explain(self, images: Sequence[bytes]) -> list[Explanation]:
        self.images.extend(images)
        if fault := self.faults.get(len(self.images)):
            raise fault
        return [explanation() for _ in images]


def explanation(heat_map: np.ndarray | None = None, label: str = "benign") -> Explanation:
    prediction = Prediction(label, {label: 0.9, "malignant": 0.1}, 0.1, 0.5, "model", 1, 0.0123)
    return Explanation(prediction, np.zeros((64, 64), np.float32) if heat_map is None else heat_map)


def given(name: str, data: bytes) -> GivenImage:
    return GivenImage(name, name, data)


@pytest.mark.parametrize(
    "make",
    [
        lambda: encode_png(noise(40, 30)),
        lambda: encode_png(noise(40, 30, 3)),
        lambda: encode_png(noise(40, 30, values=2**16)),
        lambda: encode(noise(40, 30, 4), "PNG"),
        lambda: encode(noise(40, 30), "JPEG"),
        lambda: encode(noise(40, 30), "BMP"),
        lambda: encode(noise(40, 30), "PPM"),
        lambda: encode(noise(40, 30), "TIFF"),
        lambda: dicom(noise(40, 30, values=4096)),
    ],
    ids=["grey", "RGB", "16 bits", "RGBA", "JPEG", "BMP", "PGM", "TIFF", "DICOM"],
)
def test_what_is_sent_is_what_ingestion_would_store(make: Callable[[], bytes]) -> None:
    data, model = make(), Model()

    (outcome,) = ask_for_all(model.explain, [given("a", data)], {})

    assert isinstance(outcome, Answered)
    assert model.images == [encode_image(read_image(data))]
    assert (outcome.width, outcome.height) == (30, 40)
    assert outcome.picture.size == (30, 40)


def test_a_large_image_is_shown_small() -> None:
    (outcome,) = ask_for_all(Model().explain, [given("a", encode_png(noise(1280, 640)))], {})

    assert isinstance(outcome, Answered)
    assert outcome.picture.size == (320, 640)
    assert (outcome.width, outcome.height) == (640, 1280)


def test_a_broken_image_costs_no_other_its_answer() -> None:
    png = encode_png(noise(8, 8))
    files = [given("a", png), given("b", b"nothing"), given("c", b""), given("d", png[:60]), given("e", png)]

    outcomes = list(ask_for_all(Model().explain, files, {}))

    assert [type(each) for each in outcomes] == [Answered, Refused, Refused, Refused, Answered]
    refused = [each for each in outcomes if isinstance(each, Refused)]
    assert [each.name for each in refused] == ["b", "c", "d"]
    assert all(each.is_final for each in refused)
    assert "is not an image in a supported format" in refused[0].error.what
    assert "the file is empty (0 bytes)" in refused[1].error.what


def test_a_server_that_is_gone_is_not_asked_again_and_one_that_is_late_is() -> None:
    png = encode_png(noise(8, 8))
    model = Model({1: LATE, 3: GONE})

    outcomes = list(ask_for_all(model.explain, [given(name, png) for name in "abcde"], {}))

    assert outcomes[0] == Refused("a", LATE)
    assert isinstance(outcomes[1], Answered)
    assert outcomes[2:] == [Refused(name, GONE) for name in "cde"]
    assert len(model.images) == 3
    assert not any(each.is_final for each in outcomes if isinstance(each, Refused))


def test_too_many_images_are_refused_until_others_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_IMAGES", 2)
    model = Model()
    images = [given(name, encode_png(noise(8, 8))) for name in "abc"]

    outcomes = list(ask_for_all(model.explain, images, {}))

    assert isinstance(outcomes[2], Refused)
    assert isinstance(outcomes[2].error, TooLargeError)
    assert outcomes[2].error.what == "More than 2 images at a time are not answered."
    assert len(model.images) == 2
    known = final_outcomes(images, outcomes)
    assert known == {"a": outcomes[0], "b": outcomes[1]}
    assert [type(each) for each in ask_for_all(model.explain, images[1:], known)] == [Answered, Answered]
    assert len(model.images) == 3


def test_only_what_asking_would_not_change_is_final() -> None:
    images = [given(name, encode_png(noise(8, 8))) for name in "abc"] + [given("d", b"nothing")]

    outcomes = list(ask_for_all(Model({2: LATE}).explain, images, {}))

    assert list(final_outcomes(images, outcomes)) == ["a", "c", "d"]


def answered(picture: Image.Image, heat_map: np.ndarray | None = None, name: str = "a.png") -> Answered:
    return Answered(name, picture, *picture.size, explanation(heat_map))


def test_the_heat_map_is_as_opaque_as_asked_for() -> None:
    heat = np.zeros((64, 64), np.float32)
    heat[:, 32:] = 1.0
    image = answered(Image.new("L", (128, 64), 100), heat)

    clear, half, full = (np.asarray(draw(image, opacity)).astype(float) for opacity in (0.0, 0.5, 1.0))

    assert (clear == 100).all()
    assert (half[:, :60] == 100).all(), "the left half of a map that is stretched over the image"
    np.testing.assert_allclose(half[:, 68:], np.broadcast_to([176, 177.5, 132], (64, 60, 3)), atol=1)
    np.testing.assert_allclose(full[:, 68:], np.broadcast_to([252, 255, 164], (64, 60, 3)), atol=1)


def test_the_picture_says_what_it_shows() -> None:
    heat = np.ones((64, 64), np.float32)

    under = fragments.picture(answered(Image.new("L", (8, 6)), heat), 0.6)
    bare = fragments.picture(answered(Image.new("L", (8, 6)), heat), 0.0)
    empty = fragments.picture(answered(Image.new("L", (8, 6))), 0.6)

    assert 'alt="a.png, under its heat map, 60% opaque"' in under
    assert "(8 \N{MULTIPLICATION SIGN} 6 pixels)" in under
    assert "not where a\nlesion is" in under
    assert 'alt="a.png, as it was sent"' in bare
    assert "lesion" not in bare
    assert "Nothing in this image speaks for the positive class" in empty


def test_bars_are_as_long_as_the_probabilities_and_the_threshold_is_marked() -> None:
    html = fragments.answer(answered(Image.new("L", (8, 8))))

    assert '<th scope="row">benign</th><td><span class="bi-number">0.900</span>' in html
    assert [html.count(each) for each in ("width: 90.0%", "width: 10.0%", "left: 50.0%")] == [1, 1, 1]
    assert "The line across a bar is the threshold." in html
    assert "Answered by model, version 1, in 12 ms." in html


def test_what_comes_from_outside_is_escaped() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    error = BreastImagingError(hostile, fix=hostile, reasons=[hostile])
    image = Answered(hostile, Image.new("L", (8, 8)), 8, 8, explanation(label=hostile))

    for html in (
        fragments.failure(error, hostile),
        fragments.standing(hostile, hostile, (1,)),
        fragments.note(hostile),
        fragments.answer(image),
        fragments.picture(image, 0.5),
    ):
        assert hostile not in html
        assert "&lt;img src=x onerror=alert(1)&gt;" in html


class Server:
    def __init__(self, *versions: VersionStatus, error: BreastImagingError | None = None) -> None:
        self._versions, self._error = versions, error

    def status(self) -> tuple[VersionStatus, ...]:
        if self._error:
            raise self._error
        return self._versions


def test_a_loaded_model_can_be_asked() -> None:
    standing = find_standing(Server(VersionStatus(1, State.END), VersionStatus(2, State.AVAILABLE)), "m")  # type: ignore[arg-type]

    assert standing == Ready((2,))
    assert describe(standing, "m", "here:1") == "m at here:1 is loaded: version 2."


def test_a_model_that_is_not_loaded_says_why() -> None:
    standing = find_standing(Server(VersionStatus(1, State.END, "damaged"), VersionStatus(2, State.LOADING)), "m")  # type: ignore[arg-type]

    assert isinstance(standing, NotReady)
    assert standing.error.what == "The server has no version of m that is loaded."
    assert standing.error.reasons == ("version 1: end (damaged)", "version 2: loading")


def test_a_server_that_does_not_answer_is_told_of() -> None:
    standing = find_standing(Server(error=GONE), "m")  # type: ignore[arg-type]

    assert standing == NotReady(GONE)
    assert describe(standing, "m", "here:1") == "No server answers. The page says so, and can ask again."


def test_the_card_is_that_of_the_version(tmp_path: Path) -> None:
    for version in (1, 2):
        folder = tmp_path / str(version) / "assets.extra"
        folder.mkdir(parents=True)
        (folder / "model_card.md").write_text(f"card {version}")
    (tmp_path / "2" / "assets.extra" / "model_card.md").write_bytes(b"\xff\xfe")

    assert read_card(tmp_path, 1) == "card 1"
    assert read_card(tmp_path / "1", 1) == "card 1"
    assert read_card(tmp_path, 2) is None, "not text"
    assert read_card(tmp_path, 3) is None


def test_the_examples_are_phantoms_of_the_synthetic_data_set() -> None:
    labels = patient_labels(0)

    for example in EXAMPLES:
        label = labels[example.patient - 1]
        made = patient_views(0, example.patient, label)[0]
        shown = read_image(example.load().data).pixels
        assert example.title.startswith(label)
        assert example.load().name == f"Synthetic phantom: {example.title}"
        np.testing.assert_allclose(shown.astype(int), made, atol=1)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigurationError, match=rf"cannot listen at 127.0.0.1:{port} \(Address already in use\)"
        ):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


def test_uploads_stay_in_memory_and_nothing_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[str]] = []
    monkeypatch.setattr(MultiPartParser, "spool_max_size", 0)
    monkeypatch.setattr("streamlit.web.cli.main", lambda arguments, standalone_mode: told.append(arguments))
    settings = AppSettings(address="h:1", model="m", upload_megabytes=3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    run_server(settings, "127.0.0.1", port)

    (arguments,) = told
    assert MultiPartParser.spool_max_size > 3 * 1024 * 1024
    assert "--server.maxUploadSize=3" in arguments
    assert "--browser.gatherUsageStats=false" in arguments
    assert "--client.showErrorDetails=none" in arguments
    assert (f"--server.port={port}" in arguments, "--server.address=127.0.0.1" in arguments) == (True, True)
    assert arguments[-2:] == ["--", settings.model_dump_json()]


def test_settings_survive_the_way_to_the_page() -> None:
    settings = AppSettings(address="h:1", model="m", label="stable", model_folder=Path("/models/m"))

    assert AppSettings.model_validate_json(settings.model_dump_json()) == settings
