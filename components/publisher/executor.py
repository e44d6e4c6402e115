"""Pusher's executor: checks the staged model as TensorFlow Serving would load it, then publishes it in one step."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tfx import types
from tfx.components.evaluator import constants
from tfx.components.pusher import executor as pusher
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils

from components.publisher import releases
from schema.errors import PublishingError

PUSHED_PROPERTY: Final = "pushed"
DESTINATION_PROPERTY: Final = "pushed_destination"
VERSION_PROPERTY: Final = "pushed_version"
CLINICAL_BLESSING_KEY: Final = "clinical_blessing"
CARDS_KEY: Final = "cards"
_CHECK_TIMEOUT_SECONDS: Final = 600


class Executor(pusher.Executor):
    """TFX's own executor makes the version's folder first and fills it afterwards, so a crash leaves half of one."""

    def CheckBlessing(self, input_dict: dict[str, list[types.Artifact]]) -> bool:  # noqa: N802  TFX's name
        """Whether both evaluations have blessed the model."""
        clinical = artifact_utils.get_single_instance(input_dict[CLINICAL_BLESSING_KEY])
        blessed: int = clinical.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY)
        return super().CheckBlessing(input_dict) and blessed == constants.BLESSED_VALUE

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        pushed = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        model = self.GetModelPath(input_dict)
        base = _base_directory(exec_properties)
        cards = Path(artifact_utils.get_single_uri(input_dict[CARDS_KEY]))
        staging = releases.stage(Path(model), cards, base)
        try:
            check_in_new_process(staging)
            version = releases.publish(staging, base)
        finally:
            releases.discard(staging)
        io_utils.copy_dir(str(base / str(version)), pushed.uri)
        self._MarkPushed(pushed, pushed_destination=str(base / str(version)), pushed_version=str(version))


def check_in_new_process(model: Path) -> None:
    """Raises PublishingError where a fresh process cannot get the trainer's own numbers from the model."""
    finished = subprocess.run(
        [sys.executable, "-m", "serving.check", str(model)],
        capture_output=True,
        text=True,
        timeout=_CHECK_TIMEOUT_SECONDS,
        check=False,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},  # the trainer may hold all of the GPU's memory
    )
    if finished.returncode != 0:
        raise PublishingError(
            "The model was blessed, but does not serve as it was trained; nothing was published.",
            # A process that died has no findings of its own to tell; then the end of its chatter has to do.
            reasons=finished.stdout.strip().splitlines()[:1] or finished.stderr.strip().splitlines()[-3:],
            fix="see the log; the versions published before still serve",
        )


def _base_directory(exec_properties: dict[str, Any]) -> Path:
    destination = pusher_pb2.PushDestination()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination)
    return Path(destination.filesystem.base_directory)
