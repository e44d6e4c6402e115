"""`breast-imaging predict`: what it prints, where, and how it ends."""

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.cli.main import run_app
from pipeline.cli.predictions import Csv
from schema.errors import BreastImagingError
from serving.client import Client, ForeignModelError, Prediction
from tests.certificates import Authority
from tests.images import dicom, encode, noise, write_files
from tests.serving.conftest import Exported
from tests.serving.fake_tf_serving import NAME, FakeServer, State, outputs_of, probability_of
from tests.serving.test_client_tls import encrypted

COMMAND = (sys.executable, "-c", "from pipeline.cli.main import main; main()")
PICTURES = {f"{number}.png": encode(noise(20, 30, seed=number), "PNG") for number in range(3)}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, one of them in a folder below, and files that are none."""
    return write_files(
        tmp_path / "images",
        {
            "0.png": PICTURES["0.png"],
            "below/1.png": PICTURES["1.png"],
            "2.png": PICTURES["2.png"],
            "notes.txt": "none",
            ".hidden/3.png": "none",
        },
    )


def test_json_lines_hold_all_of_a_prediction(
    server: FakeServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(["predict", str(folder), "--address", server.address, "--json"]) == 0

    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert [line["file"] for line in lines] == [str(folder / name) for name in ("0.png", "2.png", "below/1.png")]
    sent = [image for batch in server.images for image in batch]
    assert [line["malignant_probability"] for line in lines] == [probability_of(image) for image in sent]
    for line in lines:
        assert list(line) == [
            "file",
            "label",
            "probabilities",
            "malignant_probability",
            "threshold",
            "model_name",
            "model_version",
            "latency",
        ]
        assert line["probabilities"]["malignant"] == line["malignant_probability"]
        assert (line["model_name"], line["model_version"]) == (NAME, 1)
    assert captured.err == ""


def test_csv_has_a_column_for_each_class(
    server: FakeServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(["predict", str(folder / "0.png"), "--address", server.address, "--csv"]) == 0

    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    probability = probability_of(server.images[0][0])
    assert row["file"] == str(folder / "0.png")
    assert float(row["probability of malignant"]) == float(row["malignant_probability"]) == probability
    assert float(row["probability of benign"]) == pytest.approx(1 - probability, abs=1e-6)
    assert (row["label"], row["threshold"], row["model_version"]) == (
        "malignant" if probability >= 0.5 else "benign",
        "0.5",
        "1",
    )


def test_the_table_says_that_it_is_for_research(
    server: FakeServer, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    assert run_app(["predict", "0.png", "--address", server.address]) == 0

    printed = capsys.readouterr().out
    probability = probability_of(server.images[0][0])
    (row,) = [line.split() for line in printed.splitlines() if "0.png" in line]
    assert row[2:] == [f"{1 - probability:.3f}", f"{probability:.3f}", "1"]
    assert printed.endswith(
        f"{NAME} 1: the positive class from a probability of 0.500 on.\nFor research only; not for diagnosis.\n"
    )


def test_a_broken_file_costs_no_other_its_answer(
    server: FakeServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "1.png").write_bytes(b"broken")
    gone = str(folder / "gone.png")

    assert run_app(["predict", str(folder), gone, "--address", server.address, "--json"]) == 2

    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 3
    broken, missing = captured.err.splitlines()
    assert broken.startswith(f"{folder / '1.png'}: The image cannot be used: the content is not an image")
    assert missing == f"{gone}: The file cannot be read (No such file or directory)."


def test_a_server_that_fails_is_told_before_an_image_that_does(
    server: FakeServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "1.png").write_bytes(b"broken")

    def fail(_: Any) -> Any:
        raise RuntimeError("out of order")

    server.outputs = fail

    assert run_app(["predict", str(folder), "--address", server.address, "--json"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 4


def test_an_image_on_standard_input(server: FakeServer, folder: Path) -> None:
    finished = subprocess.run(
        [*COMMAND, "predict", "-", "--address", server.address, "--json"],
        input=dicom(noise(20, 30, seed=7)),
        capture_output=True,
        check=False,
    )

    assert (finished.returncode, finished.stderr) == (0, b"")
    assert json.loads(finished.stdout)["file"] == "-"
    assert json.loads(finished.stdout)["malignant_probability"] == probability_of(server.images[0][0])


def test_a_version_by_its_label(server: FakeServer, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.states, server.labels = {1: State.AVAILABLE, 2: State.AVAILABLE}, {"stable": 1}
    common = ["predict", str(folder / "0.png"), "--address", server.address, "--json"]

    for choice, version in ([], 2), (["--label", "stable"], 1), (["--version", "1"], 1):
        assert run_app([*common, *choice]) == 0
        assert json.loads(capsys.readouterr().out)["model_version"] == version


def test_the_options_of_tls(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    authority = Authority(tmp_path / "authority")
    own = authority.sign("client.example")
    options = ["--tls-ca", authority.certificate, "--tls-certificate", own.certificate, "--tls-key", own.key]

    with encrypted(authority.sign("models.example"), authority) as server:
        common = ["predict", str(folder / "0.png"), "--address", f"localhost:{server.port}", "--json"]
        assert run_app([*common, *map(str, options), "--tls-server-name", "models.example"]) == 0
        assert run_app([*common, *map(str, options)]) == 1
        assert run_app([*common, "--tls"]) == 1
        assert run_app([*common, "--tls-key", str(own.key)]) == 4

    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.png"], "A model is either on a server or in a folder."),
        (["x.png", "--address", "a:1", "--model", "b"], "A model is either on a server or in a folder."),
        (["x.png", "--model", "b", "--version", "3"], "A model is either on a server or in a folder."),
        (["x.png", "--address", "a:1", "--json", "--csv"], "JSON and CSV cannot both be printed."),
        (["x.png", "--address", "a"], "'a' is no address of a server."),
        (["-", "-", "--address", "a:1"], "Standard input is named twice."),
        (["x.png", "--address", "a:1", "--version", "1", "--label", "stable"], "Both version 1 and label 'stable'"),
        (["x.png", "--address", "a:1", "--deadline", "0"], "A deadline of 0 s is none."),
        (["x.png", "--model", "gone"], "There is no model in gone."),
    ],
)
def test_usage_that_is_wrong(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["predict", *arguments]) == 4
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_a_folder_without_images(server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["predict", str(tmp_path), "--address", server.address]) == 4
    assert f"There is no image file in {tmp_path}." in capsys.readouterr().err


def test_a_model_that_is_not_served_is_told_once(
    server: FakeServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(["predict", str(folder), "--address", server.address, "--model-name", "x"]) == 4
    assert capsys.readouterr().err.count("does not serve x.") == 1
    server.stop()
    assert run_app(["predict", str(folder), "--address", server.address]) == 1
    assert capsys.readouterr().err.count("No server answers at") == 1


def test_a_reader_that_goes_away_leaves_no_traceback(server: FakeServer, folder: Path) -> None:
    command = [*COMMAND, "predict", str(folder), "--address", server.address, "--json"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert b"Traceback" not in running.stderr.read()


def test_versions_of_other_classes_do_not_fit_one_csv() -> None:
    from rich.console import Console

    answers = Csv(Console(file=io.StringIO()))
    answers.add("a", Prediction("x", {"x": 0.5, "y": 0.5}, 0.5, 0.5, NAME, 1, 0.1))

    with pytest.raises(BreastImagingError, match="Version 2 tells other classes apart"):
        answers.add("b", Prediction("x", {"x": 0.5, "z": 0.5}, 0.5, 0.5, NAME, 2, 0.1))


@pytest.mark.slow
def test_a_model_in_its_folder_answers_as_it_does_on_a_server(
    exported: Exported, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from schema import contract
    from serving.client.conversion import read_png
    from serving.servable import Servable

    versions = tmp_path / "versions"
    shutil.copytree(exported.directory, versions / "1700000000")
    paths = [folder / "0.png", folder / "2.png", folder / "below" / "1.png"]
    (folder / "3.png").write_bytes(b"broken")

    for model, version in ((versions / "1700000000", 1700000000), (versions, 1700000000)):
        assert run_app(["predict", str(folder), "--model", str(model), "--json"]) == 2
        captured = capsys.readouterr()
        lines = [json.loads(line) for line in captured.out.splitlines()]
        with Servable(str(exported.directory)) as servable:
            expected = servable.run(
                contract.SERVING_IMAGE,
                {contract.IMAGE_BYTES_INPUT: np.array([read_png(path) for path in paths], object)},
            )
        assert [line["file"] for line in lines] == [str(path) for path in paths]
        assert [line["malignant_probability"] for line in lines] == pytest.approx(
            expected["malignant_probability"].tolist(), abs=1e-6
        )
        assert [line["label"] for line in lines] == [label.decode() for label in expected["label"]]
        assert all(list(line["probabilities"]) == ["benign", "malignant"] for line in lines)
        assert {(line["model_name"], line["model_version"]) for line in lines} == {("small", version)}
        assert len(captured.err.splitlines()) == 1


@pytest.mark.slow
def test_what_a_model_answers_is_read_by_the_client(exported: Exported, folder: Path) -> None:
    from serving.in_process import InProcessModel
    from serving.servable import Servable

    image = PICTURES["0.png"]
    with (
        Servable(str(exported.directory)) as servable,
        FakeServer() as server,
        Client(server.address, NAME) as client,
        InProcessModel(exported.directory) as here,
    ):
        server.outputs = lambda images: servable.run("serving_explanation", {"image_bytes": np.array(images, object)})
        (answered,), (explained,), (expected,) = (
            client.predict([image]),
            client.explain([image]),
            here.predict([image]),
        )

    assert answered.probabilities == pytest.approx(expected.probabilities, abs=1e-6)
    assert answered.label == explained.prediction.label == expected.label
    assert answered.threshold == expected.threshold
    assert 0.0 <= float(explained.heat_map.min()) <= float(explained.heat_map.max()) <= 1.0


def test_a_model_without_classes_is_refused() -> None:
    from serving.client.reading import Origin, to_predictions

    outputs = {name: value for name, value in outputs_of([b"x"]).items() if name != "classes"}

    with pytest.raises(ForeignModelError) as raised:
        to_predictions(outputs, 1, Origin(NAME, 1, 0.1))
    assert raised.value.reasons == ("classes: the answer lacks it",)
