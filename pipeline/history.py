"""What earlier runs left behind: the data and models that a new run is compared with."""

from typing import Protocol

from tfx import types
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.types import standard_artifacts

from components.artifacts import ClinicalBlessing, DataGateReport
from components.baseline import (
    LatestBlessedModelStrategy,
    LatestOtherAcceptedDataStrategy,
    LatestOtherBlessedModelStrategy,
)

ACCEPTED_DATA_NODE = "LatestAcceptedData"
BASELINE_NODE = "LatestBlessedModel"
WARM_START_NODE = "WarmStartModel"


class History(Protocol):
    """Makes the nodes that look into the past, and those that write it down where the platform does not."""

    def accepted_data(self, manifest: types.BaseChannel) -> BaseNode:
        """Its output `report` is the gate's on the last accepted data other than those of the manifest."""

    def baseline(self, candidate: types.BaseChannel) -> BaseNode:
        """Its output `model` is the latest one that was good enough, of the same classes, but not the candidate."""

    def warm_start(self) -> BaseNode:
        """Its output `model` is the latest model that was good enough, with the weights to start from."""

    def keep_data(self, manifest: types.BaseChannel, report: types.BaseChannel) -> BaseNode | None:
        """Makes data that the gate has accepted part of the past; None where the platform does."""

    def keep_weights(self, model: types.BaseChannel, pushed_model: types.BaseChannel) -> BaseNode | None:
        """Likewise the weights of a published model."""


class MetadataHistory:
    """The past as ML Metadata has it, which remembers every run by itself."""

    def accepted_data(self, manifest: types.BaseChannel) -> BaseNode:
        return Resolver(
            strategy_class=LatestOtherAcceptedDataStrategy,
            manifest=manifest,
            report=types.Channel(type=DataGateReport),
        ).with_id(ACCEPTED_DATA_NODE)

    def baseline(self, candidate: types.BaseChannel) -> BaseNode:
        return Resolver(
            strategy_class=LatestOtherBlessedModelStrategy,
            candidate=candidate,
            model=types.Channel(type=standard_artifacts.Model),
            model_blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            clinical_blessing=types.Channel(type=ClinicalBlessing),
        ).with_id(BASELINE_NODE)

    def warm_start(self) -> BaseNode:
        return Resolver(
            strategy_class=LatestBlessedModelStrategy,
            model=types.Channel(type=standard_artifacts.Model),
            model_blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            clinical_blessing=types.Channel(type=ClinicalBlessing),
        ).with_id(WARM_START_NODE)

    def keep_data(self, manifest: types.BaseChannel, report: types.BaseChannel) -> BaseNode | None:
        return None

    def keep_weights(self, model: types.BaseChannel, pushed_model: types.BaseChannel) -> BaseNode | None:
        return None
