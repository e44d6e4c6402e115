"""Versions that come, go and break while the embedded server serves."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, ModelVersionStatus
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from components.publisher.releases import publish, staged
from serving.reference import reference_images
from serving.servable import Servable
from tests.serving.conftest import Exported
from tests.serving.load import Load, under_load
from tests.serving.requests_of import DEADLINE_SECONDS, failure, image_request, spec
from tests.serving.server_process import ServerProcess, wait_for

pytestmark = pytest.mark.slow

IMAGE = reference_images()[0]
FAST = ("--poll-seconds", "0.05")


NAMES = ("swapped", "published", "mended", "broken", "vanishing", "untidy")  # a model for each test, in one server


@pytest.fixture(scope="module")
def second(export_model: Callable[..., Exported]) -> Path:
    return export_model(("benign", "malignant"), 0.25).directory


@pytest.fixture(scope="module")
def right(exported: Exported) -> list[float]:
    with Servable(str(exported.directory)) as servable:
        return servable.predict_images([IMAGE]).probabilities[0].tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, exported: Exported) -> Path:
    """Of the models, each in version 1."""
    folder = tmp_path_factory.mktemp("models")
    for name in NAMES:
        shutil.copytree(exported.directory, folder / name / "1")
    (folder / "models.config").write_text(configuration(*(model(folder / name) for name in NAMES)))
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerProcess]:
    with ServerProcess("--model-config-file", str(folder / "models.config"), *FAST) as server:
        for name in NAMES:
            server.wait_for_output(f"Serving {name}: 1")
        yield server


def states(server: ServerProcess, name: str) -> dict[int, tuple[int, str]]:
    """State and error of each version."""
    with grpc.insecure_channel(server.grpc_address) as channel:
        request = GetModelStatusRequest(model_spec=spec(name))
        answer = ModelServiceStub(channel).GetModelStatus(request, timeout=DEADLINE_SECONDS)
    return {each.version: (each.state, each.status.error_message) for each in answer.model_version_status}


def model(base: Path, policy: str = "", labels: str = "") -> str:
    """Of a model_config_list."""
    return f'config {{ name: "{base.name}" base_path: "{base}" model_version_policy {{ {policy} }} {labels} }}'


def configuration(*models: str) -> str:
    return f"model_config_list {{ {' '.join(models)} }}"


def label(name: str, version: int) -> str:
    return f'version_labels {{ key: "{name}" value: {version} }}'


def reload(*models: str) -> ReloadConfigRequest:
    return ReloadConfigRequest(config=text_format.Parse(configuration(*models), ModelServerConfig()))


def put(model: Path, target: Path) -> None:
    """As the publisher does: complete, or not at all."""
    staging = target.with_name(f".staging-{target.name}")
    shutil.copytree(model, staging)
    staging.rename(target)


def assert_flawless(load: Load) -> None:
    assert load.failures == {}
    assert load.differing == 0
    assert set(load.answers) <= {(1, 0.5), (2, 0.25)}


def test_a_new_version_and_the_way_back_without_a_failed_or_wrong_answer(
    server: ServerProcess, folder: Path, second: Path, right: list[float]
) -> None:
    base = folder / "swapped"
    with under_load(server.grpc_address, "swapped", IMAGE, right) as load:
        wait_for(lambda: load.answers[1, 0.5] > 20, "answers of version 1")
        put(second, base / "2")
        wait_for(lambda: load.answers[2, 0.25] > 20, "answers of version 2")
        wait_for(lambda: states(server, "swapped")[1][0] == ModelVersionStatus.END, "version 1 unloaded")
        first_answers = load.answers[1, 0.5]
        shutil.rmtree(base / "2")
        wait_for(lambda: load.answers[1, 0.5] > first_answers + 20, "answers of version 1 again")
        wait_for(lambda: states(server, "swapped")[2][0] == ModelVersionStatus.END, "version 2 unloaded")

    assert_flawless(load)
    assert states(server, "swapped")[1] == (ModelVersionStatus.AVAILABLE, "")


def test_what_the_publisher_publishes_is_served(
    server: ServerProcess, folder: Path, second: Path, tmp_path: Path
) -> None:
    base = folder / "published"
    cards = tmp_path / "cards"
    cards.mkdir()

    with staged(second, cards, base) as staging:
        version = publish(staging, base)

    server.wait_for_output(f"Serving published: {version}")


def test_a_broken_version_is_reported_and_the_last_good_one_serves(
    server: ServerProcess, folder: Path, second: Path, right: list[float], tmp_path: Path
) -> None:
    base = folder / "mended"
    broken = tmp_path / "broken"
    shutil.copytree(second, broken)
    shutil.rmtree(broken / "variables")
    with under_load(server.grpc_address, "mended", IMAGE, right) as load:
        put(broken, base / "2")
        wait_for(lambda: states(server, "mended").get(2, (0, ""))[1] != "", "an error of version 2")
        shutil.copytree(second / "variables", base / "2" / "variables")
        wait_for(lambda: load.answers[2, 0.25] > 0, "version 2, mended")

    assert_flawless(load)


def test_a_version_that_is_no_saved_model_is_reported(server: ServerProcess, folder: Path, tmp_path: Path) -> None:
    base = folder / "broken"
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"no model")

    put(tmp_path / "broken", base / "5")

    wait_for(lambda: states(server, "broken").get(5, (0, ""))[0] == ModelVersionStatus.END, "version 5 has ended")
    assert "cannot be loaded" in states(server, "broken")[5][1]
    assert states(server, "broken")[1][0] == ModelVersionStatus.AVAILABLE


def test_a_folder_that_vanishes_goes_on_serving(
    server: ServerProcess, folder: Path, second: Path, right: list[float], tmp_path: Path
) -> None:
    base = folder / "vanishing"
    with under_load(server.grpc_address, "vanishing", IMAGE, right) as load:
        base.rename(tmp_path / "away")
        wait_for(lambda: load.answers[1, 0.5] > 50, "answers without a folder")
        put(second, tmp_path / "away" / "2")
        (tmp_path / "away").rename(base)
        wait_for(lambda: load.answers[2, 0.25] > 0, "version 2")

    assert_flawless(load)


def test_folders_that_are_no_versions_are_left_alone(server: ServerProcess, folder: Path, second: Path) -> None:
    base = folder / "untidy"
    (base / "3").mkdir()  # without a SavedModel
    shutil.copytree(second, base / "latest")
    shutil.copytree(second, base / "-4")
    shutil.copytree(second, base / "²")
    put(second, base / "2")

    server.wait_for_output("Serving untidy: 2")

    assert states(server, "untidy").keys() == {1, 2}


@pytest.fixture(scope="module")
def labelled(
    tmp_path_factory: pytest.TempPathFactory, exported: Exported, second: Path
) -> Iterator[tuple[ServerProcess, Path, Path]]:
    """A server, its configuration file, and the folder of its model in versions 1 and 2."""
    folder = tmp_path_factory.mktemp("labelled")
    base, file = folder / "small", folder / "models.config"
    shutil.copytree(exported.directory, base / "1")
    shutil.copytree(second, base / "2")
    file.write_text(configuration(model(base, "specific { versions: 1 }", label("stable", 1))))
    with ServerProcess("--model-config-file", str(file), *FAST) as server:
        server.wait_for_output("Serving small: 1")
        yield server, file, base


def write(file: Path, text: str) -> None:
    staging = file.with_suffix(".new")
    staging.write_text(text)
    staging.replace(file)


def test_the_configuration_file_is_followed_and_labels_move_once_their_version_is_available(
    labelled: tuple[ServerProcess, Path, Path],
) -> None:
    server, file, base = labelled
    with grpc.insecure_channel(server.grpc_address) as channel:
        predictions = PredictionServiceStub(channel)
        stable = image_request(spec("small", label="stable"), [IMAGE])
        assert predictions.Predict(stable, timeout=DEADLINE_SECONDS).model_spec.version.value == 1

        write(file, configuration(model(base, "all {}", label("stable", 2))))
        wait_for(
            lambda: predictions.Predict(stable, timeout=DEADLINE_SECONDS).model_spec.version.value == 2, "the label"
        )
        write(file, "no configuration")
        server.wait_for_output("What was configured before stays in force.")
        assert states(server, "small")[1][0] == ModelVersionStatus.AVAILABLE
        write(file, configuration(model(base, "latest { num_versions: 1 }")))
        wait_for(lambda: states(server, "small")[1][0] == ModelVersionStatus.END, "version 1 unloaded")
        assert failure(predictions.Predict, stable)[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_a_client_may_choose_versions_and_labels_but_no_folders(
    labelled: tuple[ServerProcess, Path, Path],
) -> None:
    server, _, base = labelled
    with grpc.insecure_channel(server.grpc_address) as channel:
        change, predictions = ModelServiceStub(channel).HandleReloadConfigRequest, PredictionServiceStub(channel)

        answer = change(reload(model(base, "all {}", label("canary", 1))), timeout=DEADLINE_SECONDS)
        assert answer.status.error_code == 0
        canary = image_request(spec("small", label="canary"), [IMAGE])
        assert predictions.Predict(canary, timeout=DEADLINE_SECONDS).model_spec.version.value == 1
        assert {number: state for number, (state, _) in states(server, "small").items()} == {
            1: ModelVersionStatus.AVAILABLE,
            2: ModelVersionStatus.AVAILABLE,
        }

        code, said = failure(change, reload(model(base, "all {}", label("canary", 9))))
        assert (code, "version 9 of model small" in said) == (grpc.StatusCode.FAILED_PRECONDITION, True)
        assert predictions.Predict(canary, timeout=DEADLINE_SECONDS).model_spec.version.value == 1

        for wrong in (model(base.with_name("other")), model(base) * 2):
            assert failure(change, reload(wrong))[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_a_client_may_have_the_file_read_again(labelled: tuple[ServerProcess, Path, Path]) -> None:
    server, file, base = labelled
    write(file, configuration(model(base, "all {}", label("blue", 1))))
    with grpc.insecure_channel(server.grpc_address) as channel:
        ModelServiceStub(channel).HandleReloadConfigRequest(ReloadConfigRequest(), timeout=DEADLINE_SECONDS)

        blue = image_request(spec("small", label="blue"), [IMAGE])
        answer = PredictionServiceStub(channel).Predict(blue, timeout=DEADLINE_SECONDS)
    assert answer.model_spec.version.value == 1
