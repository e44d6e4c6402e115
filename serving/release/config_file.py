"""The configuration file of TensorFlow Serving: a `model_config_list` in protobuf's text format."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from google.protobuf import text_format

from schema.durable_files import replace_text
from schema.errors import BreastImagingError, ConfigurationError
from serving.release.labels import Labels
from serving.wire import messages_pb2 as wire

_MAXIMUM_BYTES: Final = 1024 * 1024
_FIX: Final = "name the file that the server was started with: tensorflow_model_server --model_config_file=FILE"


class ConfigFile:
    """The file, which is replaced in one step. Comments in it do not outlive a change."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()  # so that a link is kept, and what it leads to replaced

    def __str__(self) -> str:
        return str(self._path)

    def read(self) -> wire.ModelServerConfig:
        """Raises ConfigurationError where the file holds no `model_config_list`."""
        try:
            with self._path.open("rb") as file:
                content = file.read(_MAXIMUM_BYTES + 1)
            if len(content) > _MAXIMUM_BYTES:
                raise ConfigurationError(f"{self._path} has more than {_MAXIMUM_BYTES} bytes.", fix=_FIX)
            config = text_format.Parse(content.decode(), wire.ModelServerConfig())
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be read ({error.strerror}).", fix=_FIX) from error
        except (UnicodeDecodeError, text_format.ParseError) as error:
            raise ConfigurationError(f"{self._path} cannot be read ({error}).", fix=_FIX) from error
        if config.WhichOneof("config") != "model_config_list":
            raise ConfigurationError(f"{self._path} holds no model_config_list.", fix=_FIX)
        return config

    def replace(self, before: wire.ModelServerConfig, after: wire.ModelServerConfig) -> None:
        """Raises BreastImagingError, and leaves the file alone, where it changed meanwhile or cannot be written."""
        if self.read() != before:
            raise BreastImagingError(
                f"{self._path} was changed by somebody else meanwhile.", fix="look at the file, and try again"
            )
        try:
            replace_text(self._path, text_format.MessageToString(after))
        except OSError as error:
            raise BreastImagingError(
                f"{self._path} cannot be written ({error.strerror}).", fix="make room or grant access there"
            ) from error


def model_in(config: wire.ModelServerConfig, name: str) -> wire.ModelConfig:
    """The part of a model. Raises ConfigurationError where there is none of the name, or several."""
    models = config.model_config_list.config
    found = [model for model in models if model.name == name]
    if len(found) != 1:
        raise ConfigurationError(
            f"The configuration holds {len(found)} models named {name!r}; it names"
            f" {', '.join(model.name for model in models) or 'none'}.",
            fix="name one of them with --model-name",
        )
    return found[0]


def with_versions(
    config: wire.ModelServerConfig, name: str, labels: Labels, versions: Iterable[int]
) -> wire.ModelServerConfig:
    """The same configuration, but for the versions of one model that are loaded, and for their labels."""
    changed = wire.ModelServerConfig()
    changed.CopyFrom(config)
    model = model_in(changed, name)
    model.model_version_policy.specific.versions[:] = sorted(versions)
    model.version_labels.clear()
    model.version_labels.update(labels)
    return changed
