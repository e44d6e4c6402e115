"""What only Kubernetes has, for the executor of each task: the second document of a package.

Fields are those of `kfp_kubernetes.KubernetesExecutorConfig` in kubeflow/pipelines, kubernetes_platform/proto/
kubernetes_executor_config.proto, in their JSON form; the package that makes them (kfp-kubernetes) is not needed for
that. Names of objects are given twice: older backends read `constant` and `secretName`, newer ones the parameters.
"""

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.kubeflow_settings import KubeflowSettings

_PLATFORM: Final = "kubernetes"


def platform_spec(settings: KubeflowSettings, executors: Iterable[str]) -> pipeline_spec_pb2.PlatformSpec:
    """Args: executors: names of those in the pipeline."""
    configs = {name: _executor_config(settings) for name in executors}
    document = {"platforms": {_PLATFORM: {"deploymentSpec": {"executors": configs}}}}
    return json_format.ParseDict(document, pipeline_spec_pb2.PlatformSpec())


def _executor_config(settings: KubeflowSettings) -> dict[str, Any]:
    return {"pvcMount": [_mount(claim, path) for claim, path in settings.mounts.items()]}


def _mount(claim: str, path: str) -> dict[str, Any]:
    return {"mountPath": path, "constant": claim, "pvcNameParameter": _constant(claim)}


def _constant(value: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}
