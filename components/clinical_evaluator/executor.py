"""Judges the candidate on `test`, beside the latest blessed model."""

import os
from collections.abc import Sequence
from typing import Any, Final

from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.clinical_evaluator.comparison import Baseline
from components.clinical_evaluator.content import EVALUATION_FILE, PREDICTIONS_FILE, ClinicalEvaluation
from components.clinical_evaluator.evaluate import evaluate
from components.clinical_evaluator.predict import score_examples
from components.clinical_evaluator.predictions_table import predictions_table
from components.clinical_evaluator.scored_images import ScoredImages
from components.example_files import split_patterns
from components.model_files import saved_model_folder
from components.settings import ClinicalEvaluationSettings
from serving.extras import Classes, read_description

EXAMPLES_KEY: Final = "examples"
MODEL_KEY: Final = "model"
BASELINE_KEY: Final = "baseline_model"
SETTINGS_KEY: Final = "settings"
EVALUATION_KEY: Final = "evaluation"
BLESSING_KEY: Final = "blessing"

# Custom property of the blessing, besides those of the Evaluator of TFX.
CERTIFIED_PROPERTY: Final = "certified"

FIRST_RUN: Final = "There was no earlier blessed model of these classes to compare with."


class Executor(base_executor.BaseExecutor):
    """Asks the models, computes the figures, and writes the evaluation and the blessing."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        settings = ClinicalEvaluationSettings.model_validate_json(exec_properties[SETTINGS_KEY])
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES_KEY])
        model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
        patterns = split_patterns(examples, settings.splits)
        directory = saved_model_folder(model.uri)
        images = score_examples(directory, patterns, settings.labels, settings.positive_label)
        baseline, notes = _baseline(input_dict.get(BASELINE_KEY) or [], patterns, settings)
        name = read_description(directory).name
        evaluation = evaluate(name, images, baseline, notes, settings)
        write_evaluation(evaluation, images, artifact_utils.get_single_uri(output_dict[EVALUATION_KEY]))
        _bless(artifact_utils.get_single_instance(output_dict[BLESSING_KEY]), model, evaluation)


def write_evaluation(evaluation: ClinicalEvaluation, images: ScoredImages, directory: str) -> None:
    """Writes the figures, and the answers that they come from."""
    figures = evaluation.model_dump_json(indent=2)
    io_utils.write_bytes_file(os.path.join(directory, EVALUATION_FILE), figures.encode())
    io_utils.write_bytes_file(os.path.join(directory, PREDICTIONS_FILE), predictions_table(images).encode())


def read_evaluation(directory: str) -> ClinicalEvaluation:
    return ClinicalEvaluation.model_validate_json(io_utils.read_bytes_file(os.path.join(directory, EVALUATION_FILE)))


def _baseline(
    models: Sequence[types.Artifact], patterns: Sequence[str], settings: ClinicalEvaluationSettings
) -> tuple[Baseline | None, list[str]]:
    """The latest blessed model on the same images, or why there is none."""
    if not models:
        return None, [FIRST_RUN]
    model = models[0]
    directory = saved_model_folder(model.uri)
    description = read_description(directory)
    if description.classes != Classes(tuple(settings.labels), settings.positive_label):
        return None, [
            f"The latest blessed model (artifact {model.id}) tells other classes apart ("
            f"{', '.join(description.labels)}; positive: {description.positive_label}), so it was not compared with."
        ]
    images = score_examples(directory, patterns, settings.labels, settings.positive_label)
    return Baseline(f"model {model.id}", images), []


def _bless(blessing: types.Artifact, model: types.Artifact, evaluation: ClinicalEvaluation) -> None:
    verdict = evaluation.verdict
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(verdict.blessed))
    blessing.set_int_custom_property(CERTIFIED_PROPERTY, int(verdict.certified))
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
