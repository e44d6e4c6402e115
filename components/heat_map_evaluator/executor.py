"""Reads the lesion masks of the tested images, asks the model for heat maps, and writes down how they compare."""

import os
from typing import Any, Final

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.datasets.registry import get_dataset
from components.example_files import split_patterns
from components.heat_map_evaluator.content import EVALUATION_FILE, HeatMapEvaluation
from components.heat_map_evaluator.evaluate import evaluate_heat_maps
from components.heat_map_evaluator.lesions import read_lesions
from components.manifest import read_manifest
from components.model_files import saved_model_folder
from components.settings import HeatMapSettings
from components.spans.dataset import in_spans

EXAMPLES_KEY: Final = "examples"
MANIFEST_KEY: Final = "manifest"
MODEL_KEY: Final = "model"
INPUT_BASE_KEY: Final = "input_base"
SETTINGS_KEY: Final = "settings"
EVALUATION_KEY: Final = "evaluation"


class Executor(base_executor.BaseExecutor):
    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        settings = HeatMapSettings.model_validate_json(exec_properties[SETTINGS_KEY])
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES_KEY])
        manifest = read_manifest(artifact_utils.get_single_uri(input_dict[MANIFEST_KEY]))
        tested = [entry.source for entry in manifest if entry.split in settings.splits]
        dataset = in_spans(get_dataset(settings.dataset), settings.spans)
        lesions = read_lesions(dataset, exec_properties[INPUT_BASE_KEY], tested)
        found = evaluate_heat_maps(
            saved_model_folder(artifact_utils.get_single_uri(input_dict[MODEL_KEY])),
            split_patterns(examples, settings.splits),
            lesions,
            settings.positive_label,
        )
        path = os.path.join(artifact_utils.get_single_uri(output_dict[EVALUATION_KEY]), EVALUATION_FILE)
        io_utils.write_bytes_file(path, found.model_dump_json(indent=2).encode())


def read_heat_map_evaluation(directory: str) -> HeatMapEvaluation:
    return HeatMapEvaluation.model_validate_json(io_utils.read_bytes_file(os.path.join(directory, EVALUATION_FILE)))
