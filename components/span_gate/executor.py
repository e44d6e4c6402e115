"""Reads what ingestion and the data gate found of a span, asks the published model, and writes the verdict."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.clinical_evaluator.predict import score_examples
from components.data_gate.report import read_report
from components.example_files import split_patterns
from components.manifest import ManifestEntry, read_manifest
from components.model_card.content import ModelCard
from components.model_files import saved_model_folder
from components.settings import SpanGateSettings, SpanSettings
from components.span_gate.content import VERDICT_FILE, AskedModel, SpanVerdict
from components.span_gate.judge import compare_with_test, judge
from components.spans.ledger import read_ledger
from schema import contract
from serving.extras import extra_path

EXAMPLES_KEY: Final = "examples"
MANIFEST_KEY: Final = "manifest"
DATA_GATE_KEY: Final = "data_gate"
MODEL_KEY: Final = "model"
SETTINGS_KEY: Final = "settings"
SPANS_KEY: Final = "spans"
VERDICT_KEY: Final = "verdict"


class Executor(base_executor.BaseExecutor):
    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        settings = SpanGateSettings.model_validate_json(exec_properties[SETTINGS_KEY])
        spans = SpanSettings.model_validate_json(exec_properties[SPANS_KEY])
        manifest = read_manifest(artifact_utils.get_single_uri(input_dict[MANIFEST_KEY]))
        report = read_report(artifact_utils.get_single_uri(input_dict[DATA_GATE_KEY]))
        accepted = [entry for entry in read_ledger(Path(spans.ledger)).entries() if entry.split]
        models = input_dict.get(MODEL_KEY) or []
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES_KEY])
        asked = _ask(models[0], examples, manifest, accepted, settings) if models else None
        drift = [found for found in report.differences if found.first not in contract.SPLITS]
        verdict = judge(manifest, accepted, drift, asked, settings)
        directory = artifact_utils.get_single_uri(output_dict[VERDICT_KEY])
        io_utils.write_bytes_file(f"{directory}/{VERDICT_FILE}", verdict.model_dump_json(indent=2).encode())


def read_verdict(directory: str) -> SpanVerdict:
    return SpanVerdict.model_validate_json(io_utils.read_bytes_file(f"{directory}/{VERDICT_FILE}"))


def _ask(
    model: types.Artifact,
    examples: types.Artifact,
    manifest: list[ManifestEntry],
    accepted: list[ManifestEntry],
    settings: SpanGateSettings,
) -> AskedModel | None:
    """On images of patients that no earlier span has, which the model cannot have seen."""
    known = {entry.group for entry in accepted}
    if not any(entry.split and entry.group not in known for entry in manifest):
        return None
    directory = saved_model_folder(model.uri)
    data = settings.data
    patterns = split_patterns(examples, contract.SPLITS)
    images = score_examples(directory, patterns, data.labels, data.positive_label)
    new = images.subset(~np.isin(images.groups, list(known)))
    card = extra_path(directory, f"{contract.MODEL_CARD}.json")
    evaluation = ModelCard.model_validate_json(io_utils.read_bytes_file(card)).evaluation
    return compare_with_test(new, evaluation, settings.retraining.label_fault_level)
