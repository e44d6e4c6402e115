"""Finds what a new model, and new data, are compared with."""

from collections.abc import Sequence

import ml_metadata as mlmd
from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.common import resolver
from tfx.utils import path_utils

from components.data_gate.report import MANIFEST_ID_PROPERTY
from serving.extras import Classes, read_description
from serving.saved_model import UnusableModelError

CANDIDATE_KEY = "candidate"
MODEL_KEY = "model"
BLESSING_KEY = "model_blessing"
CLINICAL_BLESSING_KEY = "clinical_blessing"
MANIFEST_KEY = "manifest"
REPORT_KEY = "report"

_Artifacts = dict[str, list[types.Artifact]]


class LatestBlessedModelStrategy(resolver.ResolverStrategy):
    """The latest model that both evaluations have blessed, with its blessings.

    TFX's own strategy knows the Evaluator's alone.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: _Artifacts) -> _Artifacts:
        return _latest(input_dict[MODEL_KEY], input_dict)


class LatestOtherBlessedModelStrategy(resolver.ResolverStrategy):
    """The latest blessed model that is not the candidate itself, and tells the same classes apart.

    A candidate that an earlier, identical run has blessed would be compared with itself, and nothing after the
    Trainer could be cached.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: _Artifacts) -> _Artifacts:
        candidates = input_dict[CANDIDATE_KEY]
        at_hand = {artifact.id for artifact in candidates}
        classes = {_classes(model) for model in candidates}
        others = [model for model in input_dict[MODEL_KEY] if model.id not in at_hand and _classes(model) in classes]
        return {**_latest(others, input_dict), CANDIDATE_KEY: candidates}


def _latest(models: Sequence[types.Artifact], input_dict: _Artifacts) -> _Artifacts:
    """The latest of the models that is blessed by both, with its blessings; empty lists where none is."""
    blessings = {key: _by_model(input_dict[key]) for key in (BLESSING_KEY, CLINICAL_BLESSING_KEY)}
    blessed = [model for model in models if all(model.id in found for found in blessings.values())]
    latest = sorted(blessed, key=lambda model: model.id)[-1:]
    return {
        MODEL_KEY: latest,
        **{key: [found[model.id] for model in latest] for key, found in blessings.items()},
    }


def _by_model(blessings: Sequence[types.Artifact]) -> dict[int, types.Artifact]:
    """Those that bless, by the id of their model."""
    return {
        blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY): blessing
        for blessing in blessings
        if blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY) == constants.BLESSED_VALUE
    }


def _classes(model: types.Artifact) -> Classes | None:
    """What a model tells apart; None for one without a description, which no model exported today lacks."""
    try:
        return read_description(path_utils.serving_model_path(model.uri)).classes
    except UnusableModelError:
        return None


class LatestOtherAcceptedDataStrategy(resolver.ResolverStrategy):
    """The report of the data gate on the last data that passed it, other than those at hand.

    Data that were refused have no report, so they never become what later ones are compared with.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: _Artifacts) -> _Artifacts:
        at_hand = {artifact.id for artifact in input_dict[MANIFEST_KEY]}
        others = [
            report
            for report in input_dict[REPORT_KEY]
            if report.get_int_custom_property(MANIFEST_ID_PROPERTY) not in at_hand
        ]
        latest = sorted(others, key=lambda report: report.id)[-1:]
        return {MANIFEST_KEY: input_dict[MANIFEST_KEY], REPORT_KEY: latest}
