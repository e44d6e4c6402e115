"""Heat maps of a served model: over the images of a report, and scored against the masks of a data folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tfx import types
from tfx.types import artifact_utils, standard_artifacts

from components import artifacts
from components.clinical_evaluator.scored_images import ScoredImages
from components.heat_map_evaluator.content import HeatMapEvaluation
from components.heat_map_evaluator.evaluate import NO_HEAT_MAPS, NO_LESIONS, SHUFFLED_IMAGES, middle
from components.heat_map_evaluator.executor import Executor, read_heat_map_evaluation
from components.manifest import ManifestEntry, write_manifest
from components.report.examined import show_images
from components.report.overlays import overlay_uri
from components.settings import HeatMapSettings
from schema.images.formats import encode_png
from serving.servable import Servable
from tests.clinical import scored_images
from tests.examples import decoded, write_examples
from tests.images import noise
from tests.serving.conftest import Exported, without_heat_maps

SIDE = 40
SOURCES = [*(f"benign/benign ({number}).png" for number in range(4)), "malignant/malignant (1).png"]


def _picked(images: Sequence[float]) -> ScoredImages:
    values = np.array(images)
    return scored_images(
        len(values),
        truth=np.zeros(len(values), int),
        probabilities=np.column_stack([1 - values, values]),
        decided=(values >= 0.5).astype(int),
        attributes={},
    )


def test_picked_images_are_shown_with_their_answers_and_heat_maps(exported: Exported, tmp_path: Path) -> None:
    pixels = noise(8, 8)
    patterns = write_examples(tmp_path / "test", ("image 0.png", "benign", pixels))

    errors, uncertain, benign, malignant = show_images(_picked([0.75, 0.25]), patterns, str(exported.directory))

    (worst,) = errors.images
    assert (worst.source, worst.label, worst.decided, worst.probability) == (
        "image 0.png",
        "benign",
        "malignant",
        0.75,
    )
    np.testing.assert_array_equal(decoded(worst.picture), pixels)
    with Servable(str(exported.directory)) as servable:
        (heat_map,) = servable.explain_images([encode_png(pixels)]).heat_maps
    assert worst.overlay == overlay_uri(encode_png(pixels), heat_map)
    assert len(uncertain.images) == 2
    (absent,) = benign.images
    assert (absent.picture, absent.overlay) == ("", ""), "an image that is not found is shown without a picture"
    assert malignant.images == []


def test_a_model_without_heat_maps_shows_pictures_alone(copy_of_exported: Path, tmp_path: Path) -> None:
    patterns = write_examples(tmp_path / "test", ("image 0.png", "benign", noise(8, 8)))

    errors, *_ = show_images(_picked([0.75]), patterns, str(without_heat_maps(copy_of_exported)))

    assert [(image.picture != "", image.overlay) for image in errors.images] == [(True, "")]


def _artifact(kind: type[types.Artifact], folder: Path) -> types.Artifact:
    artifact = kind()
    artifact.uri = str(folder)
    return artifact


def _evaluate(model: Path, folder: Path, masks: dict[str, bytes]) -> HeatMapEvaluation:
    """A data folder of five images in `test` and one in `train`, and its masks by path."""
    data, trained_on = folder / "data", "benign/benign (9).png"
    for path, content in masks.items():
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        (data / path).write_bytes(content)
    rows = [(source, source.split("/")[0], noise(SIDE, SIDE, seed=seed)) for seed, source in enumerate(SOURCES)]
    for source in (*SOURCES, trained_on):
        (data / source).parent.mkdir(parents=True, exist_ok=True)
        (data / source).write_bytes(encode_png(noise(SIDE, SIDE)))
    write_examples(folder / "examples" / "Split-test", *rows)
    write_examples(folder / "examples" / "Split-train", (trained_on, "benign", noise(SIDE, SIDE)))
    entries = [ManifestEntry(source, split="test") for source in SOURCES]
    (folder / "manifest").mkdir()
    write_manifest([*entries, ManifestEntry(trained_on, split="train")], [], str(folder / "manifest"))
    examples = _artifact(standard_artifacts.Examples, folder / "examples")
    examples.split_names = artifact_utils.encode_split_names(["train", "test"])
    settings = HeatMapSettings(dataset="busi", positive_label="malignant", splits=("test",))
    Executor().Do(
        {
            "examples": [examples],
            "manifest": [_artifact(artifacts.DatasetManifest, folder / "manifest")],
            "model": [_artifact(standard_artifacts.Model, model)],
        },
        {"evaluation": [_artifact(artifacts.HeatMapEvaluation, folder / "evaluation")]},
        {"input_base": str(data), "settings": settings.model_dump_json()},
    )
    return read_heat_map_evaluation(str(folder / "evaluation"))


def _mask(marked: slice) -> bytes:
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[:, marked] = 255
    return encode_png(pixels)


def _mask_path(source: str) -> str:
    return source.replace(".png", "_mask.png")


def test_the_maps_of_tested_images_are_scored_against_their_masks(exported: Exported, tmp_path: Path) -> None:
    left, nothing = slice(0, SIDE // 2), slice(0, 0)
    marked = [*SOURCES[:3], SOURCES[4]]
    masks = {_mask_path(source): _mask(left) for source in (*marked, "benign/benign (9).png")}

    found = _evaluate(exported.directory, tmp_path, {**masks, _mask_path(SOURCES[3]): _mask(nothing)})

    with Servable(str(exported.directory)) as servable:
        pictures = [encode_png(noise(SIDE, SIDE, seed=SOURCES.index(source))) for source in marked]
        maps = servable.explain_images(pictures).heat_maps
    assert found.missing == ""
    assert found.model is not None
    assert found.model.chance == 0.5
    assert found.model.scored + found.model.silent == 4, "of the four tested images with a lesion"
    _check_energy(found, maps)
    assert {label: score.scored + score.silent for label, score in found.classes.items()} == {
        "benign": 3,
        "malignant": 1,
    }
    assert found.middle is not None
    assert found.middle.energy == pytest.approx(0.5)
    assert [stage.layers for stage in found.shuffled] == [0, 1, 2, 4, 5]
    assert found.shuffled[0].rank_correlation == 1.0
    assert found.shuffled[0].compared <= min(4, SHUFFLED_IMAGES)


def _check_energy(found: HeatMapEvaluation, maps: NDArray[np.float32]) -> None:
    """Computed another way."""
    shares = [float(each[:, :32].sum() / each.sum()) for each in maps if each.any()]
    assert found.model is not None
    assert found.model.energy == pytest.approx(np.mean(shares), abs=1e-5)


def test_masks_that_are_no_images_are_named(exported: Exported, tmp_path: Path) -> None:
    good, broken = _mask_path(SOURCES[0]), _mask_path(SOURCES[1])

    found = _evaluate(exported.directory, tmp_path, {good: _mask(slice(0, 9)), broken: b"no image"})

    assert found.unreadable == [broken]
    assert found.model is not None
    assert found.model.scored + found.model.silent == 1


@pytest.mark.parametrize("masks", [{}, {_mask_path(SOURCES[3]): _mask(slice(0, 0))}])
def test_without_lesions_nothing_is_scored(exported: Exported, tmp_path: Path, masks: dict[str, bytes]) -> None:
    found = _evaluate(exported.directory, tmp_path, masks)

    assert (found.missing, found.model, found.shuffled) == (NO_LESIONS, None, [])


def test_a_model_without_heat_maps_is_not_scored(copy_of_exported: Path, tmp_path: Path) -> None:
    masks = {_mask_path(SOURCES[0]): _mask(slice(0, 9))}

    found = _evaluate(without_heat_maps(copy_of_exported), tmp_path, masks)

    assert (found.missing, found.model) == (NO_HEAT_MAPS, None)


def test_the_map_to_compare_with_is_brightest_in_the_middle() -> None:
    found = middle()

    assert found.shape == (64, 64)
    assert np.unravel_index(found.argmax(), found.shape) in {(31, 31), (31, 32), (32, 31), (32, 32)}
    np.testing.assert_allclose(found, found[::-1, ::-1])
    assert found[0, 0] < 0.01
    assert found[30, 30] > 0.9
