"""What there is to check a model with: TensorFlow Serving where it is to be had, else a session in a new process."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from components.infra_validation.remote import RemoteModel, wait_until_available
from components.infra_validation.servers import configured_server, container, model_server
from schema.errors import ConfigurationError, PublishingError
from serving.check import check_answers
from serving.saved_model import UnusableModelError

BINARY: Final = "tensorflow_model_server"
BINARY_VARIABLE: Final = "TFS_BIN"
ADDRESS_VARIABLE: Final = "TFS_ADDR"
IMAGE_VARIABLE: Final = "TFS_IMAGE"
_MODEL_NAME: Final = "validated"
_CHECK_TIMEOUT_SECONDS: Final = 600
_FIX: Final = "see the log; the versions published before still serve"


class Backend(Protocol):
    """Something that serves."""

    @property
    def title(self) -> str:
        """For the record."""

    def check(self, model: Path) -> None:
        """Raises PublishingError where the model does not answer as the trainer did. Args: model: a SavedModel."""


@dataclass(frozen=True)
class SessionLoader:
    """TensorFlow's own loader in a new process: what TensorFlow Serving is built on, and not TensorFlow Serving."""

    title: str = "the session loader"

    def check(self, model: Path) -> None:
        finished = subprocess.run(
            [sys.executable, "-m", "serving.check", str(model)],
            capture_output=True,
            text=True,
            timeout=_CHECK_TIMEOUT_SECONDS,
            check=False,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},  # the trainer may hold all of the GPU's memory
        )
        if finished.returncode != 0:
            # A process that died has no findings of its own to tell; then the end of its chatter has to do.
            raise _refusal(
                self.title, finished.stdout.strip().splitlines()[:1] or finished.stderr.strip().splitlines()[-3:]
            )


@dataclass(frozen=True)
class ModelServerBinary:
    """Starts a `tensorflow_model_server` for the time of the check."""

    path: str

    @property
    def title(self) -> str:
        return f"TensorFlow Serving ({self.path})"

    def check(self, model: Path) -> None:
        with model_server(self.path, _MODEL_NAME, model) as address:
            _check_at(address, model, self.title)


@dataclass(frozen=True)
class RunningServer:
    """A server that is there for checks alone and sees the same folders; its configuration is replaced."""

    address: str

    @property
    def title(self) -> str:
        return f"TensorFlow Serving at {self.address}"

    def check(self, model: Path) -> None:
        with configured_server(self.address, _MODEL_NAME, model):
            _check_at(self.address, model, self.title)


@dataclass(frozen=True)
class Container:
    """Starts an image with Docker for the time of the check. Attributes: image: with its tag or digest."""

    image: str

    @property
    def title(self) -> str:
        return f"TensorFlow Serving ({self.image})"

    def check(self, model: Path) -> None:
        with container(self.image, _MODEL_NAME, model) as address:
            _check_at(address, model, self.title)


def find_backend(environment: Mapping[str, str]) -> Backend:
    """The first that is there: `TFS_BIN`, a binary on the PATH, `TFS_ADDR`, `TFS_IMAGE`; else the session loader."""
    binary = environment.get(BINARY_VARIABLE) or shutil.which(BINARY, path=environment.get("PATH"))
    if binary:
        return ModelServerBinary(binary)
    if address := environment.get(ADDRESS_VARIABLE):
        return RunningServer(address)
    if image := environment.get(IMAGE_VARIABLE):
        return Container(image)
    return SessionLoader()


def find_tensorflow_serving(environment: Mapping[str, str]) -> Backend:
    """Raises ConfigurationError where there is none."""
    backend = find_backend(environment)
    if isinstance(backend, SessionLoader):
        raise ConfigurationError(
            "serving.require_tensorflow_serving: there is no TensorFlow Serving to check the model with.",
            fix=f"put {BINARY} on the PATH, or name one with {BINARY_VARIABLE}, {ADDRESS_VARIABLE} or"
            f" {IMAGE_VARIABLE}; or set serving.require_tensorflow_serving=false",
        )
    return backend


def _check_at(address: str, model: Path, title: str) -> None:
    try:
        wait_until_available(address, _MODEL_NAME)
        with RemoteModel(address, _MODEL_NAME) as remote:
            check_answers(remote, str(model))
    except UnusableModelError as error:
        raise _refusal(title, [error.what]) from error


def _refusal(title: str, reasons: list[str]) -> PublishingError:
    return PublishingError(
        f"The model was blessed, but {title} does not serve it as it was trained; nothing was published.",
        reasons=reasons,
        fix=_FIX,
    )
