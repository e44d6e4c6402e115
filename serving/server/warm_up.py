"""A version is asked before it serves, so that no client waits for its first answer, and none gets a broken one."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from schema import contract
from serving.examples import image_example
from serving.extras import extra_path, read_extra
from serving.reference import ReferencePredictions
from serving.saved_model import MODEL_FIX, SessionModel, UnusableModelError, first_line
from serving.server.errors import RequestError
from serving.server.requests import decode_inputs, signature_name, signature_of
from serving.server.settings import Limits

_MAXIMUM_RECORDS: Final = 1000  # as TensorFlow Serving reads


def warm_up(model: SessionModel, limits: Limits) -> None:
    """Runs the warm-up records beside the model, else one reference image through each signature of this project.

    Raises UnusableModelError where the model does not answer.
    """
    try:
        if _beside(model, contract.WARM_UP_FILE).exists():
            _run_records(model, limits)
        elif _beside(model, contract.REFERENCE_FILE).exists():
            _run_reference(model)
    except tf.errors.OpError as error:
        raise _failed(model, first_line(error)) from error
    except RequestError as error:
        raise _failed(model, error.message) from error
    except (ValueError, KeyError, DecodeError) as error:
        raise _failed(model, f"{type(error).__name__}: {error}") from error


def _run_records(model: SessionModel, limits: Limits) -> None:
    requests = islice(_predict_requests(_beside(model, contract.WARM_UP_FILE)), _MAXIMUM_RECORDS)
    asked = 0
    for asked, request in enumerate(requests, start=1):  # noqa: B007  counts, for after the loop
        name = signature_name(request.model_spec)
        model.run(name, decode_inputs(signature_of(model, name), request.inputs, limits).arrays)
    if not asked:  # which is also how a truncated file reads
        raise ValueError(f"{contract.WARM_UP_FILE} holds no record")


def _predict_requests(path: Path) -> Iterator[PredictRequest]:
    for record in tf.compat.v1.io.tf_record_iterator(str(path)):
        log = PredictionLog.FromString(record)
        if log.WhichOneof("log_type") != "predict_log":
            raise ValueError("a warm-up record is no predict_log")
        yield log.predict_log.request


def _run_reference(model: SessionModel) -> None:
    image = ReferencePredictions.from_json(read_extra(model.directory, contract.REFERENCE_FILE)).images[0]
    requests = {
        contract.SERVING_IMAGE: {contract.IMAGE_BYTES_INPUT: np.array([image], object)},
        contract.SERVING_EXPLANATION: {contract.IMAGE_BYTES_INPUT: np.array([image], object)},
        contract.SERVING_DEFAULT: {contract.EXAMPLES_INPUT: np.array([image_example(image)], object)},
    }
    for signature in sorted(requests.keys() & model.signatures.keys()):
        model.run(signature, requests[signature])


def _beside(model: SessionModel, name: str) -> Path:
    return Path(extra_path(model.directory, name))


def _failed(model: SessionModel, reason: str) -> UnusableModelError:
    return UnusableModelError(f"The model in {model.directory} fails at its warm-up ({reason}).", fix=MODEL_FIX)
