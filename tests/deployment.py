"""The deployment files, as those who read them see them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Final

import jsonschema
import kubernetes_validate
import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import Message
from referencing import Registry, Resource

ROOT: Final = Path(__file__).resolve().parents[1]
DEPLOYMENT: Final = ROOT / "serving" / "deployment"
CONFIGURATION: Final = DEPLOYMENT / "tensorflow-serving"
COMPOSE: Final = DEPLOYMENT / "compose"
PROMETHEUS: Final = DEPLOYMENT / "prometheus"
KUBERNETES: Final = DEPLOYMENT / "kubernetes"
SCHEMAS: Final = ROOT / "tests" / "schemas"

Manifest = dict[str, Any]


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def flags(arguments: list[str]) -> dict[str, str]:
    """The flags of a command line, by name without the dashes."""
    return dict(argument.removeprefix("--").split("=", 1) for argument in arguments)


def configuration_messages(folder: Path) -> dict[str, type[Message]]:
    """The messages of tensorflow_serving_configuration.proto, compiled in a folder."""
    out = folder / "descriptors.pb"
    arguments = [f"-I{SCHEMAS}", "--include_imports", f"--descriptor_set_out={out}"]
    # In a process of its own: the compiler's protobuf and TensorFlow's in one process end it.
    protoc = [sys.executable, "-m", "grpc_tools.protoc", *arguments, "tensorflow_serving_configuration.proto"]
    subprocess.run(protoc, check=True)
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
        pool.Add(file)
    names = ("BatchingParameters", "MonitoringConfig", "SSLConfig")
    found = {name: pool.FindMessageTypeByName(f"tensorflow.serving.{name}") for name in names}
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.items()}


def parse(text: str, message: type[Message]) -> Any:
    return text_format.Parse(text, message())


def render(folder: Path) -> list[Manifest]:
    """What `kubectl apply -k` would send; the test is skipped where no tool can tell."""
    if shutil.which("kubectl"):
        command = ["kubectl", "kustomize", str(folder)]
    elif shutil.which("kustomize"):
        command = ["kustomize", "build", str(folder)]
    else:
        pytest.skip("not run: neither kubectl nor kustomize is on the PATH")
    rendered = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return list(yaml.safe_load_all(rendered))


def base_files() -> list[Manifest]:
    """The base as its files have it, with the ConfigMap that kustomize would generate."""
    manifests = files_of(KUBERNETES / "base")
    generator = read_yaml(CONFIGURATION / "kustomization.yaml")["configMapGenerator"][0]
    data = {name: (CONFIGURATION / name).read_text("utf-8") for name in generator["files"]}
    metadata = {"name": generator["name"]}
    return [*manifests, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}]


def files_of(folder: Path) -> list[Manifest]:
    """What a kustomization and those below it name, as the files have it."""
    paths = [(folder / name).resolve() for name in read_yaml(folder / "kustomization.yaml").get("resources", [])]
    found = [files_of(path) if path.is_dir() else list(_documents(path)) for path in paths]
    return [manifest for manifests in found for manifest in manifests]


def _documents(path: Path) -> Iterator[Manifest]:
    yield from yaml.safe_load_all(path.read_text("utf-8"))


def validate_manifest(manifest: Manifest, version: str) -> None:
    """Raises jsonschema.ValidationError, also for a field that there is not; `version` is Kubernetes's, as 1.30.0."""
    own = {"ServiceMonitor": "service-monitor.json", "InferenceService": "inference-service.json"}
    if manifest["kind"] in own:
        _validate_custom(manifest, SCHEMAS / own[manifest["kind"]], version)
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


def _validate_custom(manifest: Manifest, schema: Path, version: str) -> None:
    folder = resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}-local-strict"
    definitions = json.loads((folder / "_definitions.json").read_text("utf-8"))
    contents = json.loads(schema.read_text("utf-8"))
    registry = Resource.from_contents(definitions) @ (Resource.from_contents(contents) @ Registry())
    jsonschema.Draft202012Validator(contents, registry=registry).validate(manifest)
