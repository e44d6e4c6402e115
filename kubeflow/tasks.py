"""What tasks need besides what the graph says: resources, environment, attempts, and whether they are cached."""

import math
import re
from typing import Any, Final

from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.orchestration import pipeline as tfx_pipeline

from kubeflow.names import executor_name
from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import BeamSettings, LocalBeam, MultiprocessBeam
from pipeline.config import Config
from pipeline.history import ACCEPTED_DATA_NODE, BASELINE_NODE, WARM_START_NODE
from pipeline.kubeflow_settings import RETRAINING, KubeflowSettings, RetrySettings
from schema.errors import ConfigurationError

# These read or write what is in no artifact, and the backend's key knows artifacts, parameters and the image only.
UNCACHED: Final = frozenset(
    {
        "ImageExampleGen",
        "HeatMapEvaluator",
        "Pusher",
        "AcceptedDataKeeper",
        "WeightsKeeper",
        ACCEPTED_DATA_NODE,
        BASELINE_NODE,
        WARM_START_NODE,
        RETRAINING,
    }
)
# The verdict on the same data is the same. A retraining that failed is carried on by the next one.
NOT_RETRIED: Final = frozenset({"DataGate", RETRAINING})
_PROCESSORS: Final = re.compile(r"(?P<number>[0-9.]+)(?P<milli>m?)")


def check_beam(config: Config) -> None:
    """Raises ConfigurationError for an engine whose workers are elsewhere.

    What a step writes is in its own pod until it has ended, and the launcher hands it on.
    """
    if not isinstance(config.beam, LocalBeam | MultiprocessBeam):
        raise ConfigurationError(
            f"Steps on Kubeflow Pipelines write into their pods, where workers of {config.beam.runner} see nothing.",
            fix="--set beam='{runner: local}', or compile the retraining, which writes to a volume for all to mount",
        )


def give_workers(pipeline: tfx_pipeline.Pipeline, config: Config) -> None:
    """Sets the arguments of each Beam step."""
    for node in pipeline.components:
        if isinstance(node, BaseBeamComponent):
            node.executor_spec.beam_pipeline_args = beam_arguments(beam_of(config, node.id))


def beam_of(config: Config, node: str) -> BeamSettings:
    """What is configured; where no number of workers is, one for each processor that the step gets.

    Beam would count the processors of the whole node.
    """
    beam = config.beam
    if isinstance(beam, LocalBeam | MultiprocessBeam) and not beam.workers:
        return beam.model_copy(update={"workers": processors(config.kubeflow, node)})
    return beam


def processors(settings: KubeflowSettings, node: str) -> int:
    """Whole ones that a step has, at least one."""
    match = _PROCESSORS.fullmatch(settings.resources_of(node).cpu or "")
    assert match is not None
    return max(1, math.floor(float(match["number"]) / (1000 if match["milli"] else 1)))


def update_container(spec: pipeline_spec_pb2.PipelineSpec, settings: KubeflowSettings, node: str) -> None:
    """Gives the container of a step its resources and environment."""
    spec.deployment_spec["executors"][executor_name(node)]["container"].update(_container_changes(settings, node))


def _container_changes(settings: KubeflowSettings, node: str) -> dict[str, Any]:
    """Fields of a `PipelineContainerSpec`, in their JSON form."""
    given = settings.resources_of(node)
    resources: dict[str, Any] = {
        "resourceCpuRequest": given.cpu,
        "resourceCpuLimit": given.cpu,
        "resourceMemoryRequest": given.memory,
        "resourceMemoryLimit": given.memory,
    }
    if given.gpus:
        resources["accelerator"] = {"resourceType": settings.gpu.resource, "resourceCount": str(given.gpus)}
    environment = [{"name": name, "value": value} for name, value in sorted(settings.environment.items())]
    return {"resources": resources, **({"env": environment} if environment else {})}


def set_policies(task: pipeline_spec_pb2.PipelineTaskSpec, retry: RetrySettings, node: str) -> None:
    """Says whether the task is cached, and how often it is tried."""
    task.caching_options.enable_cache = node not in UNCACHED
    if retry.attempts and node not in NOT_RETRIED:
        task.retry_policy.max_retry_count = retry.attempts
        task.retry_policy.backoff_duration.seconds = retry.backoff_seconds
        task.retry_policy.backoff_factor = retry.backoff_factor
        task.retry_policy.backoff_max_duration.seconds = retry.backoff_limit_seconds
