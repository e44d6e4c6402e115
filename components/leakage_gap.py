"""How much a leaking split would flatter a model: one cheap model, measured on random splits and on grouped ones."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from components.image_example_gen.split import assign_splits
from components.manifest import ManifestEntry
from components.settings import SplitSettings
from schema import contract
from schema.images.formats import CanonicalImage

THUMBNAIL_SIDE: Final = 24
COMPONENTS: Final = 48
NEIGHBOURS: Final = 5
CONFIDENCE: Final = 0.95
LEARNT: Final = "learnt from"
TESTED: Final = "tested on"


class Interval(BaseModel):
    """A mean over the seeds, with its 95 % interval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float
    low: float
    high: float


class SplitScores(BaseModel):
    """Scores of the model under one way of splitting.

    Attributes:
        auc: of the positive class against the rest.
        accuracy: over all classes.
        related: share of the test images with an image of their group among those learnt from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    auc: Interval
    accuracy: Interval
    related: float


class LeakageGap(BaseModel):
    """Attributes: random, grouped: by way of splitting; auc_gap, accuracy_gap: random less grouped, by seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int
    groups: int
    seeds: int
    random: SplitScores
    grouped: SplitScores
    auc_gap: Interval
    accuracy_gap: Interval


class _Trial(BaseModel):
    auc: float
    accuracy: float
    related: float


def thumbnail(image: CanonicalImage) -> bytes:
    """uint8 RGB of THUMBNAIL_SIDE squared, as bytes."""
    pixels = image.pixels
    scaled = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
    small = cv2.resize(scaled, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
    rgb = small if small.ndim == 3 else np.repeat(small[..., None], 3, axis=2)
    return rgb.tobytes()


def measure_gap(
    entries: Sequence[ManifestEntry],
    thumbnails: Sequence[bytes],
    positive_label: str,
    shares: SplitSettings,
    seeds: Sequence[int],
    advance: Callable[[], None],
) -> LeakageGap:
    """Trains and tests the model twice for each seed.

    The two ways of splitting differ in nothing but the groups: the random one takes each image for its own.

    Args:
        entries: usable images.
        thumbnails: of the same images.
        shares: what is not `test` is learnt from.
        advance: called after each seed.
    """
    features = np.stack([np.frombuffer(data, np.uint8) for data in thumbnails]).astype(np.float32)
    trials: dict[str, list[_Trial]] = {"random": [], "grouped": []}
    for seed in seeds:
        trials["random"].append(_try(entries, features, [e.source for e in entries], positive_label, shares, seed))
        trials["grouped"].append(_try(entries, features, [e.group for e in entries], positive_label, shares, seed))
        advance()
    ratio = shares.test / (1 - shares.test)
    random, grouped = trials["random"], trials["grouped"]
    return LeakageGap(
        images=len(entries),
        groups=len({entry.group for entry in entries}),
        seeds=len(seeds),
        random=_summarize(random, ratio),
        grouped=_summarize(grouped, ratio),
        auc_gap=interval([a.auc - b.auc for a, b in zip(random, grouped, strict=True)], ratio),
        accuracy_gap=interval([a.accuracy - b.accuracy for a, b in zip(random, grouped, strict=True)], ratio),
    )


def interval(values: Sequence[float], test_to_train: float) -> Interval:
    """The mean over repeated splits and its corrected t interval.

    Splits of one data set overlap, so the variance of the mean is that of the values times
    (1 / repetitions + test / train) (Nadeau and Bengio, "Inference for the generalization error", 2003).
    """
    mean = float(np.mean(values))
    error = math.sqrt(float(np.var(values, ddof=1)) * (1 / len(values) + test_to_train))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * error
    return Interval(mean=mean, low=mean - reach, high=mean + reach)


def make_model(images: int) -> Pipeline:
    """Nearest neighbours among thumbnails, for so many images: seconds to train, and able to memorise."""
    return make_pipeline(
        StandardScaler(),
        PCA(min(COMPONENTS, images), svd_solver="randomized", random_state=0),
        KNeighborsClassifier(min(NEIGHBOURS, images), weights="distance"),
    )


def _try(
    entries: Sequence[ManifestEntry],
    features: NDArray[np.float32],
    groups: Sequence[str],
    positive_label: str,
    shares: SplitSettings,
    seed: int,
) -> _Trial:
    labels = np.array([entry.label for entry in entries])
    tested = _tested(groups, labels, shares, seed)
    model = make_model(int(np.count_nonzero(~tested))).fit(features[~tested], labels[~tested])
    scores = model.predict_proba(features[tested])
    positive = scores[:, list(model.classes_).index(positive_label)]
    learnt = {entry.group for entry, test in zip(entries, tested, strict=True) if not test}
    asked = [entry.group for entry, test in zip(entries, tested, strict=True) if test]
    return _Trial(
        auc=float(roc_auc_score(labels[tested] == positive_label, positive)),
        accuracy=float(accuracy_score(labels[tested], model.classes_[scores.argmax(axis=1)])),
        related=sum(group in learnt for group in asked) / len(asked),
    )


def _tested(groups: Sequence[str], labels: NDArray[Any], shares: SplitSettings, seed: int) -> NDArray[np.bool_]:
    """bool (images,): whether each is tested on; by the very procedure that makes the splits of a run."""
    labels_of_group: dict[str, Counter[str]] = {}
    for group, label in zip(groups, labels.tolist(), strict=True):
        labels_of_group.setdefault(group, Counter())[label] += 1
    parts: Mapping[str, float] = {LEARNT: 1 - shares.test, TESTED: getattr(shares, contract.TEST)}
    splits = assign_splits(labels_of_group, parts, seed)
    return np.array([splits[group] == TESTED for group in groups])


def _summarize(trials: Sequence[_Trial], test_to_train: float) -> SplitScores:
    return SplitScores(
        auc=interval([trial.auc for trial in trials], test_to_train),
        accuracy=interval([trial.accuracy for trial in trials], test_to_train),
        related=float(np.mean([trial.related for trial in trials])),
    )
