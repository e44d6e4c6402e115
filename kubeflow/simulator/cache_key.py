"""The key of the backend's cache: cacheutils/cache.go."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from google.protobuf import json_format


def fingerprint_of(executor_input: Any, component: Any, container: Any, claims: Sequence[str]) -> str:
    """Of what a task is given and runs; blind to the content of volumes, and of images that are named by tag."""
    inputs, outputs = executor_input.inputs, executor_input.outputs
    declared = component.output_definitions.parameters
    key = {
        "inputArtifactNames": {
            name: [artifact.name for artifact in found.artifacts] for name, found in inputs.artifacts.items()
        },
        "inputParameterValues": {
            name: json_format.MessageToDict(value) for name, value in inputs.parameter_values.items()
        },
        "outputArtifactsSpec": {name: _without_uri(found.artifacts[0]) for name, found in outputs.artifacts.items()},
        "outputParametersSpec": {name: declared[name].parameter_type for name in outputs.parameters},
        "containerSpec": {
            "image": container.image,
            "cmdArgs": [*container.command, *container.args],
            "pvcNames": sorted(set(claims)),
            "env": [json_format.MessageToDict(variable) for variable in container.env],
        },
    }
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def _without_uri(artifact: Any) -> dict[str, Any]:
    content: dict[str, Any] = json_format.MessageToDict(artifact)
    content.pop("uri", None)
    return content
