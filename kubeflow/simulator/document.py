"""A compiled pipeline as it lies on disk: a PipelineSpec, and the Kubernetes settings as a second YAML document."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from schema.errors import ConfigurationError

# What the API server of Kubeflow Pipelines takes (MaxFileLength of its pipeline_upload_server.go).
MAXIMUM_BYTES: Final = 32 << 20
_FIX: Final = "compile the pipeline anew: breast-imaging kubeflow compile"


@dataclass(frozen=True)
class CompiledPipeline:
    """Attributes:
    spec: a PipelineSpec.
    executors: an ExecutorSpec for each label.
    platform: the Kubernetes settings of each label, as the JSON of a KubernetesExecutorConfig.
    """

    spec: Any
    executors: Mapping[str, Any]
    platform: Mapping[str, Mapping[str, Any]]

    @property
    def name(self) -> str:
        return str(self.spec.pipeline_info.name)

    def executor(self, component: Any) -> Any:
        """The ExecutorSpec of a component."""
        return self.executors[component.executor_label]


def read_pipeline(file: Path) -> CompiledPipeline:
    """Raises ConfigurationError where the file is not a compiled pipeline."""
    documents = _documents(file)
    try:
        spec = json_format.ParseDict(documents[0], pb.PipelineSpec())
        deployment = json_format.ParseDict(
            json_format.MessageToDict(spec.deployment_spec), pb.PipelineDeploymentConfig()
        )
        platforms = json_format.ParseDict(documents[1] if len(documents) > 1 else {}, pb.PlatformSpec())
    except json_format.ParseError as error:
        raise ConfigurationError(f"{file} is not a compiled pipeline ({error}).", fix=_FIX) from error
    kubernetes = platforms.platforms["kubernetes"].deployment_spec.executors
    return CompiledPipeline(
        spec=spec,
        executors=dict(deployment.executors),
        platform={label: json_format.MessageToDict(settings) for label, settings in kubernetes.items()},
    )


def _documents(file: Path) -> list[dict[str, Any]]:
    try:
        if file.stat().st_size > MAXIMUM_BYTES:
            raise ConfigurationError(
                f"{file} has more than the {MAXIMUM_BYTES >> 20} MiB that Kubeflow Pipelines takes.", fix=_FIX
            )
        documents = list(yaml.safe_load_all(file.read_text("utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigurationError(
            f"{file} cannot be read ({reason}).",
            fix="name the file that `breast-imaging kubeflow compile` has written",
        ) from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{file} is not valid YAML ({error}).", fix=_FIX) from error
    if len(documents) not in {1, 2} or not all(isinstance(document, dict) for document in documents):
        raise ConfigurationError(
            f"{file} is not a compiled pipeline: one is asked for, with its Kubernetes settings after it.", fix=_FIX
        )
    return documents
