"""The versions of one model: which are on disk, which are loaded, and which answer."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from serving.saved_model import SessionModel, UnusableModelError
from serving.server.errors import RequestError, invalid_argument, not_found
from serving.server.loaded_version import LoadedVersion
from serving.server.version_folders import ModelConfig, find_versions

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE: Final = 1.0  # seconds until a version that could not be loaded is tried again; doubled each time
_LONGEST_PAUSE: Final = 60.0

Load = Callable[[Path], SessionModel]


@dataclass(frozen=True)
class VersionStatus:
    """Attributes: state: of TensorFlow Serving's protocol; error: why the version could not be loaded, or empty."""

    state: ModelVersionStatus.State
    error: str = ""


@dataclass(frozen=True)
class _Failure:
    pause: float
    due: float


class ServedModel:
    """`refresh` is called by one thread at a time; everything else by any."""

    def __init__(self, config: ModelConfig, load: Load, on_change: Callable[[], None]) -> None:
        """Args:
        load: opens a version folder and warms it up. Raises UnusableModelError.
        on_change: called when a version became available or went, and when `refresh` has work to do.
        """
        self._config = config
        self._load = load
        self._on_change = on_change
        self._lock = threading.Lock()
        self._statuses: dict[int, VersionStatus] = {}
        self._available: dict[int, LoadedVersion] = {}
        self._leaving: list[LoadedVersion] = []
        self._labels: dict[str, int] = {}
        self._failures: dict[int, _Failure] = {}

    @property
    def config(self) -> ModelConfig:
        return self._config

    def configure(self, config: ModelConfig) -> None:
        """Takes effect at the next `refresh`."""
        self._config = config

    def statuses(self) -> dict[int, VersionStatus]:
        """By version, the newest first."""
        with self._lock:
            return dict(sorted(self._statuses.items(), reverse=True))

    def available(self) -> list[int]:
        """Ascending."""
        with self._lock:
            return sorted(self._available)

    def labels(self) -> Mapping[str, int]:
        """Those in force: a label moves once the version that it is to name is available."""
        with self._lock:
            return dict(self._labels)

    def version_of(self, label: str) -> int:
        """Raises RequestError for an unknown label."""
        with self._lock:
            if label not in self._labels:
                raise invalid_argument(f"Unrecognized servable version label: {label}")
            return self._labels[label]

    @contextmanager
    def lease(self, number: int | None) -> Iterator[LoadedVersion]:
        """A version, by default the latest one, that is not unloaded meanwhile. Raises RequestError without it."""
        with self._lock:
            version = self._available.get(max(self._available, default=-1) if number is None else number)
            if version is None:
                raise self._no_such(number)
            version.retain()
        try:
            yield version
        finally:
            version.release()

    def _no_such(self, number: int | None) -> RequestError:
        wanted = f"Latest({self._config.name})" if number is None else f"Specific({self._config.name}, {number})"
        return not_found(f"Servable not found for request: {wanted}")

    def refresh(self) -> None:
        """Loads what is new, and only then lets go of what is no longer wanted."""
        found = find_versions(self._config.base)
        self._forget_failures(found)
        wanted = self._config.policy.select(found)
        # Where the latest cannot be loaded, the latest that can is served.
        servable = self._config.policy.select([number for number in found if number not in self._failures])
        for number in sorted(wanted | servable, reverse=True):
            if self._is_due(number):
                self._try_to_load(number, found[number])
        if servable & set(self.available()):
            self._retire(keep=self._config.policy.select([n for n in found if n not in self._failures]))
        self._assign_labels()
        self._unload_idle()

    def retire_all(self) -> None:
        """For a model that is no longer configured."""
        self._retire(keep=set())
        self._unload_idle()

    def has_leaving_versions(self) -> bool:
        return bool(self._leaving)

    def _forget_failures(self, found: Mapping[int, Path]) -> None:
        for number in [number for number in self._failures if number not in found]:
            del self._failures[number]

    def _is_due(self, number: int) -> bool:
        failure = self._failures.get(number)
        if failure:
            return time.monotonic() >= failure.due
        with self._lock:
            status = self._statuses.get(number)
        return status is None or status.state == ModelVersionStatus.END

    def _try_to_load(self, number: int, folder: Path) -> None:
        self._set(number, VersionStatus(ModelVersionStatus.LOADING))
        try:
            model = self._load(folder)
        except UnusableModelError as error:
            self._fail(number, error.what)
            return
        with self._lock:
            self._available[number] = LoadedVersion(number, model, self._on_idle)
            self._statuses[number] = VersionStatus(ModelVersionStatus.AVAILABLE)
        self._failures.pop(number, None)
        _LOG.info("%s: version %d is available", self._config.name, number)
        self._on_change()

    def _fail(self, number: int, reason: str) -> None:
        earlier = self._failures.get(number)
        pause = min(earlier.pause * 2, _LONGEST_PAUSE) if earlier else _FIRST_PAUSE
        self._failures[number] = _Failure(pause, time.monotonic() + pause)
        self._set(number, VersionStatus(ModelVersionStatus.END, reason))
        _LOG.error(
            "%s: version %d cannot be loaded, tried again in %g s: %s", self._config.name, number, pause, reason
        )

    def _retire(self, keep: set[int]) -> None:
        with self._lock:
            going = [number for number in self._available if number not in keep]
            for number in going:
                self._leaving.append(self._available.pop(number))
                self._statuses[number] = VersionStatus(ModelVersionStatus.UNLOADING)
        if going:
            self._on_change()

    def _unload_idle(self) -> None:
        for version in [version for version in self._leaving if version.is_idle]:
            self._leaving.remove(version)
            version.model.close()
            self._set(version.number, VersionStatus(ModelVersionStatus.END))
            _LOG.info("%s: version %d is unloaded", self._config.name, version.number)

    def _assign_labels(self) -> None:
        wanted = self._config.labels
        with self._lock:
            kept = {label: number for label, number in self._labels.items() if label in wanted}
            ready = {label: number for label, number in wanted.items() if number in self._available}
            self._labels = kept | ready

    def _set(self, number: int, status: VersionStatus) -> None:
        with self._lock:
            self._statuses[number] = status

    def _on_idle(self) -> None:
        if self._leaving:
            self._on_change()
