"""The versions of one model, with a loader that is told what to do."""

from pathlib import Path

import pytest
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from serving.saved_model import UnusableModelError
from serving.server import served_model
from serving.server.errors import RequestError
from serving.server.served_model import ServedModel, VersionStatus
from serving.server.version_folders import Latest, ModelConfig, Specific, VersionPolicy

AVAILABLE = VersionStatus(ModelVersionStatus.AVAILABLE)
UNLOADING = VersionStatus(ModelVersionStatus.UNLOADING)
END = VersionStatus(ModelVersionStatus.END)


class FakeModel:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Loader:
    """Attributes: broken: versions that cannot be loaded; loaded: all that were, in order."""

    def __init__(self) -> None:
        self.broken: set[int] = set()
        self.loaded: list[int] = []
        self.models: dict[int, FakeModel] = {}

    def __call__(self, folder: Path) -> FakeModel:
        number = int(folder.name)
        if number in self.broken:
            raise UnusableModelError(f"version {number} is broken", fix="")
        self.loaded.append(number)
        self.models[number] = FakeModel()
        return self.models[number]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def loader() -> Loader:
    return Loader()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(served_model, "time", clock)
    return clock


def serve(base: Path, loader: Loader, policy: VersionPolicy | None = None, **labels: int) -> ServedModel:
    model = ServedModel(ModelConfig("m", base, policy or Latest(), labels), loader, lambda: None)
    model.refresh()
    return model


def add(base: Path, *numbers: int) -> None:
    for number in numbers:
        (base / str(number)).mkdir()
        (base / str(number) / "saved_model.pb").touch()


def remove(base: Path, number: int) -> None:
    (base / str(number) / "saved_model.pb").unlink()


def test_the_old_version_goes_when_the_new_one_is_there_and_its_requests_have_ended(
    tmp_path: Path, loader: Loader
) -> None:
    add(tmp_path, 1)
    model = serve(tmp_path, loader)
    with model.lease(None) as old:
        add(tmp_path, 2)
        model.refresh()
        assert model.statuses() == {2: AVAILABLE, 1: UNLOADING}
        assert not loader.models[1].closed
        with model.lease(None) as new:
            assert (old.number, new.number) == (1, 2)
    model.refresh()
    assert model.statuses() == {2: AVAILABLE, 1: END}
    assert loader.models[1].closed
    assert not loader.models[2].closed


def test_the_last_good_version_stays_where_the_new_one_is_broken(
    tmp_path: Path, loader: Loader, clock: Clock
) -> None:
    add(tmp_path, 1)
    model = serve(tmp_path, loader)
    loader.broken = {2}
    add(tmp_path, 2)
    model.refresh()

    assert model.available() == [1]
    assert model.statuses()[2] == VersionStatus(ModelVersionStatus.END, "version 2 is broken")


def test_a_server_that_starts_on_a_broken_version_serves_the_one_before(
    tmp_path: Path, loader: Loader, clock: Clock
) -> None:
    loader.broken = {3}
    add(tmp_path, 1, 2, 3)
    model = serve(tmp_path, loader)
    model.refresh()

    assert model.available() == [2]


def test_broken_versions_are_tried_again_after_growing_pauses(tmp_path: Path, loader: Loader, clock: Clock) -> None:
    tried: list[float] = []

    def load(_: Path) -> FakeModel:
        tried.append(clock.now)
        raise UnusableModelError("broken", fix="")

    add(tmp_path, 1)
    model = ServedModel(ModelConfig("m", tmp_path, Latest(), {}), load, lambda: None)
    for clock.now in range(200):
        model.refresh()

    assert tried == [0, 1, 3, 7, 15, 31, 63, 123, 183]


def test_a_broken_version_that_is_mended_serves(tmp_path: Path, loader: Loader, clock: Clock) -> None:
    loader.broken = {2}
    add(tmp_path, 1, 2)
    model = serve(tmp_path, loader)
    model.refresh()
    loader.broken = set()
    clock.now = 1.0
    model.refresh()

    assert model.available() == [2]
    assert model.statuses() == {2: AVAILABLE, 1: END}


def test_rollback_loads_the_earlier_version_before_the_later_goes(tmp_path: Path, loader: Loader) -> None:
    add(tmp_path, 1, 2)
    model = serve(tmp_path, loader)
    remove(tmp_path, 2)
    model.refresh()

    assert loader.loaded == [2, 1]
    assert model.statuses() == {2: END, 1: AVAILABLE}


def test_a_folder_without_versions_leaves_the_last_one_serving(tmp_path: Path, loader: Loader) -> None:
    add(tmp_path, 1)
    model = serve(tmp_path, loader)
    remove(tmp_path, 1)
    model.refresh()

    assert model.available() == [1]


def test_labels_move_once_their_version_is_available(tmp_path: Path, loader: Loader) -> None:
    add(tmp_path, 1)
    model = serve(tmp_path, loader, stable=1)
    model.configure(ModelConfig("m", tmp_path, Specific(frozenset({1, 2})), {"stable": 2}))
    model.refresh()
    assert model.version_of("stable") == 1

    add(tmp_path, 2)
    model.refresh()
    assert model.version_of("stable") == 2
    with pytest.raises(RequestError, match="Unrecognized servable version label: canary"):
        model.version_of("canary")


@pytest.mark.parametrize(("number", "asked"), [(None, r"Latest\(m\)"), (4, r"Specific\(m, 4\)")])
def test_what_is_not_available_cannot_be_leased(
    number: int | None, asked: str, tmp_path: Path, loader: Loader
) -> None:
    model = serve(tmp_path, loader)

    with pytest.raises(RequestError, match=f"Servable not found for request: {asked}"), model.lease(number):
        pass


def test_an_exception_ends_a_lease(tmp_path: Path, loader: Loader) -> None:
    add(tmp_path, 1)
    model = serve(tmp_path, loader)
    with pytest.raises(ZeroDivisionError), model.lease(1) as version:
        raise ZeroDivisionError

    assert version.is_idle
