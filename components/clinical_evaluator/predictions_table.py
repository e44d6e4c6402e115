"""Scored images as a table of comma-separated values, and back."""

import csv
import io
from collections.abc import Sequence
from typing import Final

import numpy as np

from components.clinical_evaluator.scored_images import ScoredImages

_SOURCE: Final = "source"
_GROUP: Final = "group"
_LABEL: Final = "label"
_DECIDED: Final = "decided"
_PROBABILITY: Final = "probability of "


def predictions_table(images: ScoredImages) -> str:
    """A row for each image; texts are quoted, numbers are not."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    attributes = sorted(images.attributes)
    probabilities = [_PROBABILITY + label for label in images.labels]
    writer.writerow([_SOURCE, _GROUP, _LABEL, _DECIDED, *probabilities, *attributes])
    for row in range(len(images)):
        writer.writerow(
            [
                images.sources[row],
                str(images.groups[row]),
                images.labels[images.truth[row]],
                images.labels[images.decided[row]],
                *images.probabilities[row].tolist(),
                *(str(images.attributes[name][row]) for name in attributes),
            ]
        )
    return table.getvalue()


def parse_predictions(text: str, labels: Sequence[str], positive_label: str, threshold: float) -> ScoredImages:
    """The reverse, but for attributes, which are left out. Raises ValueError or KeyError for any other table."""
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows:
        raise ValueError("there are no rows")
    index = {label: number for number, label in enumerate(labels)}
    return ScoredImages(
        labels=labels,
        positive=index[positive_label],
        sources=[row[_SOURCE] for row in rows],
        groups=np.array([row[_GROUP] for row in rows]),
        truth=np.array([index[row[_LABEL]] for row in rows]),
        probabilities=np.array([[float(row[_PROBABILITY + label]) for label in labels] for row in rows]),
        decided=np.array([index[row[_DECIDED]] for row in rows]),
        threshold=threshold,
        attributes={},
    )
