"""The models that the conformance suite asks, and TensorFlow Serving's configuration of them.

    python -m tests.serving.conformance.models FOLDER

writes them, for a server of your own that the suite is to reach through TFS_ADDR.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

SMALL: Final = "small"  # of this project, in versions 1 and 2
TOY: Final = "toy"  # with signatures of each method
CONFIG_FILE: Final = "models.config"

_CONFIG: Final = """\
model_config_list {{
  config {{
    name: "small" base_path: "{folder}/small" model_platform: "tensorflow"
    model_version_policy {{ specific {{ versions: 1 versions: 2 }} }}
    version_labels {{ key: "stable" value: 1 }}
    version_labels {{ key: "canary" value: 2 }}
  }}
  config {{ name: "toy" base_path: "{folder}/toy" model_platform: "tensorflow" }}
}}
"""


def write_models(folder: Path, first: Path, second: Path, served_as: Path) -> None:
    """Args: first, second: SavedModels of this project; served_as: where the server sees the folder."""
    for version, model in (("1", first), ("2", second)):
        shutil.copytree(model, folder / SMALL / version)
    write_toy(folder / TOY / "7")
    (folder / CONFIG_FILE).write_text(_CONFIG.format(folder=served_as))


def write_toy(directory: Path) -> None:
    """A model that answers half of a number and two, and what it was sent."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        numbers = v1.placeholder(tf.float32, [None, 2], "numbers")
        text = v1.placeholder(tf.string, [None], "text")
        examples = v1.placeholder(tf.string, [None], "examples")
        x = v1.io.parse_example(examples, {"x": v1.FixedLenFeature([1], tf.float32)})["x"]
        scores = tf.concat([x * 0.5 + 2.0, x], axis=1)
        names = tf.tile(tf.constant([["half", "whole"]]), [tf.shape(x)[0], 1])
        signature = v1.saved_model.signature_def_utils
        builder = v1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(
            session,
            [tf.saved_model.SERVING],
            {
                "serving_default": signature.predict_signature_def({"x": numbers}, {"y": numbers * 0.5 + 2.0}),
                "echo": signature.predict_signature_def(
                    {"text": text}, {"same": tf.identity(text), "same_bytes": tf.identity(text)}
                ),
                "classify": signature.classification_signature_def(examples, names, scores),
                "regress": signature.regression_signature_def(examples, x * 0.5 + 2.0),
            },
        )
        builder.save()


def main(folder: Path) -> None:
    from tests.serving.conftest import exporter

    with tempfile.TemporaryDirectory() as scratch:
        export = exporter(lambda name: Path(tempfile.mkdtemp(name, dir=scratch)))
        folder.mkdir(parents=True)
        first, second = (export(("benign", "malignant"), threshold).directory for threshold in (0.5, 0.25))
        write_models(folder, first, second, folder.resolve())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
