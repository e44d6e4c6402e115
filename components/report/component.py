"""The components that write a report: of a run, and of the evaluation of a model that there was before."""

import json
import os
from typing import Any, Final

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils

from components import artifacts
from components.report.content import PAGE_FILE, SUMMARY_FILE, ReportContent
from components.report.gather import EvaluationArtifacts, RunArtifacts, gather_evaluation, gather_run
from components.report.lineage import Origin
from components.report.page.render import render
from components.report.pipelines_ui import classification_metrics, metrics

CONFIGURATION_KEY: Final = "configuration"
COMMIT_KEY: Final = "commit"
CODE_FINGERPRINT_KEY: Final = "code_fingerprint"  # which the graph gives every step
REPORT_KEY: Final = "report"
HTML_KEY: Final = "html"
METRICS_KEY: Final = "metrics"
CLASSIFICATION_KEY: Final = "classification_metrics"


class RunReportExecutor(base_executor.BaseExecutor):
    """Gathers what the run left behind and writes it as a page and as JSON."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        content = gather_run(RunArtifacts(**_single(input_dict)), _origin(exec_properties))
        write_report(content, output_dict)


class EvaluationReportExecutor(base_executor.BaseExecutor):
    """The same of an evaluation, in which nothing was trained."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        content = gather_evaluation(EvaluationArtifacts(**_single(input_dict)), _origin(exec_properties))
        write_report(content, output_dict)


def write_report(content: ReportContent, output_dict: dict[str, list[types.Artifact]]) -> None:
    """Writes `index.html` and `summary.json`, and what the Kubeflow Pipelines UI shows.

    That are the page once more, as an artifact that is one file, and figures in the properties of artifacts.
    """
    summary, page = json.dumps(content.model_dump(), indent=2), render(content)
    directory = artifact_utils.get_single_uri(output_dict[REPORT_KEY])
    html = artifact_utils.get_single_instance(output_dict[HTML_KEY])
    html.uri = os.path.join(html.uri, PAGE_FILE)
    io_utils.write_bytes_file(os.path.join(directory, SUMMARY_FILE), summary.encode())
    for path in (os.path.join(directory, PAGE_FILE), html.uri):
        io_utils.write_bytes_file(path, page.encode())
    figures = artifact_utils.get_single_instance(output_dict[METRICS_KEY])
    for name, value in metrics(content).items():
        figures.set_float_custom_property(name, value)
    classification = artifact_utils.get_single_instance(output_dict[CLASSIFICATION_KEY])
    for name, drawn in classification_metrics(content).items():
        classification.set_json_value_custom_property(name, drawn)


def _single(found: dict[str, list[types.Artifact]]) -> dict[str, types.Artifact]:
    return {key: artifact_utils.get_single_instance(each) for key, each in found.items() if each}


def _origin(exec_properties: dict[str, Any]) -> Origin:
    return Origin(
        configuration=exec_properties[CONFIGURATION_KEY],
        code_hash=exec_properties.get(CODE_FINGERPRINT_KEY, ""),
        commit=exec_properties.get(COMMIT_KEY, ""),
    )


class EvaluationReportSpec(ComponentSpec):
    PARAMETERS = {
        CONFIGURATION_KEY: ExecutionParameter(type=str),
        COMMIT_KEY: ExecutionParameter(type=str),
    }
    INPUTS = {
        "manifest": ChannelParameter(type=artifacts.DatasetManifest),
        "data_gate": ChannelParameter(type=artifacts.DataGateReport),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "clinical_evaluation": ChannelParameter(type=artifacts.ClinicalEvaluation),
        "heat_map_evaluation": ChannelParameter(type=artifacts.HeatMapEvaluation, optional=True),
    }
    OUTPUTS = {
        REPORT_KEY: ChannelParameter(type=artifacts.RunReport),
        HTML_KEY: ChannelParameter(type=artifacts.HtmlPage),
        METRICS_KEY: ChannelParameter(type=artifacts.Metrics),
        CLASSIFICATION_KEY: ChannelParameter(type=artifacts.ClassificationMetrics),
    }


class RunReportSpec(ComponentSpec):
    PARAMETERS = EvaluationReportSpec.PARAMETERS
    INPUTS = {
        **EvaluationReportSpec.INPUTS,
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing),
    }
    OUTPUTS = EvaluationReportSpec.OUTPUTS


class RunReport(base_component.BaseComponent):
    """Writes `index.html`, for people, and `summary.json`, for programs."""

    SPEC_CLASS = RunReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(RunReportExecutor)

    def __init__(self, configuration: str, commit: str, **inputs: types.BaseChannel) -> None:
        """Args:
        configuration: the run's configuration as YAML.
        commit: of the code; empty where it is not known.
        inputs: one channel for each of `RunReportSpec.INPUTS`.
        """
        super().__init__(spec=RunReportSpec(**_parameters(configuration, commit), **inputs))


class EvaluationReport(base_component.BaseComponent):
    """Writes the same files, without what only a training has."""

    SPEC_CLASS = EvaluationReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(EvaluationReportExecutor)

    def __init__(self, configuration: str, commit: str, **inputs: types.BaseChannel) -> None:
        """Args as of `RunReport`, with one channel for each of `EvaluationReportSpec.INPUTS`."""
        super().__init__(spec=EvaluationReportSpec(**_parameters(configuration, commit), **inputs))


def _parameters(configuration: str, commit: str) -> dict[str, Any]:
    return {
        CONFIGURATION_KEY: configuration,
        COMMIT_KEY: commit,
        REPORT_KEY: channel.Channel(type=artifacts.RunReport),
        HTML_KEY: channel.Channel(type=artifacts.HtmlPage),
        METRICS_KEY: channel.Channel(type=artifacts.Metrics),
        CLASSIFICATION_KEY: channel.Channel(type=artifacts.ClassificationMetrics),
    }
