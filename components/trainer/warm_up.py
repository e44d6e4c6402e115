"""Requests that a server answers before it takes a version into service, so that no client waits for the first."""

from collections.abc import Iterator, Sequence
from typing import Final

import tensorflow as tf
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

from schema import contract
from serving.examples import image_example
from serving.extras import extra_path

BATCHES: Final = (1, 4)


def write_warm_up_requests(name: str, images: Sequence[bytes], directory: str) -> None:
    """Writes requests to every signature.

    Args:
        name: of the model.
        images: encoded, and nobody's: they are published with the model.
        directory: of the SavedModel.
    """
    with tf.io.TFRecordWriter(extra_path(directory, contract.WARM_UP_FILE)) as writer:
        for request in _requests(name, images):
            writer.write(PredictionLog(predict_log=PredictLog(request=request)).SerializeToString())


def _requests(name: str, images: Sequence[bytes]) -> Iterator[PredictRequest]:
    inputs = {
        contract.SERVING_DEFAULT: (contract.EXAMPLES_INPUT, [image_example(image) for image in images]),
        contract.SERVING_IMAGE: (contract.IMAGE_BYTES_INPUT, images),
        contract.SERVING_EXPLANATION: (contract.IMAGE_BYTES_INPUT, images),
    }
    for signature, (key, values) in inputs.items():
        for size in BATCHES:
            request = PredictRequest(model_spec=ModelSpec(name=name, signature_name=signature))
            request.inputs[key].CopyFrom(tf.make_tensor_proto(list(values[:size]), tf.string))
            yield request
