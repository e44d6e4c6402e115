"""Compiled pipelines of a few shell commands, as one would write them by hand, and what runs them unwatched."""

from pathlib import Path
from typing import Any

import yaml

from kubeflow.simulator.execution import Execution

MODEL = {"schemaTitle": "system.Model", "schemaVersion": "0.0.1"}


def task(
    command: str,
    *,
    parameters: dict[str, Any] | None = None,
    artifacts: dict[str, str] | None = None,
    after: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
    output_parameters: dict[str, str] | None = None,
    types: dict[str, str] | None = None,
    defaults: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A task, with its component and executor, that runs a shell command.

    Args:
        parameters: inputs: `pipeline:name`, `task:name.key` (an output parameter), or else a value.
        artifacts: inputs, each `task.key`.
        outputs: names of output artifacts.
        output_parameters: their types.
        types: of input parameters; STRING where none is named.
        spec: further fields of the task.
    """
    inputs = {name: _source(value) for name, value in (parameters or {}).items()}
    defaults, types = defaults or {}, types or {}
    declared = {
        name: {
            "parameterType": types.get(name, "STRING"),
            **({"defaultValue": defaults[name]} if name in defaults else {}),
        }
        for name in [*inputs, *defaults]
    }
    sources = {
        name: dict(zip(("producerTask", "outputArtifactKey"), text.split("."), strict=True))
        for name, text in (artifacts or {}).items()
    }
    return {
        "component": {
            "inputDefinitions": {
                "parameters": declared,
                "artifacts": {name: {"artifactType": MODEL} for name in sources},
            },
            "outputDefinitions": {
                "artifacts": {name: {"artifactType": MODEL} for name in outputs},
                "parameters": {name: {"parameterType": kind} for name, kind in (output_parameters or {}).items()},
            },
        },
        "executor": {"container": {"image": "image@sha256:0", "command": ["sh", "-ec"], "args": [command]}},
        "task": {
            "inputs": {
                "parameters": inputs,
                "artifacts": {name: {"taskOutputArtifact": source} for name, source in sources.items()},
            },
            "dependentTasks": list(after),
            **spec,
        },
    }


def package(tasks: dict[str, dict[str, Any]], parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """A PipelineSpec of such tasks. Args: parameters: their ParameterSpecs."""
    components, executors, dag = {}, {}, {}
    for name, made in tasks.items():
        components[f"comp-{name}"] = {"executorLabel": f"exec-{name}", **made["component"]}
        executors[f"exec-{name}"] = made["executor"]
        dag[name] = {"taskInfo": {"name": name}, "componentRef": {"name": f"comp-{name}"}, **made["task"]}
    return {
        "schemaVersion": "2.1.0",
        "pipelineInfo": {"name": "hand-made"},
        "root": {"inputDefinitions": {"parameters": parameters or {}}, "dag": {"tasks": dag}},
        "components": components,
        "deploymentSpec": {"executors": executors},
    }


def kubernetes(executors: dict[str, Any]) -> dict[str, Any]:
    """The second document."""
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def write(folder: Path, *documents: dict[str, Any]) -> Path:
    file = folder / "pipeline.yaml"
    file.write_text(yaml.safe_dump_all(documents))
    return file


def _source(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and value.startswith("pipeline:"):
        return {"componentInputParameter": value.removeprefix("pipeline:")}
    if isinstance(value, str) and value.startswith("task:"):
        producer, key = value.removeprefix("task:").split(".")
        return {"taskOutputParameter": {"producerTask": producer, "outputParameterKey": key}}
    return {"runtimeValue": {"constant": value}}


class Unwatched:
    """Shows nothing of a run."""

    def started(self, name: str) -> None:
        pass

    def finished(self, execution: Execution) -> None:
        pass
