"""What only Kubernetes has, for the executor of each task: the second document of a package.

Fields are those of `kfp_kubernetes.KubernetesExecutorConfig` in their JSON form; see kubeflow/pipelines,
kubernetes_platform/proto/kubernetes_executor_config.proto. The package kfp-kubernetes makes them for pipelines that
are written with kfp's own SDK, and no others. Names of objects are given twice: older backends read `constant` and
`secretName`, newer ones the parameters.
"""

from typing import Any, Final

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.kubeflow_settings import (
    SCRATCH,
    SCRATCH_VOLUME,
    GpuSettings,
    KubeflowSettings,
    SecretVariables,
    Toleration,
)

_PLATFORM: Final = "kubernetes"


def platform_spec(settings: KubeflowSettings, executors: dict[str, str]) -> pipeline_spec_pb2.PlatformSpec:
    """Args: executors: names of those in the pipeline, by the ids of their nodes."""
    configs = {executor: _executor_config(settings, node) for node, executor in executors.items()}
    document = {"platforms": {_PLATFORM: {"deploymentSpec": {"executors": configs}}}}
    return json_format.ParseDict(document, pipeline_spec_pb2.PlatformSpec())


def _executor_config(settings: KubeflowSettings, node: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "imagePullPolicy": settings.image_pull_policy,
        "pvcMount": [_claim(claim, path) for claim, path in settings.mounts.items()],
        "emptyDirMounts": [
            {"volumeName": SCRATCH_VOLUME, "mountPath": SCRATCH, "sizeLimit": settings.scratch_size},
        ],
        "secretAsEnv": [_variables(each) for each in settings.secret_variables],
        "secretAsVolume": [{**_secret(name), "mountPath": path} for name, path in settings.secret_files.items()],
        "imagePullSecret": [_secret(name) for name in settings.image_pull_secrets],
        **(_gpu_nodes(settings.gpu) if settings.resources_of(node).gpus else {}),
    }
    return {name: value for name, value in config.items() if value}


def _claim(claim: str, path: str) -> dict[str, Any]:
    return {"mountPath": path, "constant": claim, "pvcNameParameter": _constant(claim)}


def _secret(name: str) -> dict[str, Any]:
    return {"secretName": name, "secretNameParameter": _constant(name)}


def _variables(variables: SecretVariables) -> dict[str, Any]:
    keys = [{"secretKey": key, "envVar": name} for name, key in variables.keys.items()]
    return {**_secret(variables.secret), "keyToEnv": keys}


def _gpu_nodes(gpu: GpuSettings) -> dict[str, Any]:
    selector = {"labels": dict(gpu.node_selector)} if gpu.node_selector else {}
    return {"nodeSelector": selector, "tolerations": [_toleration(each) for each in gpu.tolerations]}


def _toleration(toleration: Toleration) -> dict[str, Any]:
    return {name: value for name, value in toleration.model_dump().items() if value}


def _constant(value: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}
