"""Asks a model for all examples of some splits, through the signature that is served."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.clinical_evaluator.scored_images import ScoredImages
from components.example_files import read_records
from components.progress import Progress, report_progress
from schema import contract
from schema.errors import ConfigurationError, DataRejectedError
from serving.servable import Predictions, Servable

BATCH_SIZE: Final = 32
TASK: Final = "asking the model"
_OPTIONAL_TEXT: Final = tf.io.FixedLenFeature([], tf.string, "")
_FEATURES: Final = {
    contract.SOURCE: tf.io.FixedLenFeature([], tf.string),
    contract.GROUP: tf.io.FixedLenFeature([], tf.string),
    contract.LABEL: _OPTIONAL_TEXT,
    **dict.fromkeys(contract.SLICES.values(), _OPTIONAL_TEXT),
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
    facts: list[Mapping[str, str]] = []
    answers: list[Predictions] = []
    records = read_records(patterns)
    total = sum(1 for _ in records)
    with Servable(model) as servable:
        for batch in records.batch(BATCH_SIZE).as_numpy_iterator():
            examples = list(batch)
            facts += _parse(examples)
            answers.append(servable.predict_examples(examples))
            report_progress(Progress(TASK, advance=len(examples), total=total))
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


def _parse(examples: list[bytes]) -> list[Mapping[str, str]]:
    columns = {name: values.numpy() for name, values in tf.io.parse_example(examples, _FEATURES).items()}
    return [
        {name: value.decode() for name, value in zip(columns, row, strict=True)}
        for row in zip(*columns.values(), strict=True)
    ]


def _index(label: str, labels: Sequence[str], source: str) -> int:
    if label not in labels:
        raise DataRejectedError(
            f"The image {source} has the label {label!r}, which is none of {', '.join(labels)}.",
            fix="correct the label, or leave the image out",
        )
    return list(labels).index(label)


def _attributes(facts: Sequence[Mapping[str, str]]) -> dict[str, NDArray[np.str_]]:
    """Those that any image has."""
    found = {name: np.array([fact[feature] for fact in facts]) for name, feature in contract.SLICES.items()}
    return {name: values for name, values in found.items() if (values != "").any()}
