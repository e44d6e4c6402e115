"""Classify, Regress, metadata, status, and the client that TFX validates models with."""

import grpc
import pytest
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest, SignatureDefMap
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, ModelVersionStatus
from tensorflow_serving.apis.input_pb2 import ExampleList, ExampleListWithContext, Input
from tensorflow_serving.apis.regression_pb2 import RegressionRequest
from tfx.components.infra_validator.model_server_clients.tensorflow_serving_client import TensorFlowServingClient
from tfx.components.infra_validator.types import ModelServingStatus

from serving.reference import reference_images
from tests.serving.conformance.backends import Backend
from tests.serving.conformance.models import SMALL, TOY
from tests.serving.requests_of import DEADLINE_SECONDS, example, failure, image_request, spec

pytestmark = pytest.mark.slow

TWO = Input(example_list=ExampleList(examples=[example({"x": 4.0}), example({"x": -2.0})]))
IN_CONTEXT = Input(
    example_list_with_context=ExampleListWithContext(context=example({"x": 4.0}), examples=[example({})])
)


def test_classify(backend: Backend) -> None:
    request = ClassificationRequest(model_spec=spec(TOY, "classify"), input=TWO)

    response = backend.predictions.Classify(request, timeout=DEADLINE_SECONDS)

    assert response.model_spec == spec(TOY, "classify", version=7)
    rows = [[(each.label, each.score) for each in row.classes] for row in response.result.classifications]
    assert rows == [[("half", 4.0), ("whole", 4.0)], [("half", 1.0), ("whole", -2.0)]]


def test_regress(backend: Backend) -> None:
    request = RegressionRequest(model_spec=spec(TOY, "regress"), input=TWO)

    response = backend.predictions.Regress(request, timeout=DEADLINE_SECONDS)

    assert response.model_spec == spec(TOY, "regress", version=7)
    assert [each.value for each in response.result.regressions] == [4.0, 1.0]


def test_a_context_lends_its_features(backend: Backend) -> None:
    request = RegressionRequest(model_spec=spec(TOY, "regress"), input=IN_CONTEXT)

    response = backend.predictions.Regress(request, timeout=DEADLINE_SECONDS)

    assert [each.value for each in response.result.regressions] == [4.0]


@pytest.mark.parametrize(
    ("asked", "given", "code"),
    [
        (spec(TOY, "nope"), TWO, "INVALID_ARGUMENT"),
        (spec(SMALL), TWO, "INVALID_ARGUMENT"),  # whose method is predict
        (spec(TOY, "echo"), TWO, "INVALID_ARGUMENT"),
        (spec("nobody"), TWO, "NOT_FOUND"),
    ],
)
def test_how_classify_and_regress_fail(backend: Backend, asked: object, given: Input, code: str) -> None:
    calls = (
        (backend.predictions.Classify, ClassificationRequest(model_spec=asked, input=given)),
        (backend.predictions.Regress, RegressionRequest(model_spec=asked, input=given)),
    )
    for call, request in calls:
        assert failure(call, request)[0] == grpc.StatusCode[code]


def test_no_examples_are_an_invalid_argument(backend: Backend) -> None:
    empty = Input(example_list=ExampleList())

    classify = ClassificationRequest(model_spec=spec(TOY, "classify"), input=empty)
    regress = RegressionRequest(model_spec=spec(TOY, "regress"), input=empty)

    assert failure(backend.predictions.Classify, classify)[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert failure(backend.predictions.Regress, regress)[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_metadata_are_the_signatures_of_the_saved_model(backend: Backend, served_folder: tuple[str, object]) -> None:
    request = GetModelMetadataRequest(model_spec=spec(SMALL, version=1), metadata_field=["signature_def"])

    response = backend.predictions.GetModelMetadata(request, timeout=DEADLINE_SECONDS)

    found = SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    saved = saved_model_pb2.SavedModel.FromString((served_folder[1] / SMALL / "1" / "saved_model.pb").read_bytes())
    for name in ("serving_default", "serving_image", "serving_explanation"):
        assert found.signature_def[name] == saved.meta_graphs[0].signature_def[name]
    assert response.model_spec == spec(SMALL, version=1)


@pytest.mark.parametrize(
    ("request_of_metadata", "code"),
    [
        (GetModelMetadataRequest(metadata_field=["signature_def"]), "INVALID_ARGUMENT"),
        (GetModelMetadataRequest(model_spec=spec(TOY)), "INVALID_ARGUMENT"),
        (GetModelMetadataRequest(model_spec=spec(TOY), metadata_field=["weights"]), "INVALID_ARGUMENT"),
        (GetModelMetadataRequest(model_spec=spec("nobody"), metadata_field=["signature_def"]), "NOT_FOUND"),
    ],
)
def test_how_metadata_fail(backend: Backend, request_of_metadata: GetModelMetadataRequest, code: str) -> None:
    assert failure(backend.predictions.GetModelMetadata, request_of_metadata)[0] == grpc.StatusCode[code]


def test_status_lists_the_newest_version_first(backend: Backend) -> None:
    response = backend.models.GetModelStatus(GetModelStatusRequest(model_spec=spec(SMALL)), timeout=DEADLINE_SECONDS)

    found = [(each.version, each.state, each.status.error_code) for each in response.model_version_status]
    assert found == [(2, ModelVersionStatus.AVAILABLE, 0), (1, ModelVersionStatus.AVAILABLE, 0)]


def test_status_of_one_version(backend: Backend) -> None:
    request = GetModelStatusRequest(model_spec=spec(SMALL, version=1))

    response = backend.models.GetModelStatus(request, timeout=DEADLINE_SECONDS)

    assert [each.version for each in response.model_version_status] == [1]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (spec("nobody"), "Could not find any versions of model nobody"),
        (spec(SMALL, version=9), "Could not find version 9 of model small"),
    ],
)
def test_status_of_what_is_not_there(backend: Backend, asked: object, text: str) -> None:
    code, said = failure(backend.models.GetModelStatus, GetModelStatusRequest(model_spec=asked))

    assert code == grpc.StatusCode.NOT_FOUND
    assert text in said


def test_the_client_of_tfx_finds_the_model_ready_and_gets_answers(backend: Backend) -> None:
    client = TensorFlowServingClient(backend.grpc_address, SMALL)

    assert client._GetServingStatus() == ModelServingStatus.READY
    client.SendRequests([image_request(spec(SMALL), reference_images())])
    assert TensorFlowServingClient(backend.grpc_address, "nobody")._GetServingStatus() == ModelServingStatus.NOT_READY
