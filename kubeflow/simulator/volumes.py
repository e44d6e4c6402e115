"""Volumes of a task, from the second document: `pvcMount` and `emptyDirMounts` of kubernetes_executor_config.proto.

Secrets and config maps are not simulated: a container has none of them here, and reaches no object store by itself.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kubeflow.simulator.values import value_to_text
from schema.errors import ConfigurationError

_CLAIM: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")  # RFC 1123, as Kubernetes names its objects
_PERSISTENT: Final = "pvcMount"
_EMPTY: Final = "emptyDirMounts"


class VolumeError(ValueError):
    """A volume that the driver would not mount."""


def check_volumes(platform: Mapping[str, Mapping[str, Any]], parameters: Mapping[str, Any]) -> None:
    """Raises ConfigurationError that names each executor with a volume that the driver would not mount.

    Args as of `claims`, for each executor.
    """
    reasons = []
    for label, settings in sorted(platform.items()):
        try:
            claims(settings, parameters)
            empty_folders(settings)
        except VolumeError as error:
            reasons.append(f"{label}: {error}")
    if reasons:
        raise ConfigurationError(
            "Kubeflow Pipelines would not mount the volumes of this pipeline.",
            reasons=reasons,
            fix="correct kubeflow.* in the configuration, and compile the pipeline anew",
        )


def claims(settings: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, str]:
    """The claim that is mounted at each path.

    Args:
        settings: of the executor, as JSON.
        parameters: of the pipeline, Values by name.

    Raises VolumeError for a mount without a claim, or without a path.
    """
    return {_path(mount): _claim(mount, parameters) for mount in settings.get(_PERSISTENT, ())}


def not_simulated(platform: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of settings of executors that make no difference here."""
    return sorted({name for settings in platform.values() for name in settings} - {_PERSISTENT, _EMPTY})


def claim_folders(volumes: Sequence[str]) -> dict[str, Path]:
    """The folder for each claim, of `CLAIM=DIR`. Raises ConfigurationError where one is not written like that."""
    folders = {}
    for text in volumes:
        claim, equals, folder = text.partition("=")
        if not equals or not claim or not Path(folder).is_dir():
            raise ConfigurationError(
                f"--volume {text}: it names no claim and a folder that is there.",
                fix="write it as --volume CLAIM=DIR",
            )
        folders[claim] = Path(folder)
    return folders


def empty_folders(settings: Mapping[str, Any]) -> list[str]:
    """Paths at which each pod has an empty folder of its own. Raises VolumeError for one without a path."""
    return [_path(mount) for mount in settings.get(_EMPTY, ())]


def _path(mount: Mapping[str, Any]) -> str:
    path = str(mount.get("mountPath", ""))
    if not path.startswith("/") or path == "/":
        raise VolumeError(f"a volume is mounted at {path!r}, which is no path below /")
    return path


def _claim(mount: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    source = mount.get("pvcNameParameter", mount)
    claim = str(source.get("constant") or source.get("runtimeValue", {}).get("constant", ""))
    parameter = source.get("componentInputParameter")
    if parameter in parameters:
        claim = value_to_text(parameters[parameter])
    if not _CLAIM.fullmatch(claim):
        raise VolumeError(f"the volume at {mount.get('mountPath')} has no claim that is known before the run")
    return claim
