"""The component that writes the cards which are published with a model."""

import os
from typing import Any, Final

from pydantic import BaseModel
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils

from components import artifacts
from components.model_card.content import DATA_CARD
from components.model_card.gather import Sources, gather_cards
from components.model_card.markdown import render_data_card, render_model_card
from schema import contract

CONFIGURATION_KEY: Final = "configuration"
CARDS_KEY: Final = "cards"


class Executor(base_executor.BaseExecutor):
    """Writes either card as Markdown and as JSON."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        single = {key: artifact_utils.get_single_instance(found) for key, found in input_dict.items()}
        model_card, data_card = gather_cards(Sources(**single), exec_properties[CONFIGURATION_KEY])
        directory = artifact_utils.get_single_uri(output_dict[CARDS_KEY])
        _write(directory, contract.MODEL_CARD, model_card, render_model_card(model_card))
        _write(directory, DATA_CARD, data_card, render_data_card(data_card))


def _write(directory: str, name: str, card: BaseModel, markdown: str) -> None:
    for suffix, text in (("json", card.model_dump_json(indent=2)), ("md", markdown)):
        io_utils.write_bytes_file(os.path.join(directory, f"{name}.{suffix}"), text.encode())


class CardWriterSpec(ComponentSpec):
    PARAMETERS = {CONFIGURATION_KEY: ExecutionParameter(type=str)}
    INPUTS = {
        "manifest": ChannelParameter(type=artifacts.DatasetManifest),
        "data_gate": ChannelParameter(type=artifacts.DataGateReport),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "clinical_evaluation": ChannelParameter(type=artifacts.ClinicalEvaluation),
    }
    OUTPUTS = {CARDS_KEY: ChannelParameter(type=artifacts.ModelCards)}


class CardWriter(base_component.BaseComponent):
    """Writes the model card and the data card."""

    SPEC_CLASS = CardWriterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, configuration: str, **inputs: types.BaseChannel) -> None:
        """Args:
        configuration: the run's configuration as YAML.
        inputs: one channel for each of `CardWriterSpec.INPUTS`.
        """
        super().__init__(
            spec=CardWriterSpec(
                **{CONFIGURATION_KEY: configuration, CARDS_KEY: channel.Channel(type=artifacts.ModelCards), **inputs}
            )
        )
