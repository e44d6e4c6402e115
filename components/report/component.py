"""The component that writes a run's report."""

import json
import os
from typing import Any, Final

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import artifacts
from components.report.content import PAGE_FILE, SUMMARY_FILE
from components.report.gather import Sources, gather
from components.report.page import render

CONFIGURATION_KEY: Final = "configuration"
REPORT_KEY: Final = "report"


class Executor(base_executor.BaseExecutor):
    """Gathers what the run left behind and writes it as a page and as JSON."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        single = {key: artifact_utils.get_single_instance(found) for key, found in input_dict.items()}
        content = gather(Sources(**single), exec_properties[CONFIGURATION_KEY])
        directory = artifact_utils.get_single_uri(output_dict[REPORT_KEY])
        _write(os.path.join(directory, SUMMARY_FILE), json.dumps(content.model_dump(), indent=2))
        _write(os.path.join(directory, PAGE_FILE), render(content))


def _write(path: str, text: str) -> None:
    with fileio.open(path, "wb") as file:
        file.write(text.encode())


class RunReportSpec(ComponentSpec):
    PARAMETERS = {CONFIGURATION_KEY: ExecutionParameter(type=str)}
    INPUTS = {
        "manifest": ChannelParameter(type=artifacts.DatasetManifest),
        "data_gate": ChannelParameter(type=artifacts.DataGateReport),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "clinical_evaluation": ChannelParameter(type=artifacts.ClinicalEvaluation),
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
    }
    OUTPUTS = {REPORT_KEY: ChannelParameter(type=artifacts.RunReport)}


class RunReport(base_component.BaseComponent):
    """Writes `index.html`, for people, and `summary.json`, for programs."""

    SPEC_CLASS = RunReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, configuration: str, **inputs: types.BaseChannel) -> None:
        """Args:
        configuration: the run's configuration as YAML.
        inputs: one channel for each of `RunReportSpec.INPUTS`.
        """
        super().__init__(
            spec=RunReportSpec(
                **{
                    CONFIGURATION_KEY: configuration,
                    REPORT_KEY: channel.Channel(type=artifacts.RunReport),
                    **inputs,
                }
            )
        )
