"""Decides on a span: a change of scanner is reported and trained on, wrong labels are refused.

Both can make the published model worse. A scanner changes the images, which their statistics show, and leaves the
model some of its skill; wrong labels change no image, and leave it none where they are shuffled or exchanged.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy.stats import norm

from components.clinical_evaluator.content import ClinicalEvaluation
from components.clinical_evaluator.scored_images import ScoredImages
from components.data_gate.statistics import Difference, find_differences
from components.image_example_gen.linking import BRIDGES, CONTRADICTS, REPEATED
from components.manifest import Manifest, ManifestEntry
from components.measures.auc_intervals import least_fall, newcombe
from components.measures.ranking import RankedScores
from components.settings import SpanGateSettings
from components.span_gate.content import AskedModel, SpanVerdict

_CLASS_BALANCE = "class"  # a difference in the labels, not in the images


def judge(
    manifest: Manifest,
    accepted: Sequence[ManifestEntry],
    differences: Sequence[Difference],
    asked: AskedModel | None,
    settings: SpanGateSettings,
) -> SpanVerdict:
    """Args:
    manifest: of the span.
    accepted: the ledger's images, all of them with a split.
    differences: of the span from those that are trained on.
    """
    drift = [finding.message for finding in find_differences(differences)]
    images_drifted = any(found.exceeds and found.feature != _CLASS_BALANCE for found in differences)
    changed = list(_changed_labels(manifest, accepted))
    taken_in = [entry for entry in manifest if entry.split]
    return SpanVerdict(
        reasons=[
            *_contradictions(manifest, settings),
            *(changed if settings.retraining.label_changes == "refuse" else []),
            *(drift if settings.retraining.drift == "refuse" else []),
            *_label_fault(asked, images_drifted, settings.retraining.label_fault_level),
        ],
        drift=drift,
        notes=[
            *_left_out(manifest),
            *(changed if settings.retraining.label_changes == "report" else []),
            *_fall(asked, images_drifted),
        ],
        images=len(taken_in),
        patients=len({entry.group for entry in taken_in}),
        asked=asked,
    )


def compare_with_test(images: ScoredImages, evaluation: ClinicalEvaluation, level: float) -> AskedModel | None:
    """Args:
    images: of new patients, with the published model's answers.
    evaluation: of that model, when it was published.
    level: of a one-sided test.

    Returns:
        None where one of the AUCs is not defined.
    """
    test_auc, cohort = evaluation.discrimination.auc.value, evaluation.cohort
    auc = float(RankedScores(images.is_positive, images.scores).curve().auc)
    if test_auc is None or not math.isfinite(auc):
        return None
    positives, negatives = (len(np.unique(images.groups[kind])) for kind in (images.is_positive, ~images.is_positive))
    quantile = float(norm.isf(level))
    before = newcombe(test_auc, cohort.positive_groups, cohort.negative_groups, quantile)
    after = newcombe(auc, positives, negatives, quantile)
    return AskedModel(
        auc=auc,
        positives=positives,
        negatives=negatives,
        test_auc=test_auc,
        test_positives=cohort.positive_groups,
        test_negatives=cohort.negative_groups,
        least_fall=least_fall(before, after),
        low=after.low,
        high=after.high,
    )


def _label_fault(asked: AskedModel | None, images_drifted: bool, level: float) -> Iterator[str]:
    if asked is None or not asked.fell:
        return
    if asked.below_chance:
        yield f"{_told(asked)}: the labels are probably exchanged."
    elif not images_drifted:
        yield (
            f"{_told(asked)}, by more than chance ({level:g}, one-sided), and the images look as before: the labels"
            " are probably wrong."
        )
    elif not asked.above_chance:
        yield (
            f"{_told(asked)}, and that is not certainly better than guessing: the images look different, too, but"
            " nothing shows that their labels are right."
        )


def _fall(asked: AskedModel | None, images_drifted: bool) -> Iterator[str]:
    if asked and asked.fell and images_drifted and asked.above_chance:
        yield f"{_told(asked)}; the images look different, and their labels still fit them."


def _told(asked: AskedModel) -> str:
    return (
        f"The published model has an AUC of {asked.auc:.3f} on the new patients ({asked.positives} positive,"
        f" {asked.negatives} other), and had {asked.test_auc:.3f} on its test"
    )


def _contradictions(manifest: Manifest, settings: SpanGateSettings) -> Iterator[str]:
    if settings.data.checks.label_conflicts != "fail":
        return
    found = [entry.source for entry in manifest if entry.dropped == CONTRADICTS]
    if found:
        yield f"{_images(len(found))} show what was accepted under another class, the first is {found[0]}."


def _left_out(manifest: Manifest) -> Iterator[str]:
    counts = Counter(entry.dropped for entry in manifest)
    for reason in (REPEATED, CONTRADICTS, BRIDGES):
        if counts[reason]:
            yield f"{_images(counts[reason])} left out: {reason}."


def _changed_labels(manifest: Manifest, accepted: Iterable[ManifestEntry]) -> Iterator[str]:
    """A patient may have findings of several kinds; one with none of the earlier ones is worth a look."""
    before, now = _labels_of_patients(accepted), _labels_of_patients(entry for entry in manifest if entry.split)
    changed = sum(1 for patient, labels in now.items() if patient in before and labels.isdisjoint(before[patient]))
    if changed:
        known = sum(patient in before for patient in now)
        yield f"{changed} of {known} patients of earlier spans have other labels than before."


def _labels_of_patients(entries: Iterable[ManifestEntry]) -> dict[str, set[str]]:
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.patient:
            labels[entry.patient].add(entry.label)
    return labels


def _images(number: int) -> str:
    return f"{number} image" + ("" if number == 1 else "s")
