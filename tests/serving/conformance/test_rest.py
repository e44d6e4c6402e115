"""The REST API."""

import base64
from typing import Any

import numpy as np
import pytest
import requests

from schema import contract
from serving.reference import reference_images
from serving.servable import Servable
from tests.serving.requests_of import DEADLINE_SECONDS

pytestmark = pytest.mark.slow

IMAGES = reference_images()
TOLERANCE = 1e-5


def b64(content: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(content).decode()}


ENCODED = [b64(image) for image in IMAGES]


def post(url: str, body: Any) -> tuple[int, Any]:
    response = requests.post(url, json=body, timeout=DEADLINE_SECONDS)
    return response.status_code, response.json()


def get(url: str) -> tuple[int, Any]:
    response = requests.get(url, timeout=DEADLINE_SECONDS)
    return response.status_code, response.json()


@pytest.mark.parametrize("instances", [[{"image_bytes": each} for each in ENCODED], ENCODED])
def test_rows_of_images(rest_url: str, offline: Servable, instances: list[Any]) -> None:
    body = {"signature_name": contract.SERVING_IMAGE, "instances": instances}

    code, answer = post(f"{rest_url}/v1/models/small:predict", body)

    assert code == 200
    expected = offline.predict_images(IMAGES)
    found = np.array([row["probabilities"] for row in answer["predictions"]])
    np.testing.assert_allclose(found, expected.probabilities, rtol=0.0, atol=TOLERANCE)
    assert tuple(row["label"] for row in answer["predictions"]) == expected.labels
    assert [row["classes"] for row in answer["predictions"]] == [["benign", "malignant"]] * len(IMAGES)


@pytest.mark.parametrize("inputs", [{"image_bytes": ENCODED}, ENCODED])
def test_columns_of_images(rest_url: str, offline: Servable, inputs: Any) -> None:
    body = {"signature_name": contract.SERVING_EXPLANATION, "inputs": inputs}

    code, answer = post(f"{rest_url}/v1/models/small/versions/2:predict", body)

    assert code == 200
    expected = offline.explain_images(IMAGES)
    np.testing.assert_allclose(answer["outputs"]["heat_map"], expected.heat_maps, rtol=0.0, atol=TOLERANCE)
    assert answer["outputs"]["threshold"] == [0.25] * len(IMAGES)


@pytest.mark.parametrize(("path", "threshold"), [("/labels/stable", 0.5), ("/versions/1", 0.5), ("", 0.25)])
def test_versions_and_labels_in_paths(rest_url: str, path: str, threshold: float) -> None:
    body = {"signature_name": contract.SERVING_IMAGE, "instances": [b64(IMAGES[0])]}

    code, answer = post(f"{rest_url}/v1/models/small{path}:predict", body)

    assert (code, answer["predictions"][0]["threshold"]) == (200, threshold)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"instances": [[1.0, 2], [-4, 0.5]]}, {"predictions": [[2.5, 3.0], [0.0, 2.25]]}),
        ({"instances": [{"x": [1.0, 2]}]}, {"predictions": [[2.5, 3.0]]}),
        ({"inputs": [[1.0, 2]]}, {"outputs": [[2.5, 3.0]]}),
        ({"inputs": {"x": [[1.0, 2]]}}, {"outputs": [[2.5, 3.0]]}),
        (
            {"signature_name": "echo", "instances": ["häm", b64(b"x")]},
            {
                "predictions": [
                    {"same": "häm", "same_bytes": b64("häm".encode())},
                    {"same": "x", "same_bytes": b64(b"x")},
                ]
            },
        ),
    ],
)
def test_both_formats(rest_url: str, body: dict[str, Any], answer: dict[str, Any]) -> None:
    assert post(f"{rest_url}/v1/models/toy:predict", body) == (200, answer)


def test_classify_and_regress(rest_url: str) -> None:
    examples = [{"x": 4.0}, {"x": [-2.0]}]

    classified = post(f"{rest_url}/v1/models/toy:classify", {"signature_name": "classify", "examples": examples})
    regressed = post(f"{rest_url}/v1/models/toy:regress", {"signature_name": "regress", "examples": examples})
    in_context = post(
        f"{rest_url}/v1/models/toy:regress", {"signature_name": "regress", "context": {"x": 4.0}, "examples": [{}]}
    )

    assert classified == (200, {"results": [[["half", 4.0], ["whole", 4.0]], [["half", 1.0], ["whole", -2.0]]]})
    assert regressed == (200, {"results": [4.0, 1.0]})
    assert in_context == (200, {"results": [4.0]})


def test_status(rest_url: str) -> None:
    available = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}

    assert get(f"{rest_url}/v1/models/small") == (
        200,
        {"model_version_status": [{"version": "2", **available}, {"version": "1", **available}]},
    )
    assert get(f"{rest_url}/v1/models/small/versions/1") == (
        200,
        {"model_version_status": [{"version": "1", **available}]},
    )


def test_metadata(rest_url: str) -> None:
    code, answer = get(f"{rest_url}/v1/models/small/metadata")

    assert code == 200
    assert (answer["model_spec"]["name"], answer["model_spec"]["version"]) == ("small", "2")
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_image"]
    assert signature["inputs"]["image_bytes"]["dtype"] == "DT_STRING"
    assert signature["outputs"]["probabilities"]["tensor_shape"]["dim"][1]["size"] == "2"


PREDICT = "toy:predict"


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("nobody:predict", {"instances": [[1.0, 2.0]]}, 404),
        ("toy/versions/99:predict", {"instances": [[1.0, 2.0]]}, 404),
        ("toy/labels/nope:predict", {"instances": [[1.0, 2.0]]}, 400),
        ("toy:guess", {"instances": [[1.0, 2.0]]}, 400),
        (PREDICT, {"instances": [[1.0, 2.0]], "inputs": [[1.0, 2.0]]}, 400),
        (PREDICT, {}, 400),
        (PREDICT, [], 400),
        (PREDICT, {"instances": []}, 400),
        (PREDICT, {"instances": "text"}, 400),
        (PREDICT, {"instances": [["a", "b"]]}, 400),
        (PREDICT, {"instances": [[1.0, True]]}, 400),
        (PREDICT, {"instances": [[1.0], [1.0, 2.0]]}, 400),
        (PREDICT, {"instances": [[[1.0, 2.0]]]}, 400),
        (PREDICT, {"instances": [{"z": [1.0, 2.0]}]}, 400),
        (PREDICT, {"instances": [{"x": [1.0, 2.0]}, {"z": [1.0, 2.0]}]}, 400),
        (PREDICT, {"inputs": {"x": [[1.0, 2.0]], "z": [[1.0, 2.0]]}}, 400),
        (PREDICT, {"signature_name": "nope", "instances": [[1.0, 2.0]]}, 400),
        (PREDICT, {"signature_name": 7, "instances": [[1.0, 2.0]]}, 400),
        (PREDICT, {"signature_name": "echo", "instances": [{"b64": "***"}]}, 400),
        ("toy:regress", {"signature_name": "regress", "examples": []}, 400),
        ("toy:classify", {"signature_name": "regress", "examples": [{"x": 1.0}]}, 400),
    ],
)
def test_how_requests_fail(rest_url: str, path: str, body: Any, code: int) -> None:
    found, answer = post(f"{rest_url}/v1/models/{path}", body)

    assert found == code, answer
    assert list(answer) == ["error"]
    assert answer["error"]
    assert "Traceback" not in answer["error"]


def test_what_is_no_json_is_a_bad_request(rest_url: str) -> None:
    for body in (b"", b"{", b"\xff", b"[" * 100_000):
        response = requests.post(f"{rest_url}/v1/models/toy:predict", data=body, timeout=DEADLINE_SECONDS)
        assert response.status_code == 400
        assert list(response.json()) == ["error"]


def test_status_of_what_is_not_there(rest_url: str) -> None:
    assert get(f"{rest_url}/v1/models/nobody") == (404, {"error": "Could not find any versions of model nobody"})
    assert get(f"{rest_url}/v1/models/small/versions/9")[0] == 404


def test_undecodable_images_are_a_bad_request(rest_url: str) -> None:
    body = {"signature_name": contract.SERVING_IMAGE, "instances": [b64(b"no image")]}

    assert post(f"{rest_url}/v1/models/small:predict", body)[0] == 400
