"""Compiles the one graph to what Kubeflow Pipelines runs: a pipeline specification of schema 2.1.0."""

from typing import Final

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx import v1 as tfx

from kubeflow.kubernetes import platform_spec
from kubeflow.names import rename
from kubeflow.package import Package
from kubeflow.platform import kubeflow_platform, run_parameters
from pipeline.config import Config
from pipeline.graph import build_pipeline

ENTRYPOINT: Final = ("python", "-m", "kubeflow.entrypoint")


def compile_pipeline(config: Config, image: str) -> Package:
    """The pipeline of a configuration.

    Args:
        image: that every step runs in.
    """
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(
            default_image=image, default_commands=list(ENTRYPOINT), use_pipeline_spec_2_1=True
        )
    )
    job = runner.run(build_pipeline(config, kubeflow_platform(config)), write_out=False)
    spec = json_format.ParseDict(job["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())
    rename(spec)
    spec.default_pipeline_root = config.kubeflow.pipeline_root
    parameters = spec.root.input_definitions.parameters
    for name, parameter in run_parameters(config).items():
        parameters[name].default_value.string_value = parameter.default  # TFX leaves it out
        parameters[name].description = parameter.description
    return Package(spec, platform_spec(config.kubeflow, spec.deployment_spec["executors"]))
