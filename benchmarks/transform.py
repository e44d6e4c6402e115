"""The Transform step against a plain loop of the same decoding and resizing.

Both read the examples that ingestion wrote, on one worker. The plain loop puts each image through the same TensorFlow
functions, compiled, and writes the same features, compressed likewise, to one file.
"""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from benchmarks.figures import Figure, Progress, figure_of
from benchmarks.ingestion import generate
from benchmarks.measuring import alternate, median_seconds, ratios
from benchmarks.steps import ready_step, run_steps, small_config
from components.models.registry import get_model
from components.transform import SETTINGS_KEY, preprocessing_fn
from pipeline.config import Config
from schema import contract

IMAGES, FEW_IMAGES, SIDE, REPETITIONS = 1_000, 50, 256, 3
PLAIN_FILE = "plain.gz"
SPLITS = (contract.TRAIN, contract.EVAL)
_FEATURES = {
    contract.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string),
    contract.LABEL_INDEX: tf.io.FixedLenFeature([], tf.int64),
    contract.SOURCE: tf.io.FixedLenFeature([], tf.string),
}
_GZIP = tf.io.TFRecordOptions(compression_type="GZIP")


def measure(work: Path, report: Progress) -> list[Figure]:
    """Of all images; and of each further one, which leaves out what the step costs however few there are."""
    ways: dict[str, Callable[[], object]] = {}
    for name, images in (("few", FEW_IMAGES), ("all", IMAGES)):
        report(f"making {images} images, and ingesting them")
        plain, transform = ready(work / name, images)
        ways |= {f"plain loop, {name}": plain, f"Transform, {name}": transform}
    ways["Transform, few"]()  # a first time costs what no later one does
    ways["plain loop, few"]()
    costs = alternate(ways, REPETITIONS, report)
    seconds = {name: [cost.seconds for cost in found] for name, found in costs.items()}
    return [
        figure_of(
            "transform",
            f"speed of Transform / of a plain loop, {IMAGES} images",
            ratios(seconds["plain loop, all"], seconds["Transform, all"]),
            {
                "plain_loop_seconds": median_seconds(costs["plain loop, all"]),
                "transform_seconds": median_seconds(costs["Transform, all"]),
            },
        ),
        figure_of(
            "transform",
            f"the same, of each further image after {FEW_IMAGES}",
            ratios(_further(seconds, "plain loop"), _further(seconds, "Transform")),
            {
                "plain_loop_of_few_seconds": median_seconds(costs["plain loop, few"]),
                "transform_of_few_seconds": median_seconds(costs["Transform, few"]),
            },
        ),
    ]


def run_plain_loop(examples: Path, output: Path) -> None:
    """Reads the splits that Transform reads, and writes one file."""
    transform = _compiled(small_config())
    files = [str(file) for split in SPLITS for file in sorted((examples / f"Split-{split}").iterdir())]
    with tf.io.TFRecordWriter(str(output), _GZIP) as writer:
        for record in tf.data.TFRecordDataset(files):
            writer.write(_serialized(transform(record)))


def ready(folder: Path, images: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """The plain loop and the step, over so many images."""
    config, data = small_config(), folder / "data"
    generate(data, images, SIDE)
    run_steps(["ImageExampleGen", "ImportSchemaGen"], config, data, folder)
    examples = folder / "ImageExampleGen" / "examples"
    return lambda: run_plain_loop(examples, folder / PLAIN_FILE), ready_step("Transform", config, data, folder)


def _compiled(config: Config) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Transforms one serialized example."""
    settings = get_model(config.model.architecture).transform_settings(config.model).model_dump_json()

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def transform(record: tf.Tensor) -> dict[str, tf.Tensor]:
        return preprocessing_fn(tf.io.parse_example(record[None], _FEATURES), {SETTINGS_KEY: settings})

    return transform


def _serialized(values: dict[str, tf.Tensor]) -> bytes:
    def bytes_feature(key: str) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[values[key].numpy()[0]]))

    features = {key: bytes_feature(key) for key in (contract.TRANSFORMED_IMAGE, contract.TRANSFORMED_SOURCE)}
    label = tf.train.Int64List(value=values[contract.TRANSFORMED_LABEL].numpy())
    features[contract.TRANSFORMED_LABEL] = tf.train.Feature(int64_list=label)
    serialized: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return serialized


def _further(seconds: dict[str, list[float]], way: str) -> list[float]:
    """Seconds that all images took more than few, in each repetition."""
    both = zip(seconds[f"{way}, all"], seconds[f"{way}, few"], strict=True)
    return [every - few for every, few in both]
