"""Finds what a new model, and new data, are compared with."""

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy

from components.data_gate.report import MANIFEST_ID_PROPERTY

CANDIDATE_KEY = "candidate"
MODEL_KEY = "model"
BLESSING_KEY = "model_blessing"
MANIFEST_KEY = "manifest"
REPORT_KEY = "report"


class LatestOtherBlessedModelStrategy(resolver.ResolverStrategy):
    """The latest blessed model that is not the candidate itself.

    TFX's own strategy would name a candidate that an earlier, identical run has blessed, so that a rerun of an
    unchanged pipeline would compare the model with itself, and nothing after the Trainer could be cached.
    """

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        candidates = {artifact.id for artifact in input_dict[CANDIDATE_KEY]}
        others = {
            MODEL_KEY: [model for model in input_dict[MODEL_KEY] if model.id not in candidates],
            BLESSING_KEY: input_dict[BLESSING_KEY],
        }
        latest = LatestBlessedModelStrategy().resolve_artifacts(store, others)
        return {**(latest or {}), CANDIDATE_KEY: input_dict[CANDIDATE_KEY]}


class LatestOtherAcceptedDataStrategy(resolver.ResolverStrategy):
    """The report of the data gate on the last data that passed it, other than those at hand.

    Data that were refused have no report, so they never become what later ones are compared with.
    """

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        at_hand = {artifact.id for artifact in input_dict[MANIFEST_KEY]}
        others = [
            report
            for report in input_dict[REPORT_KEY]
            if report.get_int_custom_property(MANIFEST_ID_PROPERTY) not in at_hand
        ]
        latest = sorted(others, key=lambda report: report.id)[-1:]
        return {MANIFEST_KEY: input_dict[MANIFEST_KEY], **({REPORT_KEY: latest} if latest else {})}
