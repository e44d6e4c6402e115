"""Finds the model with which a new one is compared."""

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy

CANDIDATE_KEY = "candidate"
MODEL_KEY = "model"
BLESSING_KEY = "model_blessing"


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
