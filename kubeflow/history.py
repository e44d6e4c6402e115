"""The past of runs on Kubeflow Pipelines, whose driver runs no Resolver ("resolver executors not implemented")."""

import json
from dataclasses import dataclass

from tfx import types
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.data_types import RuntimeParameter

from components.history.component import (
    AcceptedDataKeeper,
    LatestAcceptedData,
    LatestPublishedModel,
    LatestWeights,
    WeightsKeeper,
)
from pipeline.config import Config
from pipeline.history import ACCEPTED_DATA_NODE, BASELINE_NODE, WARM_START_NODE


@dataclass(frozen=True)
class FolderHistory:
    """The past as folders have it: published versions, and what runs kept for the next.

    Attributes:
        config: names the model and its classes.
        serving_directory: where models are published.
        history_directory: where the rest is kept.
    """

    config: Config
    serving_directory: RuntimeParameter
    history_directory: RuntimeParameter

    def accepted_data(self, manifest: types.BaseChannel) -> BaseNode:
        node = LatestAcceptedData(manifest=manifest, history_directory=self.history_directory)
        return node.with_id(ACCEPTED_DATA_NODE)

    def baseline(self, candidate: types.BaseChannel) -> BaseNode:
        return LatestPublishedModel(
            candidate=candidate, serving_directory=self.serving_directory, **self._model()
        ).with_id(BASELINE_NODE)

    def warm_start(self) -> BaseNode:
        return LatestWeights(
            serving_directory=self.serving_directory, history_directory=self.history_directory, **self._model()
        ).with_id(WARM_START_NODE)

    def keep_data(self, manifest: types.BaseChannel, report: types.BaseChannel) -> BaseNode | None:
        return AcceptedDataKeeper(manifest=manifest, report=report, history_directory=self.history_directory)

    def keep_weights(self, model: types.BaseChannel, pushed_model: types.BaseChannel) -> BaseNode | None:
        return WeightsKeeper(
            model=model,
            pushed_model=pushed_model,
            history_directory=self.history_directory,
            model_name=self.config.serving.model_name,
        )

    def _model(self) -> dict[str, str]:
        return {
            "model_name": self.config.serving.model_name,
            "labels": json.dumps(self.config.data.labels),
            "positive_label": self.config.data.positive_label,
        }
