"""Exported models with random weights: what they answer is arbitrary, and must be the same everywhere."""

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Exported:
    """Attributes: directory: of the SavedModel; model: what it was made of."""

    directory: Path
    model: "ServedModel"  # noqa: F821  imported where it is used


@pytest.fixture(scope="session")
def export_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Exported]:
    """Exports a network for the given classes, the last of them positive, at a threshold and a temperature."""
    return exporter(tmp_path_factory.mktemp)


def exporter(make_folder: Callable[[str], Path]) -> Callable[..., Exported]:
    """What `export_model` gives. Args: make_folder: makes an empty one of a name like this."""
    import keras

    from components.models.registry import get_model
    from components.settings import ModelSettings, TransformSettings
    from components.trainer.decision import Decision
    from components.trainer.export import ServedModel, export
    from components.trainer.predictor import build_predictor
    from tests.training import task_of

    shape = TransformSettings(height=32, width=32, channels=3)
    transform_graph = write_transform_graph(make_folder("transform"), shape)

    def make(labels: tuple[str, ...], threshold: float, temperature: float = 1.0) -> Exported:
        keras.utils.set_random_seed(7)
        spec = get_model("cnn")
        settings = ModelSettings(architecture="cnn", image_size=(32, 32))
        task = dataclasses.replace(task_of(settings, len(labels), positive=len(labels) - 1), spec=spec)
        model = ServedModel(
            "small",
            build_predictor(task, [task.build().whole.get_weights()], views=1),
            transform_graph.output,
            transform_graph.shape,
            labels,
            task.coding,
            Decision(temperature, threshold),
        )
        directory = make_folder("exported") / "model"
        export(model, str(directory))
        return Exported(directory, model)

    return make


@pytest.fixture(scope="session")
def exported(export_model: Callable[..., Exported]) -> Exported:
    """A model of two classes. Not to be changed; `copy_of_exported` is."""
    return export_model(("benign", "malignant"), 0.5)


@pytest.fixture
def copy_of_exported(exported: Exported, tmp_path: Path) -> Path:
    target = tmp_path / "model"
    shutil.copytree(exported.directory, target)
    return target


def without_heat_maps(model: Path) -> Path:
    """As models were exported that did not explain themselves."""
    from tensorflow.core.protobuf import saved_model_pb2

    from schema import contract

    file = model / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    del saved.meta_graphs[0].signature_def[contract.SERVING_EXPLANATION]
    file.write_bytes(saved.SerializeToString())
    return model


@dataclasses.dataclass(frozen=True)
class TransformGraph:
    """Attributes: directory: what Transform wrote; shape: TransformSettings."""

    directory: str
    shape: Any

    @property
    def output(self) -> Any:
        import tensorflow_transform as tft

        return tft.TFTransformOutput(self.directory)


def transformed_pixels(output: Any, shape: Any, images: Sequence[bytes]) -> NDArray[np.float32]:
    """Encoded images as a network takes them, prepared by the code that Transform ran."""
    import tensorflow as tf

    from components.transform import parse_image
    from schema import contract

    layer = output.transform_features_layer()
    serialized = layer({contract.IMAGE_ENCODED: tf.constant(list(images))})[contract.TRANSFORMED_IMAGE]
    return np.stack([parse_image(image, shape).numpy() for image in serialized]).astype(np.float32)


def write_transform_graph(directory: Path, shape: "TransformSettings") -> TransformGraph:  # noqa: F821  as above
    import tensorflow as tf
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

    from components.transform import SETTINGS_KEY, preprocessing_fn
    from schema import contract
    from schema.images.formats import encode_png

    raw = schema_utils.schema_from_feature_spec(
        {
            contract.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string),
            contract.LABEL_INDEX: tf.io.FixedLenFeature([], tf.int64),
            contract.SOURCE: tf.io.FixedLenFeature([], tf.string),
        }
    )
    row = {
        contract.IMAGE_ENCODED: encode_png(np.zeros((8, 8), np.uint8)),
        contract.LABEL_INDEX: 0,
        contract.SOURCE: b"a.png",
    }
    with tft_beam.Context(temp_dir=str(directory / "temporary")):
        _, transform_fn = ([row], dataset_metadata.DatasetMetadata(raw)) | tft_beam.AnalyzeAndTransformDataset(
            lambda inputs: preprocessing_fn(inputs, {SETTINGS_KEY: shape.model_dump_json()})
        )
        _ = transform_fn | tft_beam.WriteTransformFn(str(directory / "graph"))
    return TransformGraph(str(directory / "graph"), shape)
