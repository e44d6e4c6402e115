"""Every image of a folder scored, in a file."""

import csv
import json
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from PIL import Image

from components.batch_scoring import score
from components.batch_scoring.rows import Columns, writer_for
from components.batch_scoring.score import Scored, score_folder
from components.manifest import page_source
from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import LocalBeam
from pipeline.cli.main import run_app
from schema.errors import EXIT_BAD_CONFIGURATION, EXIT_DATA_REJECTED, ConfigurationError
from schema.images.formats import encode_png
from serving.saved_model import UnusableModelError
from serving.servable import Servable
from tests.images import noise
from tests.serving.conftest import Exported

NUMBER = 7


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven images of two folders."""
    for number in range(NUMBER):
        path = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(noise(20, 30 + number, seed=number)))
    return tmp_path / "images"


def _paths(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _score(exported: Exported, folder: Path, output: Path, workers: int = 1) -> Scored:
    work = output.parent / f"work-{output.name}"
    work.mkdir(parents=True)

    def make_pipeline() -> beam.Pipeline:
        return beam.Pipeline(options=PipelineOptions(beam_arguments(LocalBeam(workers=workers))))

    return score_folder(make_pipeline, str(exported.directory), str(folder), _paths(folder), output, str(work))


def _rows(output: Path) -> list[dict[str, str]]:
    with output.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_are_the_answers_of_the_model_in_the_order_of_the_paths(
    exported: Exported, folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "scores.csv"

    assert _score(exported, folder, output) == Scored(images=NUMBER, failed=0)

    rows, paths = _rows(output), _paths(folder)
    with Servable(str(exported.directory)) as servable:
        expected = servable.predict_images([(folder / path).read_bytes() for path in paths])
    assert [row["source"] for row in rows] == paths
    assert [row["label"] for row in rows] == list(expected.labels)
    for column, values in (
        ("probability_benign", expected.probabilities[:, 0]),
        ("probability_malignant", expected.probabilities[:, 1]),
        ("positive_probability", expected.malignant_probability),
    ):
        np.testing.assert_allclose([float(row[column]) for row in rows], values, atol=1e-6)
    assert {float(row["threshold"]) for row in rows} == {expected.threshold}
    assert {row["error"] for row in rows} == {""}


def test_parts_and_workers_change_nothing(
    exported: Exported, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _score(exported, folder, tmp_path / "one.jsonl")
    monkeypatch.setattr(score, "FILES_OF_A_PART", 2)
    _score(exported, folder, tmp_path / "many.jsonl", workers=2)

    one, many = ([json.loads(line) for line in (tmp_path / f"{name}.jsonl").open()] for name in ("one", "many"))
    assert [row["source"] for row in many] == [row["source"] for row in one] == _paths(folder)
    assert [row["positive_probability"] for row in many] == pytest.approx(
        [row["positive_probability"] for row in one], abs=1e-6
    )


def test_a_file_that_cannot_be_read_has_its_reason_and_the_others_their_answers(
    exported: Exported, folder: Path, tmp_path: Path
) -> None:
    (folder / "a" / "1.png").write_bytes(b"no image")
    (folder / "a" / "z.png").write_bytes(encode_png(noise(20, 20))[:60])

    assert _score(exported, folder, tmp_path / "scores.csv") == Scored(images=NUMBER, failed=2)

    rows = {row["source"]: row for row in _rows(tmp_path / "scores.csv")}
    assert "not an image" in rows["a/1.png"]["error"]
    assert rows["a/z.png"]["error"] != ""
    assert {rows["a/1.png"][name] for name in ("label", "positive_probability", "threshold")} == {""}
    assert len(rows) == NUMBER + 2


def test_each_page_of_a_file_is_an_image(exported: Exported, tmp_path: Path) -> None:
    pages = [Image.fromarray(noise(20, 20, seed=seed)) for seed in range(3)]
    (tmp_path / "images").mkdir()
    pages[0].save(tmp_path / "images" / "three.tiff", save_all=True, append_images=pages[1:])

    assert _score(exported, tmp_path / "images", tmp_path / "scores.csv") == Scored(images=3, failed=0)

    rows = _rows(tmp_path / "scores.csv")
    assert [row["source"] for row in rows] == [page_source("three.tiff", number) for number in (1, 2, 3)]
    with Servable(str(exported.directory)) as servable:
        expected = servable.predict_images([encode_png(np.asarray(page)) for page in pages])
    np.testing.assert_allclose(
        [float(row["probability_benign"]) for row in rows], expected.probabilities[:, 0], atol=1e-6
    )


def test_a_failure_leaves_the_earlier_file(exported: Exported, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "scores.csv"
    output.write_text("earlier")

    with pytest.raises(UnusableModelError):
        _score(Exported(tmp_path / "no model", exported.model), folder, output)

    assert output.read_text() == "earlier"


@pytest.mark.parametrize("name", ["scores.xlsx", "scores"])
def test_a_file_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="has a suffix that is not known"):
        writer_for(Path(name))


def test_names_with_commas_quotes_and_line_ends_survive() -> None:
    columns, source = Columns(("a", "b")), 'x, "y"\nz.png'
    rows = [columns.scored(source, "a", [0.25, 0.75], 0.75, 0.5), columns.failed("b.png", "broken, badly")]

    table = writer_for(Path("x.csv"))
    read = list(csv.DictReader((table.header(columns) + table.write(columns, rows)).splitlines(keepends=True)))
    assert [row["source"] for row in read] == [source, "b.png"]
    assert read[0]["probability_b"] == "0.75"
    assert read[1]["error"] == "broken, badly"
    lines = writer_for(Path("x.jsonl")).write(columns, rows).splitlines()
    assert json.loads(lines[0])["source"] == source


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run_app(["score", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command(exported: Exported, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new folder" / "scores.csv"
    options = ("--model", exported.directory, "--data", folder)

    code, out, _ = _run(capsys, *options, "--output", output)
    assert code == 0
    assert f"{NUMBER} images scored" in out
    assert "Research use only" in out

    (folder / "broken.png").write_bytes(b"no image")
    code, _, err = _run(capsys, *options, "--output", output)
    assert code == EXIT_DATA_REJECTED
    assert "1 file could not be read" in err
    assert len(_rows(output)) == NUMBER + 1


@pytest.mark.parametrize(
    ("change", "said", "code"),
    [
        ({"--model": "nowhere"}, "There is no model in nowhere", EXIT_BAD_CONFIGURATION),
        ({"--data": "nowhere"}, "The data folder nowhere does not exist", EXIT_BAD_CONFIGURATION),
        ({"--output": "scores.xlsx"}, "has a suffix that is not known", EXIT_BAD_CONFIGURATION),
        ({"--dataset": "bussi"}, "did you mean 'busi'?", EXIT_BAD_CONFIGURATION),
        ({"--dataset": "busi"}, "There are no images in", EXIT_DATA_REJECTED),
    ],
)
def test_wrong_arguments_end_in_one_message(
    exported: Exported,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
    said: str,
    code: int,
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "notes.txt").write_text("x")
    options = {
        "--model": exported.directory,
        "--data": tmp_path / "data",
        "--output": tmp_path / "scores.csv",
    } | change

    found, _, err = _run(capsys, *(part for option in options.items() for part in option))

    assert found == code
    assert said in err
    assert "Traceback" not in err
