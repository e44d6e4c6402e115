"""Compiles the one graph to what Kubeflow Pipelines runs: a pipeline specification of schema 2.1.0.

TFX's own compiler does most of it. What it leaves out, or writes in a way that the open-source backend does not take,
is added and corrected here.
"""

from typing import Final

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

from kubeflow.image_name import check_image
from kubeflow.kubernetes import platform_spec
from kubeflow.names import executor_name, rename, task_name
from kubeflow.package import Package
from kubeflow.platform import kubeflow_platform, run_parameters
from kubeflow.tasks import check_beam, give_workers, set_policies, update_container
from kubeflow.validation import check_pipeline
from pipeline.config import Config
from pipeline.graph import build_pipeline
from pipeline.metadata.settings import MetadataSettings
from schema.errors import ConfigurationError

ENTRYPOINT: Final = ("python", "-m", "kubeflow.entrypoint")


def compile_pipeline(config: Config, image: str) -> Package:
    """The pipeline of a configuration. The same configuration, image and code give the same package.

    Args:
        image: that every step runs in.

    Raises ConfigurationError where the name of the image does not always mean the same one, where a metadata server
    is configured, or where Beam's engine would not see what the steps write.
    """
    check_image(image)
    _check_metadata(config)
    check_beam(config)
    pipeline = build_pipeline(config, kubeflow_platform(config))
    give_workers(pipeline, config)
    spec = _compile(pipeline, image)
    rename(spec)
    spec.default_pipeline_root = config.kubeflow.pipeline_root
    _set_defaults(spec, config)
    nodes = [node.id for node in pipeline.components]
    for node in nodes:
        set_policies(spec.root.dag.tasks[task_name(node)], config.kubeflow.retry, node)
        update_container(spec, config.kubeflow, node)
    check_pipeline(spec)
    return Package(spec, platform_spec(config.kubeflow, {node: executor_name(node) for node in nodes}))


def _check_metadata(config: Config) -> None:
    if config.metadata != MetadataSettings():
        raise ConfigurationError(
            "metadata.backend: steps on Kubeflow Pipelines write to its own metadata store, and to no other.",
            fix="--set 'metadata={backend: sqlite}' (a retraining, which is one step, can have a server of its own)",
        )


def _compile(pipeline: tfx_pipeline.Pipeline, image: str) -> pipeline_spec_pb2.PipelineSpec:
    """As TFX does it."""
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            default_image=image, default_commands=list(ENTRYPOINT), use_pipeline_spec_2_1=True
        )
    )
    job = runner.run(pipeline, write_out=False)
    return json_format.ParseDict(job["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())


def _set_defaults(spec: pipeline_spec_pb2.PipelineSpec, config: Config) -> None:
    """TFX leaves them out, and the backend would ask for each value."""
    parameters = spec.root.input_definitions.parameters
    for name, parameter in run_parameters(config).items():
        parameters[name].default_value.string_value = parameter.default
        parameters[name].description = parameter.description
