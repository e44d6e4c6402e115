"""The logic of the web app's page, against a server in this process; run by Streamlit's AppTest, no browser."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from schema.images.formats import encode_png
from serving.app import page
from serving.app.settings import AppSettings
from serving.client.conversion import to_png
from tests.images import dicom, noise
from tests.serving.fake_tf_serving import NAME, FakeServer, State, probability_of

PAGE = Path(page.__file__)
PNG, FILM = encode_png(noise(20, 30)), dicom(noise(40, 30, values=4096))
OFFERED = "image/png"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


@pytest.fixture
def open_page(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens the page, whose settings can be given."""

    def make(**settings: Any) -> AppTest:
        told = AppSettings(**{"address": server.address, "model": NAME, "deadline": 5.0} | settings)
        monkeypatch.setattr(sys, "argv", [str(PAGE), told.model_dump_json()])
        return AppTest.from_file(str(PAGE), default_timeout=300).run()

    return make


def texts(opened: AppTest) -> str:
    assert not opened.exception
    return "\n".join(each.value for each in opened.get("html"))


def upload(opened: AppTest, **files: bytes) -> AppTest:
    named = [(name.replace("_", "."), data, OFFERED) for name, data in files.items()]
    return opened.file_uploader[0].set_value(named).run()


def button(opened: AppTest, label: str) -> Any:
    (found,) = [each for each in opened.button if each.label == label]
    return found


def test_what_it_is_for_is_always_said(open_page: Callable[..., AppTest], server: FakeServer) -> None:
    opened = open_page()

    assert "Research use only. Not for diagnosis." in texts(opened)
    assert "is loaded: version 1." in texts(opened)
    server.stop()
    assert "Research use only. Not for diagnosis." in texts(opened.run())


@pytest.mark.parametrize("data", [PNG, FILM], ids=["PNG", "DICOM"])
def test_an_image_is_answered(data: bytes, open_page: Callable[..., AppTest], server: FakeServer) -> None:
    opened = upload(open_page(), image_file=data)

    share = probability_of(to_png(data))
    assert f"The probability of malignant is {share:.3f}" in texts(opened)
    assert "Answered by breast_imaging, version 1" in texts(opened)
    assert server.signatures == ["serving_explanation"]
    assert server.images == [[to_png(data)]]


def test_the_slider_asks_no_server(open_page: Callable[..., AppTest], server: FakeServer) -> None:
    opened = upload(open_page(), a_png=PNG)
    assert "60% opaque" in texts(opened)

    opened.slider[0].set_value(0).run()

    assert "as it was sent" in texts(opened)
    assert len(server.images) == 1


def test_an_example_is_answered_and_gives_way_to_uploads(
    open_page: Callable[..., AppTest], server: FakeServer
) -> None:
    opened = open_page()
    button(opened, "Benign, typical").click().run()
    assert "Synthetic phantom: benign, typical" in texts(opened)

    upload(opened, a_png=PNG)
    assert "Synthetic phantom" not in texts(opened)
    assert "a.png" in texts(opened)

    button(opened, "Malignant, typical").click().run()
    assert "Synthetic phantom: malignant, typical" in texts(opened)
    assert opened.file_uploader[0].value == []
    assert len(server.images) == 3


def test_broken_files_are_named_and_the_others_answered(open_page: Callable[..., AppTest]) -> None:
    opened = upload(open_page(), a_png=PNG, b_png=b"no image", c_dcm=FILM)

    (table,) = [each.value for each in opened.get("html") if "<table" in each.value and "b.png" in each.value]
    assert "The image cannot be used: the content is not an image in a supported format" in table
    assert [f"{probability_of(to_png(data)):.4f}" in table for data in (PNG, FILM)] == [True, True]
    assert opened.selectbox[0].options == ["a.png", "c.dcm"]

    opened.selectbox[0].set_value(1).run()
    assert 'alt="c.dcm, under its heat map, 60% opaque"' in texts(opened)


def test_what_is_answered_is_not_asked_for_again(open_page: Callable[..., AppTest], server: FakeServer) -> None:
    opened = upload(open_page(), a_png=PNG, b_png=b"no image", c_dcm=FILM).run()

    opened.selectbox[0].set_value(1).run()

    assert server.images == [[to_png(PNG)], [to_png(FILM)]]


def test_a_broken_file_alone_says_why(open_page: Callable[..., AppTest]) -> None:
    opened = upload(open_page(), a_png=PNG[:50])

    assert "a.png" in texts(opened)
    assert "The image cannot be used: the image is damaged or truncated" in texts(opened)
    assert "What to do:" in texts(opened)
    assert [each.label for each in opened.button if each.label == "Ask again"] == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "a message is too large, or the server has no room for it"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "gave no answer within the deadline"),
        (grpc.StatusCode.INTERNAL, "failed to answer for breast_imaging"),
        (grpc.StatusCode.FAILED_PRECONDITION, "cannot be asked this way"),
    ],
)
def test_what_the_server_fails_with_is_told(
    fault: grpc.StatusCode, said: str, open_page: Callable[..., AppTest], server: FakeServer
) -> None:
    server.faults.append(fault)

    assert said in texts(upload(open_page(), a_png=PNG))


def test_after_a_failure_of_the_server_it_can_be_asked_again(
    open_page: Callable[..., AppTest], server: FakeServer
) -> None:
    server.faults.append(grpc.StatusCode.INTERNAL)
    opened = upload(open_page(), a_png=PNG)

    button(opened, "Ask again").click().run()

    assert "The probability of malignant is" in texts(opened)


def test_a_deadline_ends_the_wait(open_page: Callable[..., AppTest], server: FakeServer) -> None:
    server.held.clear()

    opened = upload(open_page(deadline=0.3), a_png=PNG)
    server.held.set()

    assert "gave no answer within the deadline" in texts(opened)


def test_the_page_waits_for_a_server_that_comes_later(open_page: Callable[..., AppTest], server: FakeServer) -> None:
    server.stop()
    opened = open_page()
    assert f"No server answers at {server.address}." in texts(opened)
    upload(opened, a_png=PNG)
    assert "The chosen images are answered once the model is there." in texts(opened)

    server.start()
    deadline = time.monotonic() + 30
    while "is loaded" not in texts(opened) and time.monotonic() < deadline:  # gRPC waits before it connects anew
        button(opened, "Try again").click().run()

    assert "is loaded: version 1." in texts(opened)
    assert f"The probability of malignant is {probability_of(PNG):.3f}" in texts(opened)


def test_a_model_that_is_not_loaded_yet_is_told_of(open_page: Callable[..., AppTest], server: FakeServer) -> None:
    server.states = {1: State.START}

    opened = open_page()

    assert "The server has no version of breast_imaging that is loaded." in texts(opened)
    assert "version 1: start" in texts(opened)


def test_an_unknown_model_is_told_of(open_page: Callable[..., AppTest]) -> None:
    assert "does not serve nonsense." in texts(open_page(model="nonsense"))


def test_the_card_of_the_version_that_answers_is_shown(
    open_page: Callable[..., AppTest], server: FakeServer, tmp_path: Path
) -> None:
    server.states = {1: State.AVAILABLE, 2: State.AVAILABLE}
    server.labels = {"stable": 1}
    for version in (1, 2):
        folder = tmp_path / str(version) / "assets.extra"
        folder.mkdir(parents=True)
        (folder / "model_card.md").write_text(f"# Card {version}")

    assert [each.value for each in open_page(model_folder=tmp_path).markdown] == ["# Card 2"]
    opened = open_page(model_folder=tmp_path, label="stable")
    assert len(opened.expander) == 0, "which version the label stands for is not known yet"
    assert [each.value for each in upload(opened, a_png=PNG).markdown] == ["# Card 1"]


def test_without_the_card_it_says_where_it_lies(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    assert "It lies where the model is published, at 1/assets.extra/model_card.md." in texts(open_page())
    assert f"There is none at {tmp_path}/1/assets.extra/model_card.md." in texts(open_page(model_folder=tmp_path))


def test_an_empty_heat_map_is_explained(open_page: Callable[..., AppTest], server: FakeServer) -> None:
    usual = server.outputs
    server.outputs = lambda images: usual(images) | {"heat_map": np.zeros((len(images), 64, 64), np.float32)}

    assert "Nothing in this image speaks for the positive class" in texts(upload(open_page(), a_png=PNG))
