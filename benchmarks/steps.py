"""Single steps of the graph, run as TFX runs them, but without metadata, cache or orchestration."""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types import Artifact, OutputChannel
from tfx.utils import json_utils

from pipeline.config import Config, load_config
from pipeline.graph import build_pipeline
from pipeline.local import fingerprinted_platform
from pipeline.output import open_output

_ARTIFACTS_FILE = "artifacts.json"


def small_config(*overrides: str) -> Config:
    """For the images that `benchmarks.ingestion` makes: the quick start's network, on one worker."""
    own = (
        "data.labels=[benign, malignant]",
        "data.positive_label=malignant",
        "model.architecture=cnn",
        "model.image_size=[96, 96]",
        "beam.workers=1",
    )
    return load_config("image_folder", (*own, *overrides))


def ready_step(step: str, config: Config, data: Path, folder: Path) -> Callable[[], None]:
    """Makes one step of a run ready; what is returned does its work, as often as it is called.

    Args:
        step: id of the node in the graph.
        data: the folder of images.
        folder: holds what the steps before it left, in folders of their ids; each call replaces this step's own.
    """
    platform = fingerprinted_platform(config, data, "measured", open_output(folder / "run"))
    node = next(node for node in build_pipeline(config, platform).components if node.id == step)
    inputs = {
        key: _produced(folder, channel) for key, channel in node.inputs.items() if isinstance(channel, OutputChannel)
    }
    executor = _executor(node, platform.beam_arguments, folder / step)

    def run() -> None:
        shutil.rmtree(folder / step, ignore_errors=True)
        outputs = {key: [_new_artifact(channel.type(), folder / step / key)] for key, channel in node.outputs.items()}
        executor.Do(inputs, outputs, dict(node.exec_properties))
        (folder / step / _ARTIFACTS_FILE).write_text(json_utils.dumps(outputs))

    return run


def run_steps(steps: Sequence[str], config: Config, data: Path, folder: Path) -> None:
    """Runs several steps in this process, in this order."""
    for step in steps:
        ready_step(step, config, data, folder)()


def _produced(folder: Path, channel: OutputChannel) -> list[Artifact]:
    written = (folder / channel.producer_component_id / _ARTIFACTS_FILE).read_text()
    artifacts: list[Artifact] = json_utils.loads(written)[channel.output_key]
    return artifacts


def _new_artifact(artifact: Artifact, folder: Path) -> Artifact:
    folder.mkdir(parents=True)
    artifact.uri = str(folder)
    return artifact


def _executor(node: BaseNode, arguments: list[str], folder: Path) -> BaseExecutor:
    executor_class = node.executor_spec.executor_class
    temporary = str(folder / "tmp")
    if not issubclass(executor_class, BaseBeamExecutor):
        return executor_class(BaseExecutor.Context(tmp_dir=temporary, unique_id="1"))
    context = BaseBeamExecutor.Context(beam_pipeline_args=arguments, tmp_dir=temporary, unique_id="1")
    with patch.object(sys, "argv", ["benchmark"]):  # which TFX reads
        return executor_class(context)
