"""Predict requests against the signature that they name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis.model_pb2 import ModelSpec

from schema import contract
from serving.saved_model import Arrays, SessionModel
from serving.server.errors import failed_precondition, invalid_argument
from serving.server.image_limits import check_images
from serving.server.settings import Limits
from serving.server.tensors import check_array, to_array


@dataclass(frozen=True)
class CheckedInputs:
    """What a signature takes, within the limits.

    Attributes: arrays: by name; size: pixels of the images once they are decoded, and values of the tensors.
    """

    arrays: Arrays
    size: int


def signature_name(spec: ModelSpec) -> str:
    return spec.signature_name or contract.SERVING_DEFAULT


def signature_of(model: SessionModel, name: str) -> SignatureDef:
    """Raises RequestError where the model has none of that name."""
    if name not in model.signatures:
        raise failed_precondition(f'Serving signature key "{name}" not found.')
    return model.signatures[name]


def decode_inputs(signature: SignatureDef, tensors: Mapping[str, TensorProto], limits: Limits) -> CheckedInputs:
    """Raises RequestError where they are not the inputs of the signature, or over a limit."""
    check_names(signature, tensors)
    arrays = {name: to_array(name, tensor, limits.message_bytes) for name, tensor in tensors.items()}
    return check_inputs(signature, arrays, limits)


def check_names(signature: SignatureDef, names: Iterable[str]) -> None:
    """Raises RequestError where there is an input missing, or one too many."""
    sent, wanted = set(names), set(signature.inputs)
    if len(sent) != len(wanted):
        raise invalid_argument(
            f"input size does not match signature: {len(sent)}!={len(wanted)} len({_braced(sent)})"
            f" != len({_braced(wanted)}). Sent extra: {_braced(sent - wanted)}."
            f" Missing but required: {_braced(wanted - sent)}."
        )
    for name in sorted(sent - wanted):
        raise invalid_argument(
            f"input tensor alias not found in signature: {name}. Inputs expected to be in the set {_braced(wanted)}."
        )


def check_inputs(signature: SignatureDef, arrays: Arrays, limits: Limits) -> CheckedInputs:
    """Raises RequestError where dtypes or shapes are not those of the signature, or a limit is passed."""
    for name, array in arrays.items():
        check_array(name, array, signature.inputs[name])
    return CheckedInputs(arrays, check_images(arrays, limits) + sum(array.size for array in arrays.values()))


def chosen_outputs(signature: SignatureDef, output_filter: Iterable[str]) -> list[str]:
    """The outputs that a request asks for; all where it names none. Raises RequestError for others."""
    chosen: list[str] = []
    for name in output_filter:
        if name not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {name} Outputs expected to be in the set"
                f" {_braced(signature.outputs)}."
            )
        if name in chosen:
            raise invalid_argument(f"duplicate output tensor alias: {name}")
        chosen.append(name)
    return chosen or sorted(signature.outputs)


def _braced(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
