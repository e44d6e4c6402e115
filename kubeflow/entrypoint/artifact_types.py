"""Artifact types of this project, and those of the Kubeflow Pipelines UI."""

from collections.abc import Iterator

from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.types.artifact import Artifact

from components import artifacts


def register() -> None:
    """Tells TFX the classes behind the titles of schemas, which it would take for import paths."""
    for artifact_type in _own_types():
        path = f"{artifact_type.__module__}.{artifact_type.__qualname__}"
        compiler_utils.TITLE_TO_CLASS_PATH[artifact_type.TYPE_NAME] = path


def _own_types() -> Iterator[type[Artifact]]:
    for value in vars(artifacts).values():
        if isinstance(value, type) and issubclass(value, Artifact) and value.__module__ == artifacts.__name__:
            yield value
