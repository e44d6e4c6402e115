"""Predict over gRPC: answers, and how wrong requests fail."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto

from schema import contract
from serving.reference import reference_images
from serving.servable import Servable
from tests.serving.conformance.backends import Backend
from tests.serving.conformance.models import SMALL, TOY
from tests.serving.requests_of import (
    DEADLINE_SECONDS,
    arrays,
    example,
    failure,
    image_request,
    predict_request,
    spec,
    strings,
)

pytestmark = pytest.mark.slow

TOLERANCE = 1e-5
IMAGES = reference_images()
EXAMPLES = [example({contract.IMAGE_ENCODED: image}).SerializeToString() for image in IMAGES]
NUMBERS = np.array([[1.0, 2.0], [-4.0, 0.5], [0.0, 1e6]], np.float32)


def numbers(**fields: object) -> TensorProto:
    """Of the shape of NUMBERS, where no other is given."""
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in fields.pop("shape", NUMBERS.shape)])
    return TensorProto(**{"dtype": tf.float32.as_datatype_enum, "tensor_shape": shape, **fields})


@pytest.mark.parametrize(
    ("signature", "name", "values"),
    [
        (contract.SERVING_IMAGE, contract.IMAGE_BYTES_INPUT, IMAGES),
        (contract.SERVING_EXPLANATION, contract.IMAGE_BYTES_INPUT, IMAGES),
        (contract.SERVING_DEFAULT, contract.EXAMPLES_INPUT, EXAMPLES),
    ],
)
def test_every_signature_answers_as_the_model_does_offline(
    backend: Backend, offline: Servable, signature: str, name: str, values: list[bytes]
) -> None:
    request = predict_request(spec(SMALL, signature), {name: strings(values)})

    response = backend.predictions.Predict(request, timeout=DEADLINE_SECONDS)

    assert response.model_spec == spec(SMALL, signature, version=2)
    found, expected = arrays(response), offline.run(signature, {name: np.array(values, object)})
    assert found.keys() == expected.keys()
    for output, array in expected.items():
        assert found[output].dtype == array.dtype
        assert found[output].shape == array.shape
        if array.dtype == object:
            assert found[output].tolist() == array.tolist()
        else:
            np.testing.assert_allclose(found[output], array, rtol=0.0, atol=TOLERANCE)
    assert response.outputs[contract.PROBABILITIES].float_val, "clients read float_val"
    assert found[contract.THRESHOLD].tolist() == [0.25] * len(IMAGES)


def test_the_signature_is_the_default_one_unless_named(backend: Backend) -> None:
    request = predict_request(spec(SMALL), {contract.EXAMPLES_INPUT: strings(EXAMPLES[:1])})

    assert (
        backend.predictions.Predict(request, timeout=DEADLINE_SECONDS).model_spec.signature_name == "serving_default"
    )


@pytest.mark.parametrize(
    ("asked", "version", "threshold"),
    [
        (spec(SMALL), 2, 0.25),
        (spec(SMALL, version=1), 1, 0.5),
        (spec(SMALL, version=2), 2, 0.25),
        (spec(SMALL, label="stable"), 1, 0.5),
        (spec(SMALL, label="canary"), 2, 0.25),
    ],
)
def test_versions_and_labels(backend: Backend, asked: object, version: int, threshold: float) -> None:
    response = backend.predictions.Predict(image_request(asked, IMAGES[:1]), timeout=DEADLINE_SECONDS)

    assert response.model_spec.version.value == version
    assert arrays(response)[contract.THRESHOLD].tolist() == [threshold]


def test_only_the_outputs_that_are_asked_for(backend: Backend) -> None:
    wanted = [contract.PREDICTED_LABEL, contract.THRESHOLD]
    request = predict_request(
        spec(SMALL, contract.SERVING_IMAGE), {contract.IMAGE_BYTES_INPUT: strings(IMAGES[:1])}, wanted
    )

    response = backend.predictions.Predict(request, timeout=DEADLINE_SECONDS)

    assert sorted(response.outputs) == sorted(wanted)


@pytest.mark.parametrize(
    "sent",
    [
        numbers(tensor_content=NUMBERS.tobytes()),
        numbers(float_val=NUMBERS.ravel().tolist()),
    ],
)
def test_numbers_by_content_and_by_value(backend: Backend, sent: TensorProto) -> None:
    response = backend.predictions.Predict(predict_request(spec(TOY), {"x": sent}), timeout=DEADLINE_SECONDS)

    np.testing.assert_allclose(arrays(response)["y"], NUMBERS * 0.5 + 2.0, rtol=1e-6)
    assert response.model_spec == spec(TOY, "serving_default", version=7)


def test_one_value_stands_for_all(backend: Backend) -> None:
    request = predict_request(spec(TOY), {"x": numbers(float_val=[4.0])})

    assert arrays(backend.predictions.Predict(request, timeout=DEADLINE_SECONDS))["y"].tolist() == [[4.0, 4.0]] * 3


def test_an_empty_batch_of_numbers(backend: Backend) -> None:
    request = predict_request(spec(TOY), {"x": numbers(shape=(0, 2))})

    assert arrays(backend.predictions.Predict(request, timeout=DEADLINE_SECONDS))["y"].shape == (0, 2)


X = {"x": numbers(float_val=[1.0])}


@pytest.mark.parametrize(
    ("asked", "inputs", "code", "text"),
    [
        (spec("nobody"), X, "NOT_FOUND", "Servable not found for request: Latest(nobody)"),
        (spec(TOY, version=99), X, "NOT_FOUND", "Servable not found for request: Specific(toy, 99)"),
        (spec(TOY, label="nope"), X, "INVALID_ARGUMENT", "Unrecognized servable version label: nope"),
        (spec("../toy"), X, "NOT_FOUND", "Servable not found for request: Latest(../toy)"),
        (spec(""), X, "INVALID_ARGUMENT", ""),
        (spec(TOY, "nope"), X, "FAILED_PRECONDITION", 'Serving signature key "nope" not found.'),
        (spec(TOY), {}, "INVALID_ARGUMENT", "Missing but required: {x}"),
        (spec(TOY), {**X, "z": X["x"]}, "INVALID_ARGUMENT", "Sent extra: {z}"),
        (spec(TOY), {"z": X["x"]}, "INVALID_ARGUMENT", "input tensor alias not found in signature: z"),
        (spec(TOY), {"x": tf.make_tensor_proto([[1, 2]], tf.int32)}, "INVALID_ARGUMENT", ""),
        (spec(TOY), {"x": strings([b"a", b"b"])}, "INVALID_ARGUMENT", ""),
        (spec(TOY), {"x": numbers(shape=(1, 3), float_val=[1.0])}, "INVALID_ARGUMENT", ""),
        (spec(TOY), {"x": numbers(shape=(), float_val=[1.0])}, "INVALID_ARGUMENT", ""),
        (spec(TOY), {"x": numbers(tensor_content=b"1234")}, "INVALID_ARGUMENT", "tensor parsing error: x"),
        (spec(TOY), {"x": numbers(shape=(2**40, 2**40), tensor_content=b"1234")}, "INVALID_ARGUMENT", "x"),
        (spec(TOY), {"x": numbers(shape=(-5, 2), float_val=[1.0])}, "INVALID_ARGUMENT", "tensor parsing error: x"),
        (spec(TOY), {"x": TensorProto(dtype=99)}, "INVALID_ARGUMENT", "tensor parsing error: x"),
    ],
)
def test_how_requests_fail(
    backend: Backend, asked: object, inputs: dict[str, TensorProto], code: str, text: str
) -> None:
    found, said = failure(backend.predictions.Predict, predict_request(asked, inputs))

    assert found == grpc.StatusCode[code], said
    assert text in said
    assert "Traceback" not in said


@pytest.mark.parametrize("image", [b"", b"no image", IMAGES[0][:40], b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_what_is_no_image_is_an_invalid_argument(backend: Backend, image: bytes) -> None:
    for asked in (spec(SMALL, contract.SERVING_IMAGE), spec(SMALL, contract.SERVING_EXPLANATION)):
        code, said = failure(backend.predictions.Predict, image_request(asked, [IMAGES[0], image]))
        assert code == grpc.StatusCode.INVALID_ARGUMENT, said


@pytest.mark.parametrize("serialized", [b"\xff\xff", example({}).SerializeToString()])
def test_what_is_no_example_is_an_invalid_argument(backend: Backend, serialized: bytes) -> None:
    request = predict_request(spec(SMALL), {contract.EXAMPLES_INPUT: strings([EXAMPLES[0], serialized])})

    assert failure(backend.predictions.Predict, request)[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_an_output_that_is_not_there_is_an_invalid_argument(backend: Backend) -> None:
    code, said = failure(backend.predictions.Predict, predict_request(spec(TOY), X, ["z"]))

    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "output tensor alias not found in signature: z Outputs expected to be in the set {y}." in said
