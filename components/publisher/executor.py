"""Pusher's executor: has the staged model checked by what will serve it, then publishes it in one step."""

import os
import tempfile
from pathlib import Path
from typing import Any, Final

from tfx import types
from tfx.components.evaluator import constants
from tfx.components.pusher import executor as pusher
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils

from components.infra_validation.backends import Backend, find_backend, find_tensorflow_serving
from components.publisher import object_store, releases

PUSHED_PROPERTY: Final = "pushed"
DESTINATION_PROPERTY: Final = "pushed_destination"
VERSION_PROPERTY: Final = "pushed_version"
CLINICAL_BLESSING_KEY: Final = "clinical_blessing"
CARDS_KEY: Final = "cards"
REQUIRE_TENSORFLOW_SERVING_KEY: Final = "require_tensorflow_serving"
INFRA_BLESSING_KEY: Final = "infra_blessing"
SERVING_DIRECTORY_KEY: Final = "serving_directory"
MODEL_NAME_KEY: Final = "model_name"

# Custom property of the infra blessing, besides TFX's `blessed`: what the model was checked with.
VALIDATED_BY_PROPERTY: Final = "validated_by"


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
        infra_blessing = artifact_utils.get_single_instance(output_dict[INFRA_BLESSING_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            infra_blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, 0)
            return
        find = find_tensorflow_serving if exec_properties[REQUIRE_TENSORFLOW_SERVING_KEY] else find_backend
        backend = find(os.environ)
        model = self.GetModelPath(input_dict)
        base = f"{exec_properties[SERVING_DIRECTORY_KEY]}/{exec_properties[MODEL_NAME_KEY]}"
        cards = artifact_utils.get_single_uri(input_dict[CARDS_KEY])
        publish = _publish_to_object_store if object_store.is_object_store(base) else _publish_to_folder
        version = publish(model, cards, base, backend)
        infra_blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, 1)
        infra_blessing.set_string_custom_property(VALIDATED_BY_PROPERTY, backend.title)
        io_utils.copy_dir(f"{base}/{version}", pushed.uri)
        self._MarkPushed(pushed, pushed_destination=f"{base}/{version}", pushed_version=str(version))


def _publish_to_folder(model: str, cards: str, base: str, backend: Backend) -> int:
    with releases.staged(Path(model), Path(cards), Path(base)) as staging:
        backend.check(staging)
        return releases.publish(staging, Path(base))


def _publish_to_object_store(model: str, cards: str, base: str, backend: Backend) -> int:
    """Stages on this machine, where the model can be checked; artifacts may lie in an object store too."""
    with tempfile.TemporaryDirectory(prefix="publishing-") as directory:
        here = Path(directory)
        io_utils.copy_dir(model, str(here / "model"))
        io_utils.copy_dir(cards, str(here / "cards"))
        with releases.staged(here / "model", here / "cards", here / "staged") as staging:
            backend.check(staging)
            return object_store.upload(staging, base)
