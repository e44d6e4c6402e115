"""One suite for the embedded server and for TensorFlow Serving."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.servable import Servable
from tests.serving.conformance.backends import (
    EMBEDDED,
    IN_IMAGE,
    TENSORFLOW_SERVING,
    Backend,
    skip_where_there_is_none,
    start,
)
from tests.serving.conformance.models import SMALL, write_models
from tests.serving.conftest import Exported


@pytest.fixture(scope="session")
def second_exported(export_model: Callable[..., Exported]) -> Exported:
    """Tells classes apart at another threshold than `exported`."""
    return export_model(("benign", "malignant"), 0.25)


@pytest.fixture(scope="session")
def model_folders(
    exported: Exported, second_exported: Exported, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """The folder of all models, as a backend sees it."""

    def write(name: str) -> Path:
        if name == TENSORFLOW_SERVING and "TFS_MODELS" in os.environ:
            return Path(os.environ["TFS_MODELS"])
        folder = tmp_path_factory.mktemp(name)
        in_image = name == TENSORFLOW_SERVING and "TFS_BIN" not in os.environ
        write_models(folder, exported.directory, second_exported.directory, IN_IMAGE if in_image else folder)
        return folder

    return write


@pytest.fixture(scope="session", params=[EMBEDDED, TENSORFLOW_SERVING])
def served_folder(request: pytest.FixtureRequest, model_folders: Callable[[str], Path]) -> tuple[str, Path]:
    skip_where_there_is_none(request.param)
    return request.param, model_folders(request.param)


@pytest.fixture(scope="session")
def backend(served_folder: tuple[str, Path]) -> Iterator[Backend]:
    with start(*served_folder) as backend:
        yield backend


@pytest.fixture(scope="session")
def offline(served_folder: tuple[str, Path]) -> Iterator[Servable]:
    """Version 2 of the project's model, in this process."""
    with Servable(str(served_folder[1] / SMALL / "2")) as servable:
        yield servable


@pytest.fixture
def rest_url(backend: Backend) -> str:
    if not backend.rest_url:
        pytest.skip("not run: TFS_REST_ADDR is not set")
    return backend.rest_url
