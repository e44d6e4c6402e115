"""A pipeline package: the file that Kubeflow Pipelines takes, of two YAML documents."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kfp.compiler.pipeline_spec_builder import write_pipeline_spec_to_file
from kfp.pipeline_spec import pipeline_spec_pb2

from schema.errors import ConfigurationError

DESCRIPTION: Final = "From a folder of breast images to a gated, published classifier. Not for diagnosis."


@dataclass(frozen=True)
class Package:
    """Attributes:
    pipeline: the first document, which every backend understands.
    platform: the second, of what only Kubernetes has: volumes, secrets, tolerations.
    """

    pipeline: pipeline_spec_pb2.PipelineSpec
    platform: pipeline_spec_pb2.PlatformSpec


def write_package(package: Package, path: Path) -> None:
    """Replaces the file in one step. Equal packages give equal bytes.

    Raises ConfigurationError where it cannot be written, or its name does not end in .yaml.
    """
    if path.suffix != ".yaml":
        raise ConfigurationError(f"{path} is no YAML file.", fix="name one that ends in .yaml: --output FILE.yaml")
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            partial = Path(folder) / path.name
            write_pipeline_spec_to_file(package.pipeline, DESCRIPTION, package.platform, str(partial))
            partial.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"The pipeline cannot be written to {path} ({error.strerror}).", fix="name another file with --output"
        ) from error
