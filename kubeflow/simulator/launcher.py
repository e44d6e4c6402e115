"""What the launcher does around a container: component/launcher_v2.go."""

import json
from collections.abc import Mapping
from typing import IO, Any, Final

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.object_uris import is_object_uri, local_path
from kubeflow.simulator.pod import Pod
from kubeflow.simulator.store import Store
from kubeflow.simulator.values import RefusedValueError, text_to_value, through_metadata, value_to_text

# The launcher reads a file of outputs whole.
MAXIMUM_OUTPUT_BYTES: Final = 64 << 20


class LauncherError(ValueError):
    """What a container has left behind is not what the launcher takes."""


def launch(
    executor_input: Any, component: Any, container: Any, pod: Pod, store: Store, log: IO[bytes]
) -> tuple[int, Any]:
    """Runs the container of a task.

    Returns its exit code, and its outputs as ML Metadata keeps them, an ExecutorOutput; empty where it failed.
    Raises LauncherError where the container ended well and the launcher fails.
    """
    command = substitute([*container.command, *container.args], with_defaults(executor_input, component))
    environment = {variable.name: variable.value for variable in container.env}
    pod.prepare()
    try:
        _download(executor_input, pod, store)
        _make_output_folders(executor_input, pod)
        exit_code = pod.run(command, environment, log)
        return exit_code, pb.ExecutorOutput() if exit_code else _collect(executor_input, component, pod, store)
    finally:
        pod.remove()


def with_defaults(executor_input: Any, component: Any) -> Any:
    """A copy with the defaults of the component in place of parameters that were not given."""
    filled = pb.ExecutorInput()
    filled.CopyFrom(executor_input)
    for name, declared in component.input_definitions.parameters.items():
        if declared.HasField("default_value") and name not in filled.inputs.parameter_values:
            filled.inputs.parameter_values[name].CopyFrom(declared.default_value)
    return filled


def substitute(command: list[str], executor_input: Any) -> list[str]:
    """The command with what the placeholders stand for."""
    meanings = placeholders(executor_input)
    for placeholder, meaning in meanings.items():
        command = [part.replace(placeholder, meaning) for part in command]
    return command


def placeholders(executor_input: Any) -> dict[str, str]:
    """What each placeholder stands for (`getPlaceholders`).

    The launcher goes through them in no certain order; here, what stands for the whole input comes last, so that
    nothing within it is replaced.
    """
    inputs, outputs = executor_input.inputs, executor_input.outputs
    meanings = {}
    for side, artifacts in (("inputs", inputs.artifacts), ("outputs", outputs.artifacts)):
        for name, found in artifacts.items():
            if found.artifacts:
                uri = found.artifacts[0].uri
                meanings[f"{{{{$.{side}.artifacts['{name}'].uri}}}}"] = uri
                meanings[f"{{{{$.{side}.artifacts['{name}'].path}}}}"] = local_path(uri)
    for name, value in inputs.parameter_values.items():
        meanings[f"{{{{$.inputs.parameters['{name}']}}}}"] = value_to_text(value)
    for name, parameter in outputs.parameters.items():
        meanings[f"{{{{$.outputs.parameters['{name}'].output_file}}}}"] = parameter.output_file
    meanings["{{$}}"] = json_format.MessageToJson(executor_input, indent=None)
    return meanings


def _download(executor_input: Any, pod: Pod, store: Store) -> None:
    for found in executor_input.inputs.artifacts.values():
        # Of a list, the launcher takes the first alone.
        for artifact in found.artifacts[:1]:
            if is_object_uri(artifact.uri):
                store.download(artifact.uri, pod.path(local_path(artifact.uri)))


def _make_output_folders(executor_input: Any, pod: Pod) -> None:
    """Around outputs, and not at them: what is there is up to the container."""
    for found in executor_input.outputs.artifacts.values():
        for artifact in found.artifacts:
            pod.path(local_path(artifact.uri)).parent.mkdir(parents=True, exist_ok=True)
    for parameter in executor_input.outputs.parameters.values():
        pod.path(parameter.output_file).parent.mkdir(parents=True, exist_ok=True)
    pod.path(executor_input.outputs.output_file).parent.mkdir(parents=True, exist_ok=True)


def _collect(executor_input: Any, component: Any, pod: Pod, store: Store) -> Any:
    written = _read_outputs(executor_input, pod)
    outputs = pb.ExecutorOutput()
    for name, value in _output_parameters(executor_input, component, written, pod).items():
        outputs.parameter_values[name].CopyFrom(value)
    for name, found in executor_input.outputs.artifacts.items():
        artifact = _merged(found.artifacts[0], written.artifacts[name].artifacts[:1])
        if is_object_uri(artifact.uri):
            store.upload(pod.path(local_path(artifact.uri)), artifact.uri)
        outputs.artifacts[name].artifacts.append(_kept(name, artifact, store))
    return outputs


def _read_outputs(executor_input: Any, pod: Pod) -> Any:
    file = pod.path(executor_input.outputs.output_file)
    if not file.exists():
        return pb.ExecutorOutput()
    if file.stat().st_size > MAXIMUM_OUTPUT_BYTES:
        raise LauncherError(f"the file of outputs has more than {MAXIMUM_OUTPUT_BYTES >> 20} MiB")
    try:
        return json_format.Parse(file.read_text("utf-8"), pb.ExecutorOutput())
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise LauncherError(f"failed to unmarshall ExecutorOutput in file {file.name}: {error}") from error


def _output_parameters(executor_input: Any, component: Any, written: Any, pod: Pod) -> Mapping[str, Any]:
    """From the file of outputs; where that does not have one, from the file of the parameter."""
    values = dict(written.parameter_values)
    for name, parameter in executor_input.outputs.parameters.items():
        if name in values:
            continue
        declared = component.output_definitions.parameters[name].parameter_type
        parameter_type = pb.ParameterType.ParameterTypeEnum.Name(declared)
        try:
            text = pod.path(parameter.output_file).read_text("utf-8")
            values[name] = text_to_value(text, parameter_type)
        except (OSError, UnicodeDecodeError, RefusedValueError, json.JSONDecodeError) as error:
            raise LauncherError(f"failed to read output parameter name={name!r} type={parameter_type}") from error
    return values


def _merged(given: Any, written: Any) -> Any:
    """`mergeRuntimeArtifacts`: of what the container says, the URI and the metadata count."""
    artifact = pb.RuntimeArtifact()
    artifact.CopyFrom(given)
    for source in written:
        artifact.uri = source.uri or artifact.uri
        for key, value in source.metadata.fields.items():
            artifact.metadata.fields[key].CopyFrom(value)
    return artifact


def _kept(name: str, artifact: Any, store: Store) -> Any:
    """An artifact as ML Metadata gives it back: with a number for a name, and without its type."""
    try:
        metadata = through_metadata(artifact.metadata)
    except RefusedValueError as error:
        raise LauncherError(f"unable to produce MLMD artifact for output {name!r}: {error}") from error
    metadata.fields["display_name"].string_value = name
    metadata.fields["store_session_info"].string_value = "{}"
    return pb.RuntimeArtifact(name=store.next_artifact_id(), uri=artifact.uri, metadata=metadata)
