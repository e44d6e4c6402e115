"""All models of a server, kept as their folders and the configuration file are."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from schema.errors import ConfigurationError
from serving.server.errors import failed_precondition, invalid_argument, log_unexpected, not_found
from serving.server.loaded_version import LoadedVersion
from serving.server.model_config import configured_models, read_model_configs, to_model_configs
from serving.server.served_model import Load, ServedModel
from serving.server.settings import ServerSettings
from serving.server.version_folders import ModelConfig

_LOG = logging.getLogger(__name__)


class ModelManager:
    """Watches in a thread of its own, from `start` to `stop`."""

    def __init__(self, settings: ServerSettings, load: Load, on_change: Callable[[], None]) -> None:
        """Raises ConfigurationError where a folder is missing, or the configuration file cannot be used.

        Args: on_change: called from other threads when what is available has changed.
        """
        self._settings = settings
        self._load = load
        self._on_change = on_change
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._refreshing = threading.Lock()
        self._watcher = threading.Thread(target=self._watch, name="model-manager", daemon=True)
        self._leaving: list[ServedModel] = []
        self._file_read = _stamp(settings.model_config_file)
        configs = configured_models(settings)
        self._bases = {config.base for config in configs}
        self._models = {config.name: ServedModel(config, load, self._changed) for config in configs}

    def models(self) -> dict[str, ServedModel]:
        return dict(self._models)

    @property
    def is_ready(self) -> bool:
        """Whether every configured model has a version that answers."""
        return all(model.available() for model in self._models.values())

    def model(self, name: str) -> ServedModel:
        """Raises RequestError where it is not served."""
        if not name:
            raise invalid_argument("ModelSpec has no name specified.")
        if name not in self._models:
            raise not_found(f"Servable not found for request: Latest({name})")
        return self._models[name]

    def lease(self, spec: ModelSpec) -> AbstractContextManager[LoadedVersion]:
        """The version that a request names. Raises RequestError where it is not available."""
        model = self.model(spec.name)
        match spec.WhichOneof("version_choice"):
            case "version":
                return model.lease(spec.version.value)
            case "version_label":
                return model.lease(model.version_of(spec.version_label))
            case _:
                return model.lease(None)

    def start(self) -> None:
        """Loads what there is, and watches from now on."""
        self._watcher.start()

    def stop(self) -> None:
        """Returns once a version that is being loaded is loaded: TensorFlow ends the process where it is cut off."""
        self._stopping.set()
        self._wake.set()
        if self._watcher.is_alive():
            self._watcher.join()

    def reload(self, proto: ModelServerConfig) -> None:
        """Serves what a client asks for, or without that what the configuration file says by now.

        Returns once it is loaded. Raises RequestError where it cannot be; labels then stay as they were.
        """
        configs = self._requested(proto) if proto.WhichOneof("config") else self._reread()
        with self._refreshing:
            earlier = {name: model.config for name, model in self._models.items()}
            self._configure(configs)
            self._refresh()
            for model in self._models.values():
                self._check_labels(model, earlier.get(model.config.name))

    def _requested(self, proto: ModelServerConfig) -> list[ModelConfig]:
        try:
            configs = to_model_configs(proto)
        except ValueError as error:
            raise invalid_argument(f"The configuration cannot be used: {error}") from error
        if any(config.base not in self._bases for config in configs):
            raise invalid_argument("A base_path is none of those that this server was started with.")
        return configs

    def _reread(self) -> list[ModelConfig]:
        if self._settings.model_config_file is None:
            raise invalid_argument("The request has no model_config_list, and the server no configuration file.")
        try:
            return read_model_configs(self._settings.model_config_file)
        except ConfigurationError as error:
            raise failed_precondition("The configuration file of the server cannot be used.") from error

    @staticmethod
    def _check_labels(model: ServedModel, earlier: ModelConfig | None) -> None:
        config = model.config
        for label, number in config.labels.items():
            if number not in model.available():
                labels = earlier.labels if earlier else {}
                model.configure(ModelConfig(config.name, config.base, config.policy, labels))
                raise failed_precondition(
                    f"Request to assign label to version {number} of model {config.name}, which is not currently"
                    f" available for inference (label {label})"
                )

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                with self._refreshing:
                    self._follow_file()
                    self._refresh()
            except Exception as error:  # noqa: BLE001  what is loaded goes on serving, whatever happens here
                log_unexpected(_LOG, error)
            self._wake.wait(self._settings.poll_seconds)

    def _follow_file(self) -> None:
        file = self._settings.model_config_file
        stamp = _stamp(file)
        if file is None or stamp is None or stamp == self._file_read:
            return
        self._file_read = stamp
        try:
            self._configure(read_model_configs(file))
        except ConfigurationError as error:
            _LOG.error("What was configured before stays in force. %s", error.what)

    def _configure(self, configs: Sequence[ModelConfig]) -> None:
        models = {}
        for config in configs:
            model = self._models.get(config.name)
            if model and model.config.base == config.base:
                model.configure(config)
            else:
                model = ServedModel(config, self._load, self._changed)
            models[config.name] = model
        self._leaving += [model for model in self._models.values() if model not in models.values()]
        self._bases |= {config.base for config in configs}
        self._models = models
        self._on_change()

    def _refresh(self) -> None:
        for model in self._models.values():
            if self._stopping.is_set():
                return
            model.refresh()
        for model in self._leaving:
            model.retire_all()
        self._leaving = [model for model in self._leaving if model.has_leaving_versions()]

    def _changed(self) -> None:
        self._wake.set()
        self._on_change()


def _stamp(file: Path | None) -> tuple[int, int, int] | None:
    """Differs where the file was written or replaced."""
    try:
        status = file.stat() if file else None
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_ino, status.st_size) if status else None
