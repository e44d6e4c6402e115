"""Kubeflow Pipelines as a platform: folders are parameters of each run, and the past lies in folders."""

from dataclasses import dataclass
from typing import Final

from tfx.orchestration.data_types import RuntimeParameter

from kubeflow.history import FolderHistory
from pipeline.commit import current_commit
from pipeline.config import Config
from pipeline.graph import Platform


@dataclass(frozen=True)
class RunParameter:
    """What each run may set to another value than the default. Attributes: description: for people, in the UI."""

    name: str
    default: str
    description: str

    @property
    def value(self) -> RuntimeParameter:
        """Its place in the graph."""
        return RuntimeParameter(name=self.name, ptype=str, default=self.default)


DATA_DIRECTORY: Final = "data_directory"
DATA_FINGERPRINT: Final = "data_fingerprint"
SERVING_DIRECTORY: Final = "serving_directory"
HISTORY_DIRECTORY: Final = "history_directory"


def run_parameters(config: Config) -> dict[str, RunParameter]:
    """By their names."""
    settings = config.kubeflow
    parameters = (
        RunParameter(DATA_DIRECTORY, settings.data.path, "Folder of images, as the containers see it."),
        RunParameter(
            DATA_FINGERPRINT, "", "Name of the state of that folder, such as its span; kept with the results."
        ),
        RunParameter(SERVING_DIRECTORY, settings.serving.path, "Folder in which models are published."),
        RunParameter(HISTORY_DIRECTORY, settings.history.path, "Folder of what runs keep for the next."),
    )
    return {parameter.name: parameter for parameter in parameters}


def kubeflow_platform(config: Config) -> Platform:
    """Beam's arguments are set for each step, by the processors that it gets."""
    values = {name: parameter.value for name, parameter in run_parameters(config).items()}
    return Platform(
        data_directory=values[DATA_DIRECTORY],
        data_fingerprint=values[DATA_FINGERPRINT],
        pipeline_root=config.kubeflow.pipeline_root,
        serving_directory=values[SERVING_DIRECTORY],
        commit=current_commit(),
        history=FolderHistory(config, values[SERVING_DIRECTORY], values[HISTORY_DIRECTORY]),
    )
