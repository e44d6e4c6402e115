"""Asks a model for all examples of some splits, through the signature that is served."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import tensorflow as tf

from components.clinical_evaluator.scored_images import ScoredImages
from components.clinical_evaluator.size_bands import size_band
from schema import contract
from schema.errors import ConfigurationError, DataRejectedError
from serving.servable import Predictions, Servable

BATCH_SIZE: Final = 32
_OPTIONAL_TEXT: Final = tf.io.FixedLenFeature([], tf.string, "")
_FEATURES: Final = {
    contract.SOURCE: tf.io.FixedLenFeature([], tf.string),
    contract.GROUP: tf.io.FixedLenFeature([], tf.string),
    contract.LABEL: _OPTIONAL_TEXT,
    contract.IMAGE_HEIGHT: tf.io.FixedLenFeature([], tf.int64),
    contract.IMAGE_WIDTH: tf.io.FixedLenFeature([], tf.int64),
    **{contract.ATTRIBUTE_PREFIX + name: _OPTIONAL_TEXT for name in contract.ATTRIBUTES},
}


def score_examples(model: str, patterns: Sequence[str], labels: Sequence[str], positive_label: str) -> ScoredImages:
    """The images of the TFRecord files with the model's answers.

    Args:
        model: folder of a SavedModel.
        patterns: of the files.
        labels: of the images, in the order of the model's outputs.

    Raises:
        UnusableModelError: where the model cannot be loaded or cannot answer.
        UnusableScoresError: where its answers are no probabilities.
        DataRejectedError: where there are no images, or one has no label of these.
        ConfigurationError: where the model tells other classes apart.
    """
    facts: list[Mapping[str, Any]] = []
    answers: list[Predictions] = []
    with Servable(model) as servable:
        for examples in _batches(patterns):
            facts += _parse(examples)
            answers.append(servable.predict_examples(examples))
    if not facts:
        raise DataRejectedError(
            "There are no images to evaluate the model on.", fix="evaluate it on a folder or a split with images"
        )
    probabilities = np.concatenate([answer.probabilities for answer in answers]).astype(np.float64)
    if probabilities.shape[1] != len(labels):
        raise ConfigurationError(
            f"The model tells {probabilities.shape[1]} classes apart; the configuration names {len(labels)}.",
            fix="evaluate it with the classes that it was trained for (data.labels)",
        )
    named = [label for answer in answers for label in answer.labels]
    return ScoredImages(
        labels=labels,
        positive=list(labels).index(positive_label),
        sources=[fact[contract.SOURCE] for fact in facts],
        groups=np.array([fact[contract.GROUP] for fact in facts]),
        truth=np.array([_index(fact[contract.LABEL], labels, fact[contract.SOURCE]) for fact in facts]),
        probabilities=probabilities,
        decided=np.array([labels.index(label) for label in named]),
        threshold=answers[0].threshold,
        attributes=_attributes(facts),
    )


def _batches(patterns: Sequence[str]) -> Iterator[list[bytes]]:
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    if files:
        for batch in tf.data.TFRecordDataset(files).batch(BATCH_SIZE).as_numpy_iterator():
            yield list(batch)


def _parse(examples: list[bytes]) -> list[Mapping[str, Any]]:
    columns = {name: values.numpy() for name, values in tf.io.parse_example(examples, _FEATURES).items()}
    return [
        {
            name: value.decode() if isinstance(value, bytes) else int(value)
            for name, value in zip(columns, row, strict=True)
        }
        for row in zip(*columns.values(), strict=True)
    ]


def _index(label: str, labels: Sequence[str], source: str) -> int:
    if label not in labels:
        raise DataRejectedError(
            f"The image {source} has the label {label!r}, which is none of {', '.join(labels)}.",
            fix="correct the label, or leave the image out",
        )
    return list(labels).index(label)


def _attributes(facts: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray[Any, np.dtype[np.str_]]]:
    known = {
        name: np.array([fact[contract.ATTRIBUTE_PREFIX + name] for fact in facts]) for name in contract.ATTRIBUTES
    }
    sizes = [size_band(fact[contract.IMAGE_HEIGHT], fact[contract.IMAGE_WIDTH]) for fact in facts]
    return {name: values for name, values in known.items() if (values != "").any()} | {
        contract.SIZE_BAND: np.array(sizes)
    }
